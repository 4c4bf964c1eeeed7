"""Signing in with OpenID Connect: who gets in as whom, with which roles, and what a hostile provider or browser achieves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from api.identity.options import GroupGrant, OidcSettings
from api.settings import ClusterSettings, Settings
from knowledge.vocabulary import Role, Scope
from tests.fakes.openid_provider import (
    CLIENT,
    SECRET,
    Claims,
    OpenIdProvider,
    openid_provider,
    signed_by_another,
    signed_by_its_own_header,
    signed_with_the_client_secret,
    signed_with_the_public_key,
    unsigned,
)
from tests.identity.conftest import ADA, CHEAP, Browser, Door

GRANTS = (
    GroupGrant(group="sre-approvers", roles=(Role.APPROVER, Role.VIEWER), namespaces=("prod",)),
    GroupGrant(group="sre", roles=(Role.RESPONDER, Role.VIEWER)),
    GroupGrant(group="everyone", roles=(Role.VIEWER,)),
)


@pytest.fixture
def corp() -> Iterator[OpenIdProvider]:
    with openid_provider() as provider:
        provider.users["u-1"] = {"preferred_username": "noor", "groups": ["sre"]}
        provider.users["u-2"] = {"preferred_username": "guest", "groups": ["visitors"]}
        yield provider


@pytest.fixture
def oidc(corp: OpenIdProvider) -> OidcSettings:
    return OidcSettings(
        name="corp",
        title="Corp",
        issuer=corp.issuer,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        groups=GRANTS,
        creates_principals=True,
    )


@pytest.fixture
def settings(tmp_path: Path, oidc: OidcSettings) -> Settings:
    return Settings(home=tmp_path / "home", clusters=(ClusterSettings(name="prod"),), sign_in=CHEAP, oidc=(oidc,))


async def to_the_provider(browser: Browser, after: str = "/account") -> str:
    answer = await browser.get(f"/sign-in/with/corp?next={after}")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def back(browser: Browser, address: str) -> httpx.Response:
    parts = urlsplit(address)
    return await browser.get(f"{parts.path}?{parts.query}", headers={"Sec-Fetch-Site": "cross-site"})


async def arrive(browser: Browser, corp: OpenIdProvider, sub: str = "u-1", after: str = "/account") -> httpx.Response:
    return await back(browser, corp.consent(await to_the_provider(browser, after), sub))


async def test_unknown_person_with_a_group_becomes_a_principal_with_the_groups_roles(
    door: Door, corp: OpenIdProvider
) -> None:
    browser = door.browser()
    answer = await arrive(browser, corp, after="/tickets/new")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets/new")
    noor = door.ledger.principals.by_id("noor")
    assert noor.roles == {Role.RESPONDER, Role.VIEWER}
    (linked,) = door.ledger.linked_identities.of("noor")
    assert (linked.provider, linked.subject) == (f"oidc:{corp.issuer}", "u-1")
    me = (await browser.client.get("/api/v1/me")).json()
    assert me["signed_in"]["method"] == "oidc"
    assert me["signed_in"]["via"] == "corp"
    assert "Corp" in (await door.browser().get("/sign-in")).text


async def test_second_visit_is_the_same_principal_whatever_they_are_called_by_then(
    door: Door, corp: OpenIdProvider
) -> None:
    await arrive(door.browser(), corp)
    corp.users["u-1"]["preferred_username"] = "ada"
    browser = door.browser()
    assert (await arrive(browser, corp)).status_code == 303
    assert (await browser.client.get("/api/v1/me")).json()["principal"]["id"] == "noor"


UNFIT_NAMES: list[object] = ["ada", "ADA", "\uff41da", "vera", "v\u0435ra", "two words", "", "../x", 7, None, "a" * 200]


async def test_name_that_somebody_has_or_that_is_none_is_never_taken_over(door: Door, corp: OpenIdProvider) -> None:
    """Not by name, not by e-mail: an account is somebody's when an admin or they themselves linked it."""
    before = door.ledger.principals.list()
    corp.users["u-1"] |= {"email": "ada@corp.test", "email_verified": True}
    for number, name in enumerate(UNFIT_NAMES):
        corp.users["u-1"]["preferred_username"] = name
        browser = door.browser(f"10.3.{number}.1")
        assert (await arrive(browser, corp)).status_code == 403, name
        assert not await browser.is_signed_in(), name
    assert door.ledger.principals.list() == before


async def test_person_without_a_known_group_is_turned_away_and_not_made(door: Door, corp: OpenIdProvider) -> None:
    browser = door.browser()
    answer = await arrive(browser, corp, "u-2")
    assert answer.status_code == 403
    assert "no account or no role" in answer.text
    assert "guest" not in {one.id for one in door.ledger.principals.list()}
    (told,) = door.audited("sign_in.fail")
    assert (told.subject, told.detail["because"]) == ("unknown", "no role")


NO_GROUPS: list[object] = [..., None, "", [], {}, 7, [7, None], {"sre": True}, ["SRE"], ["sre "], "visitors"]


async def test_groups_that_are_missing_or_unreadable_give_nothing(door: Door, corp: OpenIdProvider) -> None:
    for number, groups in enumerate(NO_GROUPS):
        corp.users["u-1"]["groups"] = groups
        assert (await arrive(door.browser(f"10.3.{number}.1"), corp)).status_code == 403, groups


async def test_roles_are_renewed_at_each_sign_in_and_lost_with_the_groups(door: Door, corp: OpenIdProvider) -> None:
    first = door.browser()
    await arrive(first, corp)
    corp.users["u-1"]["groups"] = ["everyone"]
    second = door.browser()
    await arrive(second, corp)
    assert door.ledger.principals.by_id("noor").roles == {Role.VIEWER}
    assert not await first.is_signed_in()
    assert await second.is_signed_in()
    corp.users["u-1"]["groups"] = []
    third = door.browser()
    assert (await arrive(third, corp)).status_code == 403
    assert door.ledger.principals.by_id("noor").roles == frozenset()
    assert not await second.is_signed_in()
    assert not await third.is_signed_in()


async def test_scope_is_the_first_groups_and_roles_never_reach_past_it(door: Door, corp: OpenIdProvider) -> None:
    corp.users["u-1"]["groups"] = ["everyone", "sre", "sre-approvers"]
    await arrive(door.browser(), corp)
    noor = door.ledger.principals.by_id("noor")
    assert noor.scope.namespaces == ("prod",)
    assert noor.roles == {Role.APPROVER, Role.VIEWER}
    corp.users["u-1"]["groups"] = ["everyone", "sre"]
    await arrive(door.browser(), corp)
    noor = door.ledger.principals.by_id("noor")
    assert noor.scope == Scope()
    assert noor.roles == {Role.RESPONDER, Role.VIEWER}


async def test_disabled_principal_is_refused_and_not_made_anew(door: Door, corp: OpenIdProvider) -> None:
    await arrive(door.browser(), corp)
    door.ledger.principals.disable("noor")
    browser = door.browser()
    assert (await arrive(browser, corp)).status_code == 403
    assert not await browser.is_signed_in()
    assert door.audited("sign_in.fail")[-1].subject == "noor"
    assert len(door.ledger.linked_identities.of("noor")) == 1


async def test_session_ends_when_the_account_is_unlinked(door: Door, corp: OpenIdProvider) -> None:
    browser = door.browser()
    await arrive(browser, corp)
    door.ledger.linked_identities.unlink(f"oidc:{corp.issuer}", "u-1", actor="test")
    assert not await browser.is_signed_in()


async def test_claims_that_the_token_lacks_are_taken_from_userinfo(door: Door, corp: OpenIdProvider) -> None:
    corp.in_token = False
    assert (await arrive(door.browser(), corp)).status_code == 303
    assert door.ledger.principals.by_id("noor").roles == {Role.RESPONDER, Role.VIEWER}


async def test_userinfo_of_another_subject_is_refused(door: Door, corp: OpenIdProvider) -> None:
    corp.in_token = False
    corp.userinfo = {"sub": "u-9", "preferred_username": "noor", "groups": ["sre"]}
    assert (await arrive(door.browser(), corp)).status_code == 401


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


async def test_unknown_provider_is_not_found(door: Door) -> None:
    assert (await door.browser().get("/sign-in/with/nobody")).status_code == 404


async def test_signing_out_signs_out_there_too(door: Door, corp: OpenIdProvider) -> None:
    browser = door.browser()
    await arrive(browser, corp)
    await browser.get("/account")
    onward = await browser.post("/sign-out", {})
    assert onward.status_code == 200
    address = onward.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&")
    parts = urlsplit(address)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{corp.issuer}/end"
    assert asked["post_logout_redirect_uri"] == "http://desk.test/sign-in"
    assert asked["client_id"] == CLIENT
    assert asked["id_token_hint"].count(".") == 2
    assert not await browser.is_signed_in()


async def test_id_token_is_kept_where_only_the_desk_can_read_it(door: Door, corp: OpenIdProvider) -> None:
    given: list[str] = []
    real = corp.signed
    corp.signed = lambda issued: given.append(real(issued)) or given[-1]  # type: ignore[method-assign,func-returns-value]
    await arrive(door.browser(), corp)
    (session,) = door.ledger.browser_sessions.of("noor")
    assert session.hint
    assert given[0] not in session.hint
    assert "hint" not in session.model_dump_json()


async def test_signed_in_person_links_their_account_with_their_password(door: Door, corp: OpenIdProvider) -> None:
    browser = door.browser()
    await browser.sign_in("vera", "seven wet umbrellas")
    await browser.get("/account")
    refused = await browser.post("/account/link/corp", {"current": "wrong"})
    assert refused.status_code == 422
    onward = await browser.post("/account/link/corp", {"current": "seven wet umbrellas"})
    address = onward.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&")
    assert (await back(browser, corp.consent(address, "u-1"))).headers["location"] == "/account"
    assert [one.subject for one in door.ledger.linked_identities.of("vera")] == ["u-1"]
    other = door.browser()
    assert (await arrive(other, corp)).status_code == 303
    assert (await other.client.get("/api/v1/me")).json()["principal"]["id"] == "vera"


async def test_account_is_linked_to_nobody_but_the_session_that_asked(door: Door, corp: OpenIdProvider) -> None:
    attacker, victim = door.browser("10.6.6.6"), door.browser()
    await attacker.sign_in("vera", "seven wet umbrellas")
    await victim.sign_in("ada", ADA)
    await attacker.get("/account")
    onward = await attacker.post("/account/link/corp", {"current": "seven wet umbrellas"})
    address = corp.consent(onward.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&"), "u-1")
    victim.client.cookies.set("opsdesk_flow", attacker.cookies["opsdesk_flow"], domain="desk.test")
    assert (await back(victim, address)).status_code == 401
    assert door.ledger.linked_identities.of("ada") == []


async def test_account_that_is_somebody_elses_is_not_linked_again(door: Door, corp: OpenIdProvider) -> None:
    await arrive(door.browser(), corp)
    browser = door.browser()
    await browser.sign_in("vera", "seven wet umbrellas")
    await browser.get("/account")
    onward = await browser.post("/account/link/corp", {"current": "seven wet umbrellas"})
    address = corp.consent(onward.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&"), "u-1")
    await back(browser, address)
    assert "another user" in (await browser.get("/account")).text
    assert door.ledger.linked_identities.of("vera") == []


class TestClosed:
    """A provider without mapping, and without leave to make principals: only whom an admin linked."""

    @pytest.fixture
    def oidc(self, corp: OpenIdProvider) -> OidcSettings:
        return OidcSettings(
            name="corp",
            issuer=corp.issuer,
            client_id=CLIENT,
            client_secret=SecretStr(SECRET),
            allowed_groups=("sre",),
        )

    async def test_unknown_person_is_turned_away(self, door: Door, corp: OpenIdProvider) -> None:
        assert (await arrive(door.browser(), corp)).status_code == 403
        assert {one.id for one in door.ledger.principals.list()} == {"ada", "vera"}

    async def test_linked_person_keeps_the_roles_that_they_have_here(self, door: Door, corp: OpenIdProvider) -> None:
        door.ledger.linked_identities.link(f"oidc:{corp.issuer}", "u-1", "ada", actor="test")
        browser = door.browser()
        assert (await arrive(browser, corp)).status_code == 303
        assert door.ledger.principals.by_id("ada").roles == {Role.ADMIN, Role.VIEWER}

    async def test_linked_person_who_left_the_allowed_groups_is_turned_away(
        self, door: Door, corp: OpenIdProvider
    ) -> None:
        door.ledger.linked_identities.link(f"oidc:{corp.issuer}", "u-2", "ada", actor="test")
        assert (await arrive(door.browser(), corp, "u-2")).status_code == 403


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"issuer": "http://idp.corp.test"}, "https"),
        ({"issuer": "not a url"}, "https"),
        ({"scopes": ("profile",)}, "openid"),
        ({"groups": ()}, "groups"),
        ({"name": "Corp Inc"}, "name"),
        ({"client_id": ""}, "client_id"),
        ({"groupz": ()}, "groupz"),
    ],
)
def test_settings_that_would_leave_the_door_open_are_refused(
    oidc: OidcSettings, changed: dict[str, object], because: str
) -> None:
    with pytest.raises(ValidationError, match=because):
        OidcSettings.model_validate(oidc.model_dump() | changed)
