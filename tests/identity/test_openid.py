"""Signing in with OpenID Connect: who gets in as whom, and with which roles."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from api.identity.options import OidcSettings
from knowledge.vocabulary import Role, Scope
from tests.fakes.openid_provider import CLIENT, SECRET, OpenIdProvider
from tests.identity.arriving import arrive, back
from tests.identity.conftest import ADA, Door


@pytest.fixture
def providers(oidc: OidcSettings) -> tuple[OidcSettings, ...]:
    return (oidc,)


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
