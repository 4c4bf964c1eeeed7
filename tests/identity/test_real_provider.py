"""Against a provider that is not ours: oidc-provider-mock, over HTTP on this machine. It says what it likes in its own words;
what we do not know of such programs shows here."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from api.health import check_provider
from api.identity.options import GroupGrant, OidcSettings
from api.settings import ClusterSettings, Settings
from knowledge.vocabulary import Role
from tests.identity.conftest import CHEAP, Browser, Door, known_there

GRANTS = (GroupGrant(group="sre", roles=(Role.RESPONDER, Role.VIEWER)), GroupGrant(group="all", roles=(Role.VIEWER,)))


@pytest.fixture
def oidc(issuer: str) -> OidcSettings:
    secret = SecretStr("a-secret-of-our-own")
    return OidcSettings(
        name="corp",
        issuer=issuer,
        client_id="opsdesk",
        client_secret=secret,
        groups=GRANTS,
        creates_principals=True,
        scopes=("openid", "profile", "email"),
    )


@pytest.fixture
def settings(tmp_path: Path, oidc: OidcSettings) -> Settings:
    return Settings(home=tmp_path / "home", clusters=(ClusterSettings(name="prod"),), sign_in=CHEAP, oidc=(oidc,))


def agreed(address: str, **form: str) -> str:
    """What the provider's own page answers when its form is sent."""
    page = httpx.get(address, trust_env=False)
    assert page.status_code == 200
    assert "<form" in page.text
    answer = httpx.post(address, data=form, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]


async def arrive(browser: Browser, **form: str) -> httpx.Response:
    begun = await browser.get("/sign-in/with/corp?next=/account")
    parts = urlsplit(agreed(begun.headers["location"], **form))
    return await browser.get(f"{parts.path}?{parts.query}")


async def test_person_signs_in_and_gets_the_roles_of_their_groups(door: Door, issuer: str) -> None:
    known_there(issuer, "u-7", preferred_username="noor", groups=["sre"], email="noor@corp.test")
    browser = door.browser()
    answer = await arrive(browser, sub="u-7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert door.ledger.principals.by_id("noor").roles == {Role.RESPONDER, Role.VIEWER}
    known_there(issuer, "u-7", preferred_username="noor", groups=["all"])
    assert (await arrive(door.browser(), sub="u-7")).status_code == 303
    assert door.ledger.principals.by_id("noor").roles == {Role.VIEWER}
    assert not await browser.is_signed_in()


async def test_person_without_group_is_turned_away(door: Door, issuer: str) -> None:
    known_there(issuer, "u-8", preferred_username="guest")
    assert (await arrive(door.browser(), sub="u-8")).status_code == 403
    assert "guest" not in {one.id for one in door.ledger.principals.list()}


async def test_person_who_does_not_agree_there_is_told_so_here(door: Door, issuer: str) -> None:
    """Its answer to a no has no state in it: nothing of it can be believed."""
    assert (await arrive(door.browser(), action="deny")).status_code == 401


async def test_code_that_was_used_is_refused_by_the_provider_too(door: Door, issuer: str) -> None:
    known_there(issuer, "u-7", preferred_username="noor", groups=["sre"])
    browser = door.browser()
    begun = await browser.get("/sign-in/with/corp")
    first = urlsplit(agreed(begun.headers["location"], sub="u-7"))
    assert (await browser.get(f"{first.path}?{first.query}")).status_code == 303
    thief = door.browser()
    again = urlsplit((await thief.get("/sign-in/with/corp")).headers["location"])
    state = dict(part.split("=") for part in again.query.split("&"))["state"]
    code = dict(part.split("=") for part in first.query.split("&"))["code"]
    assert (await thief.get(f"{first.path}?code={code}&state={state}")).status_code == 401


async def test_signing_out_leads_to_the_providers_own_page(door: Door, issuer: str) -> None:
    known_there(issuer, "u-7", preferred_username="noor", groups=["sre"])
    browser = door.browser()
    await arrive(browser, sub="u-7")
    await browser.get("/account")
    onward = await browser.post("/sign-out", {})
    address = onward.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&")
    async with httpx.AsyncClient(trust_env=False) as there:
        page = await there.get(address)
    assert page.status_code == 200
    assert "http://desk.test/sign-in" in page.text


def test_doctor_finds_the_provider_and_says_what_is_not_set(settings: Settings, oidc: OidcSettings) -> None:
    checks = check_provider(oidc, settings)
    assert [one.state for one in checks] == ["ok", "warning"]
    assert "public_url" in checks[1].next_step


def test_doctor_says_what_is_wrong_with_a_provider_that_does_not_answer(
    settings: Settings, issuer: str, oidc: OidcSettings
) -> None:
    for wrong, said in ((f"{issuer}/nowhere", "404"), ("http://localhost:1", "no answer")):
        (check,) = check_provider(oidc.model_copy(update={"issuer": wrong}), settings)
        assert check.state == "broken"
        assert said in check.detail
