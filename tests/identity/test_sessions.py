"""Browser sessions: when they end, who can end them, and what their cookies may do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from api.settings import ClusterSettings, Settings, WebSettings
from api.web.access import still_signed_in
from knowledge.vocabulary import Role
from tests.identity.conftest import ADA, CHEAP, Browser, Door


async def signed_in(door: Door, name: str = "ada", address: str = "10.1.1.1") -> Browser:
    browser = door.browser(address)
    password = ADA if name == "ada" else "seven wet umbrellas"
    assert (await browser.sign_in(name, password)).status_code == 303
    return browser


async def test_session_ends_when_nobody_uses_it_and_at_the_latest_after_its_life(door: Door) -> None:
    idle, busy = await signed_in(door), await signed_in(door, address="10.1.1.2")
    for _ in range(2):
        door.advance(hours=5)
        await busy.get("/account")
    assert not await idle.is_signed_in()
    assert await busy.is_signed_in()
    door.advance(hours=2, minutes=1)
    assert not await busy.is_signed_in()


async def test_page_that_only_listens_does_not_keep_a_session_alive(door: Door) -> None:
    browser = await signed_in(door)
    for _ in range(9):
        await browser.client.get("/api/v1/me")
        door.advance(hours=1)
    assert not await browser.is_signed_in()


async def test_expired_session_leads_to_the_sign_in_and_back(door: Door) -> None:
    browser = await signed_in(door)
    door.advance(hours=9)
    answer = await browser.get("/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/account")
    assert (await browser.client.post("/account/password", data={"csrf": browser.csrf})).status_code == 303


@pytest.mark.parametrize("because", ["password", "disabled", "role lost", "all roles lost", "signed out by an admin"])
async def test_session_ends_at_once_when(door: Door, because: str) -> None:
    browser, other = await signed_in(door, "vera"), await signed_in(door)
    principals = door.ledger.principals
    if because == "password":
        door.set_password("vera", "nine tin lanterns")
    elif because == "disabled":
        principals.disable("vera")
    elif because == "role lost":
        principals.set_roles("vera", [Role.VIEWER, Role.RESPONDER])
        assert await browser.is_signed_in()
        principals.set_roles("vera", [Role.VIEWER])
    elif because == "all roles lost":
        principals.set_roles("vera", [])
    else:
        door.tokens["ada"] = door.ledger.principals.issue_token("ada", "cli")
        async with door.client("ada") as ada:
            assert (await ada.delete("/api/v1/users/vera/sessions")).status_code == 204
    assert not await browser.is_signed_in()
    assert await other.is_signed_in()
    assert door.audited("session.end")


async def test_role_that_was_given_holds_at_once_without_signing_in_again(door: Door) -> None:
    browser = await signed_in(door, "vera")
    door.ledger.principals.set_roles("vera", [Role.VIEWER, Role.APPROVER])
    assert set((await browser.client.get("/api/v1/me")).json()["principal"]["roles"]) == {"viewer", "approver"}


async def test_session_of_a_token_ends_with_the_token_and_no_other_does(door: Door) -> None:
    by_token, by_password = door.browser(), await signed_in(door, "vera")
    assert (await by_token.with_token(door.tokens["vera"])).status_code == 303
    door.ledger.principals.revoke_token("vera", "test")
    assert not await by_token.is_signed_in()
    assert await by_password.is_signed_in()


async def test_session_of_a_token_ends_when_the_token_runs_out(door: Door) -> None:
    from datetime import timedelta

    short = door.ledger.principals.issue_token("vera", "short", door.ledger.now() + timedelta(hours=1))
    browser = door.browser()
    await browser.with_token(short)
    assert await browser.is_signed_in()
    door.advance(minutes=61)
    assert not await browser.is_signed_in()


async def test_page_can_ask_cheaply_whether_its_session_still_stands(door: Door) -> None:
    await signed_in(door, "vera")
    face = door.app.state.face
    (session,) = door.ledger.browser_sessions.of("vera")
    principal = still_signed_in(face, session)
    assert principal is not None
    assert principal.id == "vera"
    door.ledger.principals.set_roles("vera", [Role.VIEWER, Role.ADMIN])
    again = still_signed_in(face, session)
    assert again is not None
    assert Role.ADMIN in again.roles
    door.ledger.browser_sessions.end_all("vera", actor="test")
    assert still_signed_in(face, session) is None


async def test_act_on_a_page_puts_off_the_end_of_an_idle_session(door: Door) -> None:
    browser = await signed_in(door, "vera")
    (session,) = door.ledger.browser_sessions.of("vera")
    door.advance(hours=7)
    assert still_signed_in(door.app.state.face, session, is_seen=True)
    door.advance(hours=4)
    assert await browser.is_signed_in()


async def test_cookie_is_a_secret_of_which_the_ledger_keeps_the_digest(door: Door) -> None:
    browser = await signed_in(door)
    secret = browser.cookies["opsdesk_session"]
    assert len(secret) >= 43
    path = door.ledger._store.url.database
    assert path is not None
    kept = b"".join(one.read_bytes() for one in Path(path).parent.glob("ledger.db*"))
    assert secret.encode() not in kept
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in kept
    assert (await signed_in(door)).cookies["opsdesk_session"] != secret


async def test_cookies_are_for_this_site_alone_and_out_of_reach_of_scripts(door: Door) -> None:
    browser = door.browser()
    await browser.get("/sign-in")
    answer = await browser.post("/sign-in", {"name": "ada", "password": ADA})
    said = {one.partition("=")[0]: one.lower() for one in answer.headers.get_list("set-cookie")}
    for name in ("opsdesk_session", "opsdesk_device"):
        assert "httponly" in said[name]
        assert "path=/" in said[name]
        assert "domain" not in said[name]
    assert "samesite=lax" in said["opsdesk_session"]
    assert "samesite=strict" in said["opsdesk_device"]


class TestBehindTls:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        web = WebSettings(public_url="https://desk.corp.test")
        return Settings(home=tmp_path / "home", web=web, clusters=(ClusterSettings(name="prod"),), sign_in=CHEAP)

    async def test_cookies_are_secure_and_bound_to_the_host(self, door: Door) -> None:
        browser = Browser(door, "10.1.1.1", base="https://desk.corp.test")
        answer = await browser.sign_in("ada", ADA)
        for one in answer.headers.get_list("set-cookie"):
            if "Max-Age=0" in one or one.startswith(("opsdesk_language", "opsdesk_theme", "opsdesk_zone")):
                continue
            assert one.startswith("__Host-opsdesk_")
            assert "Secure" in one
        assert await browser.is_signed_in()

    async def test_cookie_that_a_neighbouring_host_planted_is_not_read(self, door: Door) -> None:
        browser = Browser(door, "10.1.1.1", base="https://desk.corp.test")
        await browser.sign_in("ada", ADA)
        victim = Browser(door, "10.1.1.2", base="https://desk.corp.test")
        secret = browser.cookies["__Host-opsdesk_session"]
        victim.client.cookies.set("opsdesk_session", secret, domain="desk.corp.test")
        assert not await victim.is_signed_in()


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(door: Door) -> None:
    browser = await signed_in(door)
    secret = browser.cookies["opsdesk_session"]
    await browser.get("/account")
    assert (await browser.post("/sign-out", {})).headers["location"] == "/sign-in"
    thief = door.browser()
    thief.client.cookies.set("opsdesk_session", secret, domain="desk.test")
    assert not await thief.is_signed_in()
    assert [one.actor for one in door.audited("sign_out")] == ["ada"]


async def test_nobody_is_signed_out_by_another_sites_page(door: Door) -> None:
    browser = await signed_in(door)
    await browser.get("/account")
    assert (await browser.client.get("/sign-out")).status_code == 405
    assert (await browser.post("/sign-out", {"csrf": "x"})).status_code == 403
    assert (await browser.post("/sign-out", {}, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert await browser.is_signed_in()


async def test_sessions_are_listed_and_ended_through_the_api(door: Door) -> None:
    browser = await signed_in(door, "vera")
    async with door.client("vera") as api:
        (one,) = (await api.get("/api/v1/me/sessions")).json()
        assert one["method"] == "password"
        assert "hint" not in one
        assert (await api.delete("/api/v1/me/sessions")).status_code == 204
        assert (await api.get("/api/v1/me")).json()["signed_in"] | {"since": ""} == {
            "method": "token",
            "via": "test",
            "session": "",
            "since": "",
            "ends_at": None,
        }
    assert not await browser.is_signed_in()
