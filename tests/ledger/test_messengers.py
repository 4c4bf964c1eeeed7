"""What chat platforms send and are sent: kept once, handed out once, and out of date until it is shown. On both engines."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from knowledge.errors import BadInput, LeaseLost, NotFound, WrongState
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Role, Scope
from tests.ledger.conftest import TestClock
from tests.ledger.makers import open_incident

SLACK = "slack"


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_request_is_kept_once_when_many_threads_bring_it(ledger: Ledger) -> None:
    gate = threading.Barrier(8)

    def bring(_: int) -> bool:
        gate.wait()
        return ledger.messenger_inbox.take_in(SLACK, "event:1", {"text": "why"})

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(bring, range(8))) == [False] * 7 + [True]


def test_request_of_another_platform_is_another(ledger: Ledger) -> None:
    assert ledger.messenger_inbox.take_in(SLACK, "event:1", {})
    assert ledger.messenger_inbox.take_in("feishu", "event:1", {})


def test_request_is_handed_to_one_of_many(ledger: Ledger) -> None:
    for number in range(5):
        ledger.messenger_inbox.take_in(SLACK, f"event:{number}", {"number": number})
    gate = threading.Barrier(10)

    def claim(number: int) -> str:
        gate.wait()
        got = ledger.messenger_inbox.claim(SLACK, f"holder-{number}", 30)
        return got.id if got else ""

    with ThreadPoolExecutor(10) as pool:
        got = [claimed for claimed in pool.map(claim, range(10)) if claimed]
    assert len(got) == len(set(got))
    while (rest := ledger.messenger_inbox.claim(SLACK, "last", 30)) is not None:
        got.append(rest.id)
    assert sorted(got) == [f"event:{number}" for number in range(5)]


def test_request_comes_back_when_its_holder_fell_silent(ledger: Ledger, clock: TestClock) -> None:
    ledger.messenger_inbox.take_in(SLACK, "event:1", {"text": "why"})
    first = ledger.messenger_inbox.claim(SLACK, "a", 30)
    assert first is not None
    assert ledger.messenger_inbox.claim(SLACK, "b", 30) is None
    clock.advance(seconds=31)
    second = ledger.messenger_inbox.claim(SLACK, "b", 30)
    assert second is not None
    assert (second.id, second.attempts, second.payload) == ("event:1", 2, {"text": "why"})
    with pytest.raises(LeaseLost):
        ledger.messenger_inbox.finish(first)
    ledger.messenger_inbox.keep(second, 30)
    ledger.messenger_inbox.finish(second)
    clock.advance(seconds=3_600)
    assert ledger.messenger_inbox.claim(SLACK, "c", 30) is None
    assert not ledger.messenger_inbox.take_in(SLACK, "event:1", {"text": "why"})


def test_request_that_was_put_off_waits_for_its_time(ledger: Ledger, clock: TestClock) -> None:
    ledger.messenger_inbox.take_in(SLACK, "event:1", {})
    got = ledger.messenger_inbox.claim(SLACK, "a", 30)
    assert got is not None
    ledger.messenger_inbox.again(got, 60, "Slack is away")
    clock.advance(seconds=59)
    assert ledger.messenger_inbox.claim(SLACK, "a", 30) is None
    clock.advance(seconds=2)
    assert ledger.messenger_inbox.claim(SLACK, "a", 30) is not None


def test_id_alone_is_never_handed_out_and_is_forgotten_after_days(ledger: Ledger, clock: TestClock) -> None:
    assert ledger.messenger_inbox.take_in(SLACK, "trigger:1", None)
    assert ledger.messenger_inbox.claim(SLACK, "a", 30) is None
    clock.advance(seconds=2 * 86_400)
    assert ledger.messenger_inbox.forget_old() == 0
    clock.advance(seconds=2 * 86_400)
    assert ledger.messenger_inbox.forget_old() == 1


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_post_stays_due_when_it_was_wanted_again_while_it_was_shown(ledger: Ledger, clock: TestClock) -> None:
    incident = open_incident(ledger)
    posts = ledger.messenger_posts
    post = posts.want(SLACK, "C1", "incident:x", incident.id)
    clock.advance(seconds=1)
    posts.want(SLACK, "C1", "incident:x", incident.id)
    posts.showed(post, "1.1", "digest-1")
    (due,) = posts.due(SLACK, 10)
    assert (due.message_id, due.shown) == ("1.1", "digest-1")
    posts.showed(due, "1.1", "digest-2")
    assert posts.due(SLACK, 10) == []


def test_post_that_was_put_off_stays_put_off_when_it_is_wanted_again(ledger: Ledger, clock: TestClock) -> None:
    incident = open_incident(ledger)
    posts = ledger.messenger_posts
    post = posts.want(SLACK, "C1", "incident:x", incident.id)
    posts.again(post, 600, "channel_not_found")
    posts.want(SLACK, "C1", "incident:x", incident.id)
    assert posts.due(SLACK, 10) == []
    assert posts.waiting(SLACK)[0].failure == "channel_not_found"
    clock.advance(seconds=601)
    assert len(posts.due(SLACK, 10)) == 1


def test_post_is_found_by_its_message(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    posts = ledger.messenger_posts
    posts.showed(posts.want(SLACK, "C1", "incident:x", incident.id), "1.1", "d")
    found = posts.at(SLACK, "C1", "1.1")
    assert found is not None
    assert found.incident_id == incident.id
    assert posts.at(SLACK, "C2", "1.1") is None
    assert posts.at(SLACK, "C1", "") is None


def test_one_post_is_made_when_many_threads_want_it(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: ledger.messenger_posts.want(SLACK, "C1", "incident:x", incident.id), range(12)))
    assert len(ledger.messenger_posts.waiting(SLACK)) == 1


def test_changed_incidents_come_in_the_order_of_their_change(ledger: Ledger, clock: TestClock) -> None:
    first = open_incident(ledger, "a")
    clock.advance(seconds=3_600)
    second = open_incident(ledger, "b")
    clock.advance(seconds=10)
    ledger.incidents.assign(first.id, "rui", "rui")
    changed = ledger.messenger_posts.changed(clock() - timedelta(seconds=60), 10)
    assert [one.id for one in changed] == [second.id, first.id]


def test_follower_begins_now_and_goes_on_where_it_stopped(ledger: Ledger, clock: TestClock) -> None:
    began = ledger.messenger_inbox.followed_until(SLACK)
    clock.advance(seconds=100)
    assert ledger.messenger_inbox.followed_until(SLACK) == began
    ledger.messenger_inbox.follow_from(SLACK, clock())
    assert ledger.messenger_inbox.followed_until(SLACK) == clock()


# --- who is who ------------------------------------------------------------------------------------------------------


def test_code_is_worth_something_once_and_for_ten_minutes(ledger: Ledger, clock: TestClock) -> None:
    ledger.principals.add("ana", [Role.VIEWER], Scope())
    identities = ledger.linked_identities
    used = identities.make_code("ana", actor="ana")
    assert identities.redeem(used.replace("-", " ").lower(), "slack:T1", "U1").id == "ana"
    with pytest.raises(BadInput):
        identities.redeem(used, "slack:T1", "U2")
    old = identities.make_code("ana", actor="ana")
    clock.advance(seconds=601)
    with pytest.raises(BadInput):
        identities.redeem(old, "slack:T1", "U2")
    replaced = identities.make_code("ana", actor="ana")
    identities.make_code("ana", actor="ana")
    with pytest.raises(BadInput):
        identities.redeem(replaced, "slack:T1", "U2")


def test_code_links_one_account_when_two_say_it_at_once(ledger: Ledger) -> None:
    ledger.principals.add("ana", [Role.VIEWER], Scope())
    code = ledger.linked_identities.make_code("ana", actor="ana")
    gate = threading.Barrier(6)

    def say(number: int) -> bool:
        gate.wait()
        try:
            ledger.linked_identities.redeem(code, "slack:T1", f"U{number}")
        except BadInput:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(say, range(6))) == [False] * 5 + [True]
    assert len(ledger.linked_identities.of("ana")) == 1


def test_account_is_one_principals_and_the_same_id_elsewhere_is_another(ledger: Ledger) -> None:
    for name in ("ana", "bob"):
        ledger.principals.add(name, [Role.VIEWER], Scope())
    identities = ledger.linked_identities
    identities.link("slack:T1", "U1", "ana", actor="admin")
    identities.link("slack:T1", "U1", "ana", actor="admin")
    with pytest.raises(WrongState):
        identities.link("slack:T1", "U1", "bob", actor="admin")
    identities.link("slack:T2", "U1", "bob", actor="admin")
    assert [identities.principal_of(f"slack:T{n}", "U1").id for n in (1, 2)] == ["ana", "bob"]  # type: ignore[union-attr]
    assert identities.principal_of("slack:T3", "U1") is None
    ledger.principals.disable("ana")
    assert identities.principal_of("slack:T1", "U1") is None
    identities.unlink("slack:T2", "U1", actor="admin")
    with pytest.raises(NotFound):
        identities.unlink("slack:T2", "U1", actor="admin")


def test_conversation_of_a_thread_is_each_persons_own(ledger: Ledger) -> None:
    threads, conversations = ledger.messenger_threads, ledger.conversations
    ana = conversations.open("ana", "why", "slack").id
    threads.keep(SLACK, "C1", "1.1", "ana", ana)
    assert threads.conversation_in(SLACK, "C1", "1.1", "ana") == ana
    assert threads.conversation_in(SLACK, "C1", "1.1", "bob") is None
    incident = open_incident(ledger)
    conversations.link(ana, incident.id)
    assert [(one.channel, one.thread) for one in threads.of_incident(SLACK, incident.id)] == [("C1", "1.1")]
