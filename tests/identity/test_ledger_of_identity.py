"""The tables of signing in, on SQLite and on PostgreSQL: what races, what ends, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from knowledge.errors import NotAuthenticated, NotFound, WrongState
from knowledge.ledger.admissions import Turned
from knowledge.ledger.browser_sessions import BrowserSession, SignInProof
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.preferences import Preference
from knowledge.ledger.principals import token_digest
from knowledge.ledger.sign_in_patience import Patience
from knowledge.vocabulary import Language, Role, Scope

LIFE, IDLE = timedelta(hours=12), timedelta(hours=8)
FIVE = Patience(5, timedelta(seconds=5), timedelta(seconds=900), timedelta(hours=24))
CORP = "oidc:https://corp.test"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(url: str, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(url, clock) as opened:
        opened.principals.add("wei", [Role.VIEWER, Role.APPROVER], Scope())
        yield opened


def open_session(ledger: Ledger, proof: SignInProof | None = None) -> tuple[str, BrowserSession]:
    return ledger.browser_sessions.open("wei", proof or SignInProof(method="password"), LIFE, address="10.1.1.1")


def test_session_is_found_by_its_secret_until_it_is_idle_or_old(ledger: Ledger, clock: Clock) -> None:
    secret, session = open_session(ledger)
    found = ledger.browser_sessions.find(secret, IDLE)
    assert found is not None
    assert (found[0].id, found[1].id) == (session.id, "wei")
    clock.advance(hours=7)
    assert ledger.browser_sessions.find(secret, IDLE) is not None
    clock.advance(hours=4, minutes=59)
    assert ledger.browser_sessions.find(secret, IDLE) is not None
    clock.advance(minutes=1)
    assert ledger.browser_sessions.find(secret, IDLE) is None


def test_being_seen_is_written_once_a_minute(ledger: Ledger, clock: Clock) -> None:
    secret, _ = open_session(ledger)
    opened = clock.at
    clock.advance(seconds=59)
    ledger.browser_sessions.find(secret, IDLE)
    assert ledger.browser_sessions.of("wei")[0].seen_at == opened
    clock.advance(seconds=1)
    ledger.browser_sessions.find(secret, IDLE)
    assert ledger.browser_sessions.of("wei")[0].seen_at == clock.at


def test_token_that_was_revoked_opens_no_session_in_a_race(ledger: Ledger) -> None:
    token = ledger.principals.issue_token("wei", "cli")
    proof = SignInProof(method="token", via="cli", token_digest=token_digest(token))
    ledger.principals.revoke_token("wei", "cli")
    with pytest.raises(NotAuthenticated):
        open_session(ledger, proof)


def test_sessions_of_somebody_else_are_not_ended(ledger: Ledger) -> None:
    ledger.principals.add("lin", [Role.VIEWER], Scope())
    _, session = open_session(ledger)
    with pytest.raises(NotFound):
        ledger.browser_sessions.end_one("lin", session.id, actor="lin")
    assert ledger.browser_sessions.end_all("lin", actor="lin") == 0
    assert len(ledger.browser_sessions.of("wei")) == 1


def test_losing_a_role_ends_the_sessions_in_the_same_transaction(ledger: Ledger) -> None:
    secret, _ = open_session(ledger)
    ledger.principals.set_roles("wei", [Role.VIEWER, Role.APPROVER, Role.ADMIN])
    assert ledger.browser_sessions.find(secret, IDLE) is not None
    ledger.principals.set_roles("wei", [Role.VIEWER])
    assert ledger.browser_sessions.find(secret, IDLE) is None
    ended = [one for one in ledger.audit.export() if one.verb == "session.end"]
    assert ended[0].detail["because"] == "lost admin, approver"


def test_invitation_is_used_once_when_many_use_it_at_once(ledger: Ledger) -> None:
    secret = ledger.credentials.invite("wei", timedelta(hours=1), actor="ada")

    def use(number: int) -> bool:
        try:
            ledger.credentials.use_invitation(secret, f"hash {number}")
        except WrongState:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1


def test_welcome_makes_one_admin_when_many_use_it_at_once(url: str, clock: Clock) -> None:
    with Ledger.open(url, clock) as ledger:
        secret = ledger.credentials.make_welcome(timedelta(hours=1))
        assert secret is not None

        def use(number: int) -> bool:
            try:
                ledger.credentials.use_welcome(secret, f"admin{number}", [Role.ADMIN], "hash")
            except WrongState:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(use, range(8))) == 1
        assert len(ledger.principals.list()) == 1
        assert ledger.credentials.make_welcome(timedelta(hours=1)) is None


def test_attempts_at_once_are_each_counted(ledger: Ledger) -> None:
    keys = {"account:x": FIVE, "address:y": Patience(20, FIVE.first, FIVE.longest, FIVE.forgotten)}
    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(lambda _: ledger.sign_in_patience.count(keys), range(40)))
    assert len([one for one in counted if not one.is_refused]) == 5
    assert [one.locked for one in counted if one.locked] == [("account:x",)]


def test_wait_doubles_up_to_its_longest_and_is_forgotten(ledger: Ledger, clock: Clock) -> None:
    waits = []
    for _ in range(20):
        counted = ledger.sign_in_patience.count({"account:x": FIVE})
        assert not counted.is_refused
        if counted.until:
            waits.append((counted.until - clock.at).total_seconds())
            clock.at = counted.until
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == 900
    clock.advance(hours=24)
    assert ledger.sign_in_patience.count({"account:x": FIVE}).locked == ()


def test_answer_is_spent_once_when_it_comes_many_times_at_once(ledger: Ledger, clock: Clock) -> None:
    with ThreadPoolExecutor(8) as pool:
        spent = pool.map(lambda _: ledger.sign_in_patience.spend("digest", timedelta(minutes=20)), range(8))
        assert sum(spent) == 1
    clock.advance(minutes=21)
    assert ledger.sign_in_patience.spend("digest", timedelta(minutes=20))


def test_account_is_admitted_as_one_principal_when_it_comes_twice_at_once(ledger: Ledger) -> None:
    def admit(_: int) -> str:
        admission = ledger.admissions.admit(CORP, "u-1", roles=[Role.VIEWER], scope=Scope(), new_name="noor")
        return admission.principal.id if admission.principal else str(admission.turned)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(admit, range(6))) == {"noor"}
    assert len(ledger.linked_identities.of("noor")) == 1


def test_two_accounts_of_one_name_are_not_one_principal(ledger: Ledger) -> None:
    first = ledger.admissions.admit(CORP, "u-1", roles=[Role.VIEWER], scope=Scope(), new_name="noor")
    second = ledger.admissions.admit(CORP, "u-2", roles=[Role.VIEWER], scope=Scope(), new_name="Noor")
    assert first.principal is not None
    assert (second.principal, second.turned) == (None, Turned.NAME)
    assert [one.subject for one in ledger.linked_identities.of("noor")] == ["u-1"]


def test_roles_that_groups_give_are_renewed_and_losses_end_sessions(ledger: Ledger) -> None:
    ledger.linked_identities.link(CORP, "u-1", "wei", actor="ada")
    secret, _ = open_session(ledger, SignInProof(method="oidc", via="corp"))
    kept = ledger.admissions.admit(CORP, "u-1", roles=None, scope=None)
    assert kept.principal is not None
    assert kept.principal.roles == {Role.VIEWER, Role.APPROVER}
    assert ledger.browser_sessions.find(secret, IDLE) is not None
    lost = ledger.admissions.admit(CORP, "u-1", roles=[], scope=Scope(namespaces=("dev",)))
    assert (lost.principal, lost.turned, lost.subject) == (None, Turned.ROLELESS, "wei")
    assert ledger.principals.by_id("wei").roles == frozenset()
    assert ledger.browser_sessions.find(secret, IDLE) is None


def test_preference_is_kept_and_changed(ledger: Ledger) -> None:
    assert ledger.preferences.of("wei") == Preference()
    for chosen in (
        Preference(language=Language.ZH, time_zone="Asia/Shanghai", theme="dark"),
        Preference(theme="light"),
    ):
        ledger.preferences.set("wei", chosen)
        assert ledger.preferences.of("wei") == chosen
