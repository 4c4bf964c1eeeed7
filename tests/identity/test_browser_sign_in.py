"""In a real browser, against a provider that is not ours: there and back, and signing out in both places. Without scripts: what
leads from page to page is the pages' own doing, under their own content policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright
from pydantic import SecretStr

from api.identity.options import OidcSettings
from knowledge.vocabulary import Role
from tests.identity.conftest import GRANTS, Door, known_there
from tests.peers.programs import chromium_program
from tests.web.serving import served

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium_program()), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def providers(issuer: str) -> tuple[OidcSettings, ...]:
    corp = OidcSettings(
        name="corp",
        title="Corp",
        issuer=issuer,
        client_id="opsdesk",
        client_secret=SecretStr("a-secret-of-our-own"),
        groups=GRANTS,
        creates_principals=True,
    )
    return (corp,)


def test_person_goes_to_the_provider_and_back_and_signs_out_in_both_places(
    door: Door, issuer: str, chromium: Browser
) -> None:
    known_there(issuer, "u-7", preferred_username="noor", groups=["sre"])
    with served(door.app) as address:
        context = chromium.new_context(java_script_enabled=False, locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{address}/account")
        page.get_by_role("link", name="Sign in with Corp").click()
        assert page.url.startswith(issuer)
        page.locator("input[name=sub]").first.fill("u-7")
        page.locator("form button").first.click()
        page.wait_for_url(f"{address}/account")
        page.get_by_role("heading", name="noor").wait_for()
        assert door.ledger.principals.by_id("noor").roles == {Role.RESPONDER, Role.VIEWER}
        page.locator("form[action='/sign-out'] button").click()
        page.wait_for_url(re.compile(rf"^{re.escape(issuer)}/oauth2/end_session"))
        page.locator("form button").first.click()
        page.wait_for_url(f"{address}/sign-in")
        page.goto(f"{address}/account")
        assert urlsplit(page.url).path == "/sign-in"
        context.close()


def test_signed_in_person_links_their_account_there(door: Door, issuer: str, chromium: Browser) -> None:
    with served(door.app) as address:
        context = chromium.new_context(java_script_enabled=False, locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{address}/sign-in?next=/account")
        page.get_by_label("Name", exact=True).fill("vera")
        page.get_by_label("Password", exact=True).fill("seven wet umbrellas")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(f"{address}/account")
        page.locator("#l-corp").fill("seven wet umbrellas")
        page.get_by_role("button", name="Link my account of Corp").click()
        page.wait_for_url(re.compile(rf"^{re.escape(issuer)}/"))
        page.locator("input[name=sub]").first.fill("u-9")
        page.locator("form button").first.click()
        page.wait_for_url(f"{address}/account")
        page.get_by_text("The account is linked.").wait_for()
        assert [one.subject for one in door.ledger.linked_identities.of("vera")] == ["u-9"]
        context.close()
