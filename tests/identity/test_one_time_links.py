"""The first admin's link and invitations: good once, for their time, for whom they are for."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from api.identity.welcome import welcome_lines
from knowledge.vocabulary import Role, Scope
from tests.identity.conftest import ADA, Door

NEW = "nine tin lanterns"
HOUR = timedelta(hours=1)


def welcome_of(door: Door) -> str:
    lines = welcome_lines(door.ledger, "http://desk.test/")
    found = re.search(r"http://desk\.test(/welcome/\S+)", "\n".join(lines))
    assert found, lines
    return found[1]


def first(name: str = "ada", password: str = ADA, **more: str) -> dict[str, str]:
    return {"name": name, "password": password, "again": password} | more


async def test_first_start_prints_a_link_that_makes_the_first_admin_and_signs_them_in(empty: Door) -> None:
    link = welcome_of(empty)
    browser = empty.browser()
    assert (await browser.get(link)).status_code == 200
    answer = await browser.post(link, first())
    assert answer.status_code == 303
    ada = empty.ledger.principals.by_id("ada")
    assert ada.roles == {Role.ADMIN, Role.RESPONDER, Role.VIEWER}
    assert ada.scope.is_everything
    assert await browser.is_signed_in()
    assert (await empty.browser().sign_in("ada", ADA)).status_code == 303


async def test_first_admin_approves_only_when_they_say_so(empty: Door) -> None:
    link = welcome_of(empty)
    await empty.browser().submit(link, first(approves="yes"))
    assert Role.APPROVER in empty.ledger.principals.by_id("ada").roles


async def test_welcome_is_good_once_and_nothing_is_printed_any_more(empty: Door) -> None:
    link = welcome_of(empty)
    await empty.browser().submit(link, first())
    second = empty.browser("10.6.6.6")
    assert (await second.get(link)).status_code == 404
    await second.get("/sign-in")
    assert (await second.post(link, first("mallory"))).status_code == 404
    assert [one.id for one in empty.ledger.principals.list()] == ["ada"]
    assert welcome_lines(empty.ledger, "http://desk.test") == []


async def test_one_of_two_who_use_the_welcome_at_once_becomes_admin(empty: Door) -> None:
    link = welcome_of(empty)
    browsers = [empty.browser(f"10.1.1.{number}") for number in range(4)]
    for one in browsers:
        await one.get(link)
    answers = await asyncio.gather(*(one.post(link, first(f"ada{n}")) for n, one in enumerate(browsers)))
    assert min(one.status_code for one in answers) == 303
    assert len([one for one in answers if one.status_code == 303]) == 1
    assert len(empty.ledger.principals.list()) == 1


async def test_welcome_ends_after_an_hour_and_with_the_next_start(empty: Door) -> None:
    old = welcome_of(empty)
    link = welcome_of(empty)
    assert (await empty.browser().get(old)).status_code == 404
    empty.advance(minutes=61)
    assert (await empty.browser().get(link)).status_code == 404


async def test_welcome_ends_when_anybody_got_in_another_way(empty: Door) -> None:
    """A link that lies in somebody's scroll-back makes no admin of a desk that is in use."""
    link = welcome_of(empty)
    empty.person("vera", Role.VIEWER)
    answer = await empty.browser().submit(link, first("mallory"))
    assert answer.status_code == 422
    assert "mallory" not in {one.id for one in empty.ledger.principals.list()}
    assert welcome_lines(empty.ledger, "http://desk.test") == []


@pytest.mark.parametrize("how", ["password", "token", "account"])
def test_nothing_is_printed_once_anybody_may_sign_in(empty: Door, how: str) -> None:
    empty.ledger.principals.add("vera", [Role.VIEWER], Scope())
    assert welcome_lines(empty.ledger, "http://desk.test") != []
    if how == "password":
        empty.set_password("vera", NEW)
    elif how == "token":
        empty.ledger.principals.issue_token("vera", "cli")
    else:
        empty.ledger.linked_identities.link("oidc:https://corp.test", "u-1", "vera", actor="test")
    assert welcome_lines(empty.ledger, "http://desk.test") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (first(password="short"), "at least 12"),
        (first(password="password1234"), "tried first"),
        (first(again="another thing"), "not the same"),
        (first("two words"), "cannot be a principal"),
        (first(""), "cannot be a principal"),
        (first("adalovelace", "adalovelace1815"), "your name"),
    ],
)
async def test_welcome_that_was_filled_in_wrongly_says_why_and_can_be_used_again(
    empty: Door, given: dict[str, str], said: str
) -> None:
    link = welcome_of(empty)
    browser = empty.browser()
    answer = await browser.submit(link, given)
    assert answer.status_code == 422
    assert said in answer.text
    assert given["password"] not in answer.text
    assert (await browser.submit(link, first())).status_code == 303


async def test_look_at_a_link_uses_nothing_up(empty: Door) -> None:
    link = welcome_of(empty)
    for _ in range(3):
        assert (await empty.browser().get(link)).status_code == 200
    assert (await empty.browser().submit(link, first())).status_code == 303


async def test_only_the_digest_of_a_link_is_kept(empty: Door) -> None:
    secret = welcome_of(empty).rpartition("/")[2]
    everything = "".join(one.model_dump_json() for one in empty.ledger.audit.export())
    assert secret not in everything
    path = empty.ledger._store.url.database
    assert path is not None
    with open(path, "rb") as file:  # noqa: PTH123, ASYNC230 - a moment's read
        assert secret.encode() not in file.read()


async def test_invitation_sets_the_password_once_and_ends_what_was_before(door: Door) -> None:
    old = door.browser("10.1.1.1")
    await old.sign_in("vera", "seven wet umbrellas")
    secret = door.ledger.credentials.invite("vera", HOUR, actor="test")
    browser = door.browser("10.1.1.2")
    assert (await browser.submit(f"/set-password/{secret}", {"password": NEW, "again": NEW})).status_code == 303
    assert await browser.is_signed_in()
    assert not await old.is_signed_in()
    assert (await door.browser("10.1.1.3").sign_in("vera", "seven wet umbrellas")).status_code == 401
    assert (await door.browser("10.1.1.3").sign_in("vera", NEW)).status_code == 303
    assert (await door.browser().get(f"/set-password/{secret}")).status_code == 404


async def test_invitation_is_worth_nothing_when_it_was_replaced_ran_out_or_its_user_is_disabled(door: Door) -> None:
    replaced = door.ledger.credentials.invite("vera", HOUR, actor="test")
    last = door.ledger.credentials.invite("vera", HOUR, actor="test")
    assert (await door.browser().get(f"/set-password/{replaced}")).status_code == 404
    assert (await door.browser().get(f"/set-password/{last}")).status_code == 200
    assert (await door.browser().get(f"/welcome/{last}")).status_code == 404
    door.advance(hours=2)
    assert (await door.browser().get(f"/set-password/{last}")).status_code == 404
    other = door.ledger.credentials.invite("vera", HOUR, actor="test")
    browser = door.browser()
    await browser.get(f"/set-password/{other}")
    door.ledger.principals.disable("vera")
    assert (await browser.post(f"/set-password/{other}", {"password": NEW, "again": NEW})).status_code == 404


async def test_password_that_is_set_ends_the_links_that_would_set_another(door: Door) -> None:
    secret = door.ledger.credentials.invite("vera", HOUR, actor="test")
    door.set_password("vera", NEW)
    assert (await door.browser().get(f"/set-password/{secret}")).status_code == 404


@pytest.mark.parametrize("path", ["/welcome/", "/set-password/"])
@pytest.mark.parametrize("secret", ["x", "a" * 5000, "%00", "\u00e9"])
async def test_link_that_never_was_is_not_found_whatever_it_is(door: Door, path: str, secret: str) -> None:
    assert (await door.browser().get(path + secret)).status_code == 404
