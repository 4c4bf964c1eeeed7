"""What a hostile provider, a hostile browser or a thief of a code achieves with OpenID Connect: nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from api.identity.options import OidcSettings
from tests.fakes.openid_provider import (
    CLIENT,
    Claims,
    OpenIdProvider,
    signed_by_another,
    signed_by_its_own_header,
    signed_with_the_client_secret,
    signed_with_the_public_key,
    unsigned,
)
from tests.identity.arriving import arrive, back, to_the_provider
from tests.identity.conftest import ADA, Door


@pytest.fixture
def providers(oidc: OidcSettings) -> tuple[OidcSettings, ...]:
    return (oidc,)


HOSTILE_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "another nonce": lambda claims: claims | {"nonce": "another"},
    "no nonce": lambda claims: claims | {"nonce": ...},
    "empty nonce": lambda claims: claims | {"nonce": ""},
    "nonce of another kind": lambda claims: claims | {"nonce": [claims["nonce"]]},
    "for another client": lambda claims: claims | {"aud": "another"},
    "for nobody": lambda claims: claims | {"aud": ...},
    "for nobody in particular": lambda claims: claims | {"aud": []},
    "for two, made for the other": lambda claims: claims | {"aud": [CLIENT, "another"], "azp": "another"},
    "for two, made for nobody": lambda claims: claims | {"aud": [CLIENT, "another"]},
    "of another issuer": lambda claims: claims | {"iss": "https://evil.test"},
    "of an issuer with a slash": lambda claims: claims | {"iss": claims["iss"] + "/"},
    "of no issuer": lambda claims: claims | {"iss": ...},
    "expired": lambda claims: claims | {"exp": int(time.time()) - 120, "iat": int(time.time()) - 400},
    "without an end": lambda claims: claims | {"exp": ...},
    "end of another kind": lambda claims: claims | {"exp": "never"},
    "made long ago": lambda claims: claims | {"iat": int(time.time()) - 7200, "exp": int(time.time()) + 7200},
    "made in the future": lambda claims: claims | {"iat": int(time.time()) + 600},
    "not yet good": lambda claims: claims | {"nbf": int(time.time()) + 600},
    "made at no time": lambda claims: claims | {"iat": ...},
    "of nobody": lambda claims: claims | {"sub": ...},
    "of an empty subject": lambda claims: claims | {"sub": ""},
    "of a subject of another kind": lambda claims: claims | {"sub": ["u-1"]},
    "of a subject too long": lambda claims: claims | {"sub": "u" * 300},
    "of another access token": lambda claims: claims | {"at_hash": "bm90LXRoaXMtb25l"},
}


async def test_token_is_refused_when_anything_of_it_is_wrong(door: Door, corp: OpenIdProvider) -> None:
    await arrive(door.browser(), corp)
    met: dict[str, int] = {}
    for number, (wrong, twist) in enumerate(HOSTILE_CLAIMS.items()):
        corp.twist = twist
        browser = door.browser(f"10.3.{number}.1")
        answer = await arrive(browser, corp)
        met[wrong] = answer.status_code
        assert "did not work" in answer.text, wrong
        assert not await browser.is_signed_in(), wrong
    assert met == dict.fromkeys(HOSTILE_CLAIMS, 401)
    failures = door.audited("sign_in.fail")
    assert {(one.subject, one.detail["method"]) for one in failures} == {("unknown", "oidc")}
    assert len(failures) == len(HOSTILE_CLAIMS)


FORGERIES: dict[str, Callable[[OpenIdProvider], Callable[[Claims], str]]] = {
    "by nobody (alg none)": lambda _: unsigned,
    "with the public key as a secret": signed_with_the_public_key,
    "with the client's secret": lambda _: signed_with_the_client_secret,
    "by another key of the same name": lambda _: signed_by_another("k1"),
    "by a key that nobody published": lambda _: signed_by_another("k9"),
    "by a key that it brings along": lambda _: signed_by_its_own_header,
    "not at all": lambda _: lambda _claims: "hello",
    "with a cut signature": lambda corp: lambda claims: signed_by_another("k1")(claims).rpartition(".")[0] + ".",
}


async def test_token_is_refused_however_it_was_forged(door: Door, corp: OpenIdProvider) -> None:
    met: dict[str, int] = {}
    for number, (how, forgery) in enumerate(FORGERIES.items()):
        corp.token = forgery(corp)
        browser = door.browser(f"10.3.{number}.1")
        met[how] = (await arrive(browser, corp)).status_code
        assert not await browser.is_signed_in(), how
    assert met == dict.fromkeys(FORGERIES, 401)
    assert "noor" not in {one.id for one in door.ledger.principals.list()}


async def test_clock_that_is_a_little_off_is_forgiven(door: Door, corp: OpenIdProvider) -> None:
    now = int(time.time())
    corp.twist = lambda claims: claims | {"iat": now + 40, "nbf": now + 40, "exp": now + 300}
    assert (await arrive(door.browser(), corp)).status_code == 303
    corp.twist = lambda claims: claims | {"iat": now - 200, "exp": now - 30}
    assert (await arrive(door.browser(), corp)).status_code == 303


async def test_key_that_was_rotated_is_fetched_once_and_nonsense_is_not_a_request_each(
    door: Door, corp: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await arrive(door.browser(), corp)
    monkeypatch.setattr("api.identity.provider.KEYS_EVERY_SECONDS", 0.0)
    corp.rotate()
    assert (await arrive(door.browser(), corp)).status_code == 303
    monkeypatch.setattr("api.identity.provider.KEYS_EVERY_SECONDS", 10.0)
    before = corp.asked.count("/jwks")
    corp.token = signed_by_another("k9")
    for _ in range(5):
        assert (await arrive(door.browser(), corp)).status_code == 401
    assert corp.asked.count("/jwks") == before


async def test_answer_that_comes_twice_is_good_once(door: Door, corp: OpenIdProvider) -> None:
    corp.takes_codes_twice = True
    browser = door.browser()
    address = corp.consent(await to_the_provider(browser), "u-1")
    flow = browser.cookies["opsdesk_flow"]
    assert (await back(browser, address)).status_code == 303
    thief = door.browser()
    thief.client.cookies.set("opsdesk_flow", flow, domain="desk.test")
    assert (await back(thief, address)).status_code == 400
    assert not await thief.is_signed_in()


async def test_code_of_somebody_else_is_worth_nothing_in_ones_own_sign_in(door: Door, corp: OpenIdProvider) -> None:
    """Code injection: PKCE and the nonce bind a code to the browser that asked for it."""
    corp.takes_codes_twice = True
    victim, attacker = door.browser(), door.browser("10.6.6.6")
    stolen = parse_qs(urlsplit(corp.consent(await to_the_provider(victim), "u-1")).query)["code"][0]
    own = parse_qs(urlsplit(await to_the_provider(attacker)).query)["state"][0]
    answer = await back(attacker, f"http://desk.test/sign-in/with/corp/back?code={stolen}&state={own}")
    assert answer.status_code == 401
    assert not await attacker.is_signed_in()


async def test_answer_is_refused_in_a_browser_that_did_not_ask(door: Door, corp: OpenIdProvider) -> None:
    """Login CSRF: nobody is signed in as the attacker by a link."""
    attacker, victim = door.browser("10.6.6.6"), door.browser()
    address = corp.consent(await to_the_provider(attacker), "u-1")
    assert (await back(victim, address)).status_code == 400
    await to_the_provider(victim)
    assert (await back(victim, address)).status_code == 401
    assert not await victim.is_signed_in()


WRONG_ANSWERS: list[dict[str, str]] = [
    {"state": "another"},
    {"state": ""},
    {"code": ""},
    {"code": "never-given"},
    {"code": "x" * 5000},
    {"iss": "https://evil.test"},
    {"error": "access_denied", "error_description": "<script>alert(1)</script>"},
]


async def test_answer_that_is_not_right_signs_nobody_in(door: Door, corp: OpenIdProvider) -> None:
    for number, answer in enumerate(WRONG_ANSWERS):
        corp.answer = answer
        browser = door.browser(f"10.3.{number}.1")
        shown = await arrive(browser, corp)
        assert shown.status_code == 401, answer
        assert "<script>alert" not in shown.text
        assert not await browser.is_signed_in(), answer


async def test_answer_must_name_its_issuer_when_the_provider_says_that_it_does(
    door: Door, corp: OpenIdProvider
) -> None:
    corp.metadata = {"authorization_response_iss_parameter_supported": True}
    assert (await arrive(door.browser(), corp)).status_code == 401
    corp.answer = {"iss": corp.issuer}
    assert (await arrive(door.browser(), corp)).status_code == 303


async def test_answer_that_comes_late_is_refused(
    door: Door, corp: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = door.browser()
    address = corp.consent(await to_the_provider(browser), "u-1")
    monkeypatch.setattr("api.web.console.elsewhere.FLOW_SECONDS", -1)
    assert (await back(browser, address)).status_code == 400


async def test_cookie_of_a_sign_in_under_way_tells_its_secrets_to_nobody(door: Door, corp: OpenIdProvider) -> None:
    browser = door.browser()
    address = await to_the_provider(browser)
    asked = parse_qs(urlsplit(address).query)
    assert asked["state"][0] not in browser.cookies["opsdesk_flow"]
    assert asked["nonce"][0] not in browser.cookies["opsdesk_flow"]
    assert "code_verifier" not in asked


@pytest.mark.parametrize("after", ["//evil.test", "https://evil.test/x", "/\\evil.test"])
async def test_person_is_sent_nowhere_else_afterwards(door: Door, corp: OpenIdProvider, after: str) -> None:
    assert (await arrive(door.browser(), corp, after=after)).headers["location"] == "/"


async def test_address_waits_when_it_brings_many_wrong_answers(door: Door, corp: OpenIdProvider) -> None:
    attacker = door.browser("203.0.113.9")
    for _ in range(20):
        await to_the_provider(attacker)
        state = parse_qs(urlsplit(await to_the_provider(attacker)).query)["state"][0]
        await back(attacker, f"http://desk.test/sign-in/with/corp/back?code=guess&state={state}")
    exchanged = len(corp.exchanges)
    assert (await arrive(attacker, corp)).status_code == 429
    assert len(corp.exchanges) == exchanged


async def test_provider_that_does_not_answer_leaves_the_password(door: Door, corp: OpenIdProvider) -> None:
    corp.is_down = True
    browser = door.browser()
    answer = await browser.get("/sign-in/with/corp")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert (await browser.sign_in("ada", ADA)).status_code == 303


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://198.51.100.1/token"},
        {"authorization_endpoint": ""},
        {"jwks_uri": "ftp://x"},
        {"userinfo_endpoint": "http://198.51.100.1/userinfo"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
async def test_provider_that_is_not_what_the_settings_say_is_not_used(
    door: Door, corp: OpenIdProvider, metadata: dict[str, object]
) -> None:
    corp.metadata = metadata
    assert (await door.browser().get("/sign-in/with/corp")).status_code == 503
    assert corp.exchanges == []
