"""Conversations in the ledger, on both engines: order, redaction, lists, links, sweeping."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.errors import NotFound
from knowledge.ledger.ledger import Ledger
from tests.ledger.conftest import TestClock
from tools.redaction import redact_text


@pytest.fixture
def redacting(url: str, clock: TestClock) -> object:
    with Ledger.open(url, clock, redact=redact_text) as ledger:
        yield ledger


def test_messages_keep_their_order_when_many_speak_at_once(ledger: Ledger) -> None:
    one = ledger.conversations.open("wei", "hello", "web")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: ledger.conversations.say(one.id, "person", "wei", str(number)), range(12)))
    messages = ledger.conversations.messages(one.id)
    assert [message.sequence for message in messages] == list(range(1, 13))
    assert {message.text for message in messages} == {str(number) for number in range(12)}
    assert ledger.conversations.get(one.id).length == 12
    assert [message.sequence for message in ledger.conversations.messages(one.id, 3, before=10)] == [7, 8, 9]


def test_nothing_is_kept_that_is_a_secret(redacting: Ledger) -> None:
    secret = "password=hunter2secret"
    one = redacting.conversations.open("wei", f"why {secret}", "web")
    redacting.conversations.say(one.id, "person", "wei", f"x {secret}", {"blocks": [{"text": [secret]}], "n": 1})
    kept = redacting.conversations.messages(one.id)[0].model_dump_json() + one.model_dump_json()
    assert "hunter2secret" not in kept


def test_each_sees_its_own_and_pages_through_them(ledger: Ledger, clock: TestClock) -> None:
    mine = []
    for number in range(3):
        clock.advance(seconds=1)
        mine.append(ledger.conversations.open("wei", f"talk {number}", "web").id)
    ledger.conversations.open("ana", "another", "web")
    assert [one.id for one in ledger.conversations.of("wei")] == mine[::-1]
    assert [one.id for one in ledger.conversations.of("wei", 1, before=mine[2])] == [mine[1]]


def test_what_there_is_not_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.conversations.get("chat-none")
    with pytest.raises(NotFound):
        ledger.conversations.say("chat-none", "person", "wei", "x")
    one = ledger.conversations.open("wei", "x", "web")
    with pytest.raises(NotFound):
        ledger.conversations.message(one.id, "msg-none")


def test_strange_text_is_kept_as_it_can_be(ledger: Ledger) -> None:
    one = ledger.conversations.open("wei", "a\nb\x00\ud800" * 100, "web")
    assert "\n" not in one.title
    assert len(one.title) <= 120
    said = ledger.conversations.say(one.id, "desk", "wei", "\x00\ud800 的" * 20_000, {"x": "\x00\ud800"})
    assert ledger.conversations.message(one.id, said.id).sequence == 1


def test_what_nobody_went_on_with_is_swept(ledger: Ledger, clock: TestClock) -> None:
    old = ledger.conversations.open("wei", "old", "web")
    ledger.conversations.say(old.id, "person", "wei", "x")
    limit = clock.advance(days=10)
    new = ledger.conversations.open("wei", "new", "web")
    assert ledger.conversations.sweep(limit) == 1
    assert [one.id for one in ledger.conversations.of("wei")] == [new.id]
    assert ledger.conversations.messages(old.id) == []
