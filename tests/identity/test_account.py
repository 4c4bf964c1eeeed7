"""A person's own account: what they can do to it, and what a stolen session cannot."""

from __future__ import annotations

import re

import pytest

from api.identity.visitors import Visitor
from knowledge.ledger.browser_sessions import SignInProof
from knowledge.vocabulary import Language, Role, Scope
from tests.identity.conftest import ADA, Browser, Door

VERA = "seven wet umbrellas"
NEW = "nine tin lanterns"


async def at_home(door: Door, name: str = "vera", address: str = "10.1.1.1") -> Browser:
    browser = door.browser(address)
    await browser.sign_in(name, ADA if name == "ada" else VERA)
    assert (await browser.get("/account")).status_code == 200
    return browser


async def test_password_is_changed_with_the_current_one_and_other_sessions_end(door: Door) -> None:
    here, elsewhere = await at_home(door), await at_home(door, address="10.1.1.2")
    given = {"current": VERA, "password": NEW, "again": NEW}
    assert (await here.post("/account/password", given)).status_code == 303
    assert await here.is_signed_in()
    assert not await elsewhere.is_signed_in()
    assert (await door.browser().sign_in("vera", NEW)).status_code == 303


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"current": "wrong", "password": NEW, "again": NEW}, "current password is wrong"),
        ({"password": NEW, "again": NEW}, "current password is wrong"),
        ({"current": VERA, "password": "short", "again": "short"}, "at least 12"),
        ({"current": VERA, "password": NEW, "again": NEW + "!"}, "not the same"),
        ({"current": VERA, "password": "vera vera vera", "again": "vera vera vera"}, "your name"),
    ],
)
async def test_password_stays_when_the_form_is_not_right(door: Door, given: dict[str, str], said: str) -> None:
    browser = await at_home(door)
    answer = await browser.post("/account/password", given)
    assert answer.status_code == 422
    assert said in answer.text
    assert (await door.browser().sign_in("vera", VERA)).status_code == 303


async def test_stolen_session_is_no_place_to_guess_the_password(door: Door) -> None:
    thief = await at_home(door)
    for _ in range(5):
        await thief.post("/account/password", {"current": "guess", "password": NEW, "again": NEW})
    answer = await thief.post("/account/password", {"current": VERA, "password": NEW, "again": NEW})
    assert answer.status_code == 429


async def test_token_is_made_with_the_password_shown_once_and_works(door: Door) -> None:
    browser = await at_home(door)
    refused = await browser.post("/account/tokens", {"label": "laptop", "days": "30"})
    assert refused.status_code == 422
    made = await browser.post("/account/tokens", {"label": "laptop", "days": "30", "current": VERA})
    found = re.search(r"ops_[\w-]{43}", made.text)
    assert found
    assert found[0] not in (await browser.get("/account")).text
    door.tokens["vera"] = found[0]
    async with door.client("vera") as api:
        me = (await api.get("/api/v1/me")).json()
    assert (me["principal"]["id"], me["signed_in"]["via"]) == ("vera", "laptop")
    assert (await browser.post("/account/tokens/revoke", {"label": "laptop"})).status_code == 303
    async with door.client("vera") as api:
        assert (await api.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize(
    "given", [{"label": ""}, {"label": "x" * 65}, {"label": "a\x1b[2J"}, {"label": "t", "days": "0"}]
)
async def test_token_without_a_fit_label_or_time_is_not_made(door: Door, given: dict[str, str]) -> None:
    browser = await at_home(door)
    assert (await browser.post("/account/tokens", {"days": "30", "current": VERA} | given)).status_code == 422
    assert [one.label for one in door.ledger.principals.tokens("vera")] == ["test"]


async def test_who_has_no_password_makes_a_token_only_just_after_signing_in(door: Door) -> None:
    door.person("tom")
    browser = door.browser()
    await browser.with_token(door.tokens["tom"])
    await browser.get("/account")
    assert (await browser.post("/account/tokens", {"label": "one", "days": "7"})).status_code == 200
    door.advance(minutes=16)
    await browser.get("/account")
    answer = await browser.post("/account/tokens", {"label": "two", "days": "7"})
    assert answer.status_code == 422
    assert "Sign in again first" in answer.text
    password = await browser.post("/account/password", {"password": NEW, "again": NEW})
    assert password.status_code == 422


async def test_one_session_or_all_of_them_are_ended(door: Door) -> None:
    here, there = await at_home(door), await at_home(door, address="10.1.1.2")
    other = next(one for one in door.ledger.browser_sessions.of("vera") if one.address == "10.1.1.2")
    assert (await here.post("/account/sessions/end", {"session": other.id})).status_code == 303
    assert not await there.is_signed_in()
    assert await here.is_signed_in()
    answer = await here.post("/account/sessions/end", {})
    assert answer.headers["location"] == "/sign-in"
    assert not await here.is_signed_in()


async def test_nobody_ends_or_revokes_what_is_somebody_elses(door: Door) -> None:
    vera, ada = await at_home(door), await at_home(door, "ada", "10.1.1.2")
    (session,) = door.ledger.browser_sessions.of("ada")
    door.ledger.linked_identities.link("oidc:https://corp.test", "u-1", "ada", actor="test")
    assert (await vera.post("/account/sessions/end", {"session": session.id})).status_code == 422
    stolen = {"provider": "oidc:https://corp.test", "subject": "u-1"}
    assert (await vera.post("/account/unlink", stolen)).status_code == 403
    door.ledger.principals.issue_token("ada", "hers")
    assert (await vera.post("/account/tokens/revoke", {"label": "hers"})).status_code == 422
    assert await ada.is_signed_in()
    assert len(door.ledger.linked_identities.of("ada")) == 1


async def test_last_way_in_is_not_unlinked(door: Door) -> None:
    door.ledger.principals.add("sol", [Role.VIEWER], Scope())
    door.ledger.linked_identities.link("oidc:https://corp.test", "u-1", "sol", actor="test")
    face = door.app.state.face
    secret, _ = face.sessions.open("sol", SignInProof(method="oidc", via="corp"), Visitor())
    browser = door.browser()
    browser.client.cookies.set("opsdesk_session", secret, domain="desk.test")
    await browser.get("/account")
    link = {"provider": "oidc:https://corp.test", "subject": "u-1"}
    assert (await browser.post("/account/unlink", link)).status_code == 422
    door.ledger.principals.issue_token("sol", "cli")
    assert (await browser.post("/account/unlink", link)).status_code == 303
    assert not await browser.is_signed_in()


FORMS = ["password", "sessions/end", "tokens", "tokens/revoke", "unlink", "preferences", "link/corp"]


@pytest.mark.parametrize("form", FORMS)
async def test_form_of_the_account_is_refused_without_its_token_or_from_another_site(door: Door, form: str) -> None:
    vera, ada = await at_home(door), await at_home(door, "ada", "10.1.1.2")
    for csrf in ("", "x", ada.csrf):
        assert (await vera.post(f"/account/{form}", {"csrf": csrf, "session": "", "label": "test"})).status_code == 403
    foreign = await vera.post(f"/account/{form}", {"label": "test"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    stranger = door.browser("10.6.6.6")
    assert (await stranger.post(f"/account/{form}", {"label": "test"})).status_code == 303
    assert await vera.is_signed_in()
    assert len(door.ledger.principals.tokens("vera")) == 1


async def test_preferences_are_kept_and_come_along_to_another_browser(door: Door) -> None:
    browser = await at_home(door)
    chosen = {"language": "zh", "time_zone": "Asia/Shanghai", "theme": "dark"}
    assert (await browser.post("/account/preferences", chosen)).status_code == 303
    kept = door.ledger.preferences.of("vera")
    assert (kept.language, kept.time_zone, kept.theme) == (Language.ZH, "Asia/Shanghai", "dark")
    other = await at_home(door, address="10.1.1.9")
    page = (await other.get("/account")).text
    assert "我的权限" in page
    assert 'data-zone="Asia/Shanghai"' in page
    assert 'data-theme="dark"' in page


@pytest.mark.parametrize(
    "given", [{"time_zone": "Mars/Olympus"}, {"time_zone": "../../etc/passwd"}, {"language": "xx"}, {"theme": "<b>"}]
)
async def test_preference_that_there_is_not_is_not_kept(door: Door, given: dict[str, str]) -> None:
    browser = await at_home(door)
    await browser.post("/account/preferences", given)
    kept = door.ledger.preferences.of("vera")
    assert (kept.language, kept.time_zone, kept.theme) == (None, "", "")


async def test_account_page_shows_what_a_browser_called_itself_as_text(door: Door) -> None:
    browser = door.browser("10.1.1.1", **{"User-Agent": "<script>alert(1)</script>\x1b[31m"})
    await browser.sign_in("vera", VERA)
    page = (await browser.get("/account")).text
    assert "<script>alert" not in page
    assert "\x1b" not in page
