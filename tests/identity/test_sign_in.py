"""Signing in with a password: who gets in, who waits, and what nobody can learn by trying."""

from __future__ import annotations

import asyncio

import pytest

from knowledge.vocabulary import Role, Scope
from tests.identity.conftest import ADA, Browser, Door

FREE = 5


async def test_person_signs_in_with_name_and_password_and_goes_where_they_wanted(door: Door) -> None:
    browser = door.browser()
    answer = await browser.sign_in("Ada", ADA, after="/tickets/new?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/tickets/new?x=1"
    assert await browser.is_signed_in()
    (told,) = door.audited("sign_in")
    assert (told.actor, told.detail["method"], told.detail["address"]) == ("ada", "password", "10.1.1.1")


@pytest.mark.parametrize(
    "after",
    ["//evil.test/x", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/\t/evil.test", "\\\\evil.test", ""],
)
async def test_sign_in_never_sends_the_browser_elsewhere(door: Door, after: str) -> None:
    answer = await door.browser().sign_in("ada", ADA, after=after)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("ada", ""),
        ("", ADA),
        ("nobody-at-all", ADA),
        ("ada", ADA.upper()),
        ("ada", ADA + " "),
        ("ada", "x" * 900),
        ("ada\x00", ADA),
        ("ada' OR 1=1 --", ADA),
        ("\ufffd", "\ufffd"),
    ],
)
async def test_wrong_name_and_wrong_password_are_told_alike(door: Door, name: str, password: str) -> None:
    browser = door.browser()
    answer = await browser.sign_in(name, password)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert not await browser.is_signed_in()


async def test_disabled_and_roleless_users_are_told_what_strangers_are_told(door: Door) -> None:
    door.ledger.principals.disable("vera")
    door.ledger.principals.set_roles("ada", [])
    said = set()
    for name, password in (("vera", "seven wet umbrellas"), ("ada", ADA), ("stranger", "seven wet umbrellas")):
        answer = await door.browser().sign_in(name, password)
        page = answer.text.replace(name, "NAME")
        said.add((answer.status_code, "The name or the password is wrong." in page))
    assert said == {(401, True)}


async def test_page_of_a_wrong_attempt_repeats_nothing_that_was_typed(door: Door) -> None:
    answer = await door.browser().sign_in("my-secret-in-the-wrong-field", "another-secret")
    assert "secret-in-the" not in answer.text
    assert "another-secret" not in answer.text


async def test_unknown_name_costs_as_many_hashes_as_a_wrong_password(door: Door, hashes: list[str]) -> None:
    """What takes time is the hash: it is computed once for everybody, and nothing else takes a hundredth of it."""
    counts = {}
    door.ledger.principals.add("blank", [Role.VIEWER], Scope())
    door.ledger.principals.add("gone", [Role.VIEWER], Scope())
    door.ledger.principals.disable("gone")
    for name in ("ada", "nobody-at-all", "blank", "gone", "x" * 190):
        hashes.clear()
        await door.browser().sign_in(name, "wrong password")
        counts[name] = len(hashes)
    assert set(counts.values()) == {1}


@pytest.fixture
def hashes(door: Door, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every hash that a password is held against."""
    from argon2 import PasswordHasher

    door.app.state.face.door.passwords.is_right(None, "the first one makes the decoy")
    seen: list[str] = []
    real = PasswordHasher.verify

    def verify(self: PasswordHasher, hash: str, password: bytes) -> bool:
        seen.append(hash)
        return real(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    return seen


async def test_fifth_wrong_password_begins_a_wait_that_doubles_and_ends(door: Door) -> None:
    browser = door.browser()
    for _ in range(FREE):
        assert (await browser.sign_in("ada", "wrong")).status_code == 401
    waits = []
    for _ in range(4):
        refused = await browser.sign_in("ada", ADA)
        assert refused.status_code == 429
        assert "Too many wrong attempts" in refused.text
        waits.append(int(refused.headers["retry-after"]))
        door.advance(seconds=waits[-1] + 1)
        assert (await browser.sign_in("ada", "wrong")).status_code == 401
    assert waits == [5, 10, 20, 40]
    door.advance(seconds=81)
    assert (await browser.sign_in("ada", ADA)).status_code == 303


async def test_wait_is_the_same_for_a_name_that_nobody_has(door: Door) -> None:
    seen: dict[str, list[tuple[int, str]]] = {}
    for number, name in enumerate(("ada", "nobody-at-all")):
        browser = door.browser(f"10.2.{number}.1")
        seen[name] = []
        for _ in range(FREE + 3):
            answer = await browser.sign_in(name, "wrong")
            seen[name].append((answer.status_code, answer.headers.get("retry-after", "")))
    assert seen["ada"] == seen["nobody-at-all"]


async def test_wait_is_longest_a_quarter_of_an_hour_whatever_an_attacker_does(door: Door) -> None:
    for attempt in range(60):
        await door.browser(f"10.3.{attempt}.1").sign_in("ada", "guess")
        door.advance(seconds=901)
    await door.browser("10.4.1.1").sign_in("ada", "guess")
    refused = await door.browser("10.4.1.2").sign_in("ada", ADA)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) <= 900
    door.advance(seconds=901)
    assert (await door.browser("10.4.1.2").sign_in("ada", ADA)).status_code == 303


async def test_attempts_during_a_wait_are_not_looked_at_and_do_not_lengthen_it(door: Door) -> None:
    attacker = door.browser("10.6.6.6")
    for _ in range(FREE + 30):
        await attacker.sign_in("ada", "guess")
    door.advance(seconds=6)
    assert (await door.browser("10.1.1.2").sign_in("ada", ADA)).status_code == 303


async def test_owner_gets_in_during_an_attack_with_the_browser_they_have_used_before(door: Door) -> None:
    own = door.browser("10.1.1.1")
    await own.sign_in("ada", ADA)
    await own.get("/account")
    await own.post("/sign-out", {})
    for number in range(FREE + 5):
        await door.browser(f"10.6.6.{number}").sign_in("ada", "guess")
    assert (await door.browser("10.7.7.7").sign_in("ada", ADA)).status_code == 429
    assert (await own.sign_in("ada", ADA)).status_code == 303


async def test_owner_gets_in_when_everybody_seems_to_come_from_one_address_that_waits(door: Door) -> None:
    """Behind a proxy that nobody told us to trust, an attacker's failures are the whole site's."""
    proxy = "10.0.0.1"
    own = door.browser(proxy)
    await own.sign_in("vera", "seven wet umbrellas")
    own.client.cookies.delete("opsdesk_session")
    attacker = door.browser(proxy)
    for number in range(25):
        await attacker.sign_in(f"name-{number}", "guess")
    assert (await door.browser(proxy).sign_in("ada", ADA)).status_code == 429
    assert (await own.sign_in("vera", "seven wet umbrellas")).status_code == 303
    own.client.cookies.delete("opsdesk_session")
    assert (await own.with_token(door.tokens["vera"])).status_code == 303


async def test_mark_of_a_browser_is_worth_nothing_for_another_account_or_when_it_is_forged(door: Door) -> None:
    vera = door.browser("10.6.1.1")
    await vera.sign_in("vera", "seven wet umbrellas")
    mark = vera.cookies["opsdesk_device"]
    for number in range(FREE):
        await door.browser(f"10.6.2.{number}").sign_in("ada", "guess")
    for forged in (mark, mark + "x", "a.b.c", "..", mark.split(".")[0]):
        attacker = door.browser("10.6.3.3")
        attacker.client.cookies.set("opsdesk_device", forged, domain="desk.test")
        assert (await attacker.sign_in("ada", ADA)).status_code == 429


async def test_own_browser_waits_too_when_its_own_attempts_are_wrong(door: Door) -> None:
    own = door.browser()
    await own.sign_in("ada", ADA)
    for _ in range(FREE):
        own.client.cookies.delete("opsdesk_session")
        assert (await own.sign_in("ada", "wrong")).status_code == 401
    assert (await own.sign_in("ada", ADA)).status_code == 429


async def test_address_waits_when_it_tries_many_names_or_tokens(door: Door) -> None:
    attacker = door.browser("203.0.113.9")
    for number in range(10):
        assert (await attacker.sign_in(f"name-{number}", "Summer2026!")).status_code == 401
        assert (await attacker.with_token(f"ops_guess{number}")).status_code == 401
    for answer in (await attacker.sign_in("ada", ADA), await attacker.with_token(door.tokens["vera"])):
        assert answer.status_code == 429
    assert (await door.browser("203.0.113.10").sign_in("ada", ADA)).status_code == 303


async def test_ipv6_attacker_is_one_address_however_many_they_use(door: Door) -> None:
    for number in range(20):
        await door.browser(f"2001:db8:1:2::{number:x}").sign_in(f"name-{number}", "guess")
    assert (await door.browser("2001:db8:1:2:ffff::1").sign_in("ada", ADA)).status_code == 429
    assert (await door.browser("2001:db8:1:3::1").sign_in("ada", ADA)).status_code == 303


async def test_signing_in_oneself_between_guesses_does_not_free_the_address(door: Door) -> None:
    attacker = door.browser("203.0.113.9")
    for number in range(20):
        await attacker.sign_in(f"name-{number}", "guess")
        if number % 4 == 3 and number < 19:
            attacker.client.cookies.delete("opsdesk_session")
            assert (await attacker.with_token(door.tokens["vera"])).status_code == 303
            attacker.client.cookies.delete("opsdesk_session")
    assert (await attacker.sign_in("ada", "guess")).status_code == 429


async def test_hundred_guesses_at_once_are_counted_as_a_hundred(door: Door) -> None:
    browsers = [door.browser(f"10.8.0.{number}") for number in range(30)]
    for browser in browsers:
        await browser.get("/sign-in")
    answers = await asyncio.gather(*(one.post("/sign-in", {"name": "ada", "password": "guess"}) for one in browsers))
    looked_at = [one for one in answers if one.status_code == 401]
    assert len(looked_at) == FREE
    assert {one.status_code for one in answers} == {401, 429}


async def test_right_password_forgives_what_was_wrong_before(door: Door) -> None:
    browser = door.browser()
    for _ in range(3):
        for _ in range(FREE - 1):
            await browser.sign_in("ada", "typo")
        assert (await browser.sign_in("ada", ADA)).status_code == 303
        browser.client.cookies.delete("opsdesk_session")


async def test_failures_are_forgotten_after_a_quiet_day(door: Door) -> None:
    for _ in range(FREE - 1):
        await door.browser().sign_in("ada", "typo")
    door.advance(hours=25)
    for _ in range(FREE - 1):
        assert (await door.browser().sign_in("ada", "typo")).status_code == 401
    assert (await door.browser().sign_in("ada", ADA)).status_code == 303


async def test_failures_survive_a_restart_of_the_desk(door: Door) -> None:
    from api.web.app import create_app

    for _ in range(FREE):
        await door.browser().sign_in("ada", "guess")
    door.app = create_app(door.desk)
    assert (await door.browser("10.5.5.5").sign_in("ada", ADA)).status_code == 429


async def test_audit_tells_failures_and_waits_and_keeps_nothing_that_was_typed(door: Door) -> None:
    for _ in range(FREE):
        await door.browser("198.51.100.7").sign_in("ada", "hunter2-hunter2")
    await door.browser("198.51.100.8").sign_in("correct horse my real password", "hunter2-hunter2")
    failures = door.audited("sign_in.fail")
    assert [one.subject for one in failures] == ["ada"] * FREE + ["unknown"]
    assert failures[0].detail == {"method": "password", "address": "198.51.100.7", "because": "wrong password"}
    (wait,) = door.audited("sign_in.wait")
    assert (wait.subject, wait.detail["what"]) == ("ada", "account")
    everything = "".join(one.model_dump_json() for one in door.ledger.audit.export())
    assert "hunter2" not in everything
    assert "correct horse" not in everything


async def test_form_without_the_browsers_own_token_is_refused(door: Door) -> None:
    """Login CSRF: nobody is signed in as somebody else by another site's page."""
    attacker, victim = door.browser(), door.browser("10.1.1.9")
    await attacker.get("/sign-in")
    for csrf in ("", "x", attacker.csrf):
        answer = await victim.post("/sign-in", {"name": "ada", "password": ADA, "csrf": csrf})
        assert answer.status_code == 403
    await victim.get("/sign-in")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}, {"Origin": "null"}):
        answer = await victim.post("/sign-in", {"name": "ada", "password": ADA}, headers=headers)
        assert answer.status_code == 403
    assert not await victim.is_signed_in()


async def test_session_that_was_planted_is_not_the_one_that_is_used(door: Door) -> None:
    """Session fixation: what the browser had before signing in is over, for whoever else knows it."""
    attacker, victim = door.browser("10.6.6.6"), door.browser()
    await attacker.sign_in("vera", "seven wet umbrellas")
    planted = attacker.cookies["opsdesk_session"]
    await victim.get("/sign-in")
    victim.client.cookies.set("opsdesk_session", planted, domain="desk.test")
    await victim.post("/sign-in", {"name": "ada", "password": ADA})
    assert planted not in victim.cookies.values()
    assert not await attacker.is_signed_in()
    assert {one.principal_id for one in door.ledger.browser_sessions.of("vera")} == set()


async def test_old_hash_is_renewed_at_the_next_sign_in(door: Door) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(ADA)
    door.ledger.credentials.set_password("ada", old, actor="test")
    assert (await door.browser().sign_in("ada", ADA)).status_code == 303
    known = door.ledger.credentials.password_hash("ada")
    assert known is not None
    assert "m=8,t=1" in known[1]
    assert (await door.browser().sign_in("ada", ADA)).status_code == 303


async def test_password_is_the_same_in_every_spelling_of_its_letters(door: Door) -> None:
    door.ledger.principals.add("zoe", [Role.VIEWER], Scope())
    door.set_password("zoe", "café au lait öde")
    browser: Browser = door.browser()
    assert (await browser.sign_in("zoe", "cafe\u0301 au lait o\u0308de")).status_code == 303
