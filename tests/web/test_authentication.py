"""Who gets in, as whom, and for how long."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.bootstrap import utc_now
from api.identity.visitors import Visitor
from api.web.sessions import Sessions
from knowledge.errors import MalformedSettings, NotAuthorised
from knowledge.ledger.browser_sessions import SignInProof
from knowledge.vocabulary import Role, Scope
from tests.web.conftest import Rig

READS = ["/incidents", "/tickets", "/approvals", "/freeze", "/me", "/cases", "/detectors", "/kb/search?q=oom"]


@pytest.mark.parametrize("path", READS)
async def test_api_answers_401_when_no_token_is_sent(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(f"/api/v1{path}")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json()["next_step"]


@pytest.mark.parametrize("proof", ["Bearer ops_wrong", "Bearer ", "Basic b3BzOng=", "ops_x", "Bearer \xff"])
async def test_api_answers_401_when_the_token_is_wrong(web: httpx.AsyncClient, proof: str) -> None:
    answer = await web.get("/api/v1/incidents", headers=[(b"Authorization", proof.encode("latin-1"))])
    assert answer.status_code == 401


async def test_token_stops_working_when_it_is_revoked_or_its_owner_disabled(rig: Rig) -> None:
    async with rig.client("vera") as vera, rig.client("rui") as rui:
        assert (await vera.get("/api/v1/incidents")).status_code == 200
        rig.ledger.principals.revoke_token("vera", "test")
        rig.ledger.principals.disable("rui")
        assert (await vera.get("/api/v1/incidents")).status_code == 401
        assert (await rui.get("/api/v1/incidents")).status_code == 401


async def test_token_stops_working_when_it_has_run_out(rig: Rig) -> None:
    old = rig.ledger.principals.issue_token("vera", "old", utc_now() - timedelta(seconds=1))
    async with rig.client() as client:
        answer = await client.get("/api/v1/incidents", headers={"Authorization": f"Bearer {old}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_need_no_token(web: httpx.AsyncClient, path: str) -> None:
    assert (await web.get(path)).status_code == 200


async def test_viewer_may_read_but_not_act(rig: Rig) -> None:
    async with rig.client("vera") as vera:
        assert (await vera.get("/api/v1/incidents")).status_code == 200
        answer = await vera.post("/api/v1/tickets", json={"text": "qwen2-7b is slow"})
        assert answer.status_code == 403
        assert "responder" in answer.json()["detail"]
        assert (await vera.post("/api/v1/freeze", json={"reason": "stop"})).status_code == 403
        assert (await vera.get("/api/v1/users")).status_code == 403


async def test_site_admin_alone_manages_users_and_sources(rig: Rig) -> None:
    async with rig.client("ada") as ada:
        added = await ada.post("/api/v1/users", json={"name": "noor", "roles": ["viewer"]})
        assert added.status_code == 201
        issued = (await ada.post("/api/v1/users/noor/tokens", json={"label": "laptop"})).json()["token"]
        mine = await ada.get("/api/v1/me", headers={"Authorization": f"Bearer {issued}"})
        assert mine.json()["principal"]["id"] == "noor"
        sources = await ada.get("/api/v1/sources")
        assert {one["id"] for one in sources.json()} == {"alertmanager", "signed"}
        assert "secret" not in sources.text


async def test_limited_admin_cannot_make_users_for_everywhere(rig: Rig) -> None:
    rig.person("lim", Role.ADMIN, scope=Scope(namespaces=("dev",)))
    async with rig.client("lim") as lim:
        answer = await lim.post("/api/v1/users", json={"name": "me2", "roles": ["approver"]})
    assert answer.status_code == 403


async def sign_in(client: httpx.AsyncClient, token: str) -> httpx.Response:
    page = await client.get("/sign-in")
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    return await client.post("/sign-in", data={"token": token, "csrf": csrf, "next": "/incidents"})


async def test_browser_signs_in_with_a_personal_token_and_stays_signed_in(rig: Rig) -> None:
    async with rig.client() as browser:
        assert (await browser.get("/incidents")).headers["location"] == "/sign-in?next=/incidents"
        answer = await sign_in(browser, rig.tokens["vera"])
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert "opsdesk_session=" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert rig.tokens["vera"] not in cookie
        assert (await browser.get("/incidents")).status_code == 200


async def test_sign_in_fails_with_words_and_no_cookie_when_the_token_is_wrong(rig: Rig) -> None:
    async with rig.client() as browser:
        answer = await sign_in(browser, "ops_guess")
        assert answer.status_code == 401
        assert "opsdesk_session" not in browser.cookies
        assert "not known" in answer.text


async def test_session_ends_when_its_token_is_revoked(rig: Rig) -> None:
    async with rig.client() as browser:
        await sign_in(browser, rig.tokens["vera"])
        rig.ledger.principals.revoke_token("vera", "test")
        assert (await browser.get("/incidents")).status_code == 303


async def test_session_cookie_reads_the_api_but_never_writes_it(rig: Rig) -> None:
    async with rig.client() as browser:
        await sign_in(browser, rig.tokens["rui"])
        assert (await browser.get("/api/v1/incidents")).status_code == 200
        answer = await browser.post("/api/v1/tickets", json={"text": "restart everything"})
        assert answer.status_code == 401


@pytest.mark.parametrize("next_page", ["//evil.test/x", "https://evil.test", "/\\evil.test", "javascript:alert(1)"])
async def test_sign_in_never_sends_the_browser_elsewhere(rig: Rig, next_page: str) -> None:
    async with rig.client() as browser:
        page = await browser.get("/sign-in")
        csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
        answer = await browser.post("/sign-in", data={"token": rig.tokens["vera"], "csrf": csrf, "next": next_page})
        assert answer.headers["location"] == "/"


def sessions_of(rig: Rig, key: Path, hours: float = 1) -> Sessions:
    return Sessions(key, rig.ledger.browser_sessions, timedelta(hours=hours), idle=timedelta(hours=1))


def test_session_cookie_is_refused_when_it_was_changed_or_has_ended(rig: Rig, tmp_path: Path) -> None:
    sessions = sessions_of(rig, tmp_path / "key")
    secret, session = sessions.open("vera", SignInProof(method="password"), Visitor())
    assert sessions.read(secret) is not None
    for broken in ("", ".", "...", "a.b.c.d", "é.ü.1.x", "\ud800", secret + "x", secret[:-1], session.id):
        assert sessions.read(broken) is None
    with pytest.raises(NotAuthorised):
        sessions.check_csrf(session.nonce, sessions.csrf_token("another"))
    ended, _ = sessions_of(rig, tmp_path / "key", hours=0).open("vera", SignInProof(method="password"), Visitor())
    assert sessions.read(ended) is None


def test_session_key_is_its_owners_alone_and_shared_by_every_process(rig: Rig, tmp_path: Path) -> None:
    key = tmp_path / "home" / "key"
    first = sessions_of(rig, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sessions_of(rig, key).csrf_token("nonce") == first.csrf_token("nonce")
    assert sessions_of(rig, tmp_path / "another").csrf_token("nonce") != first.csrf_token("nonce")
    key.chmod(0o644)
    with pytest.raises(MalformedSettings, match="read by others"):
        sessions_of(rig, key)
