"""The independent utterances are worth something only while they are well formed, apart from the others, and told apart."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import yaml

from agent.chat.understood import TAKES
from evals.chat.utterances import INDEPENDENT, NAMESPACES, NODES, SERVICES, read_utterances
from evals.measure.chat import measure_chat

NAMED = {"target": set(SERVICES), "node": set(NODES), "namespace": set(NAMESPACES)}
KEYS = {"ask", "intent", "with", "after", "at"}


def letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def test_the_independent_utterances_are_two_hundred_of_their_own_in_both_languages() -> None:
    independent, others = read_utterances(INDEPENDENT), read_utterances()
    asked = {letters(one.ask) for one in independent}
    assert len(independent) >= 200
    assert len(asked) == len(independent)
    assert not asked & {letters(one.ask) for one in others}
    assert min(Counter(one.language for one in independent).values()) >= 100
    assert {one.intent for one in independent} == {one.intent for one in others}
    assert sum(one.intent == "unclear" for one in independent) >= 20
    assert sum(bool(one.after) for one in independent) >= 10


def test_the_independent_utterances_expect_only_what_their_intents_take() -> None:
    known: dict[str, set[str | int]] = {}
    for other in read_utterances():
        for name, value in other.parameters.items():
            known.setdefault(name, set()).add(value)
    for one in read_utterances(INDEPENDENT):
        assert set(one.parameters) <= set(TAKES.get(one.intent, ())), one.ask
        for name, value in one.parameters.items():
            if name in {"since", "until"}:
                assert datetime.fromisoformat(str(value)).strftime("%Y-%m-%dT%H:%M") == value, one.ask
            elif name in {"minutes", "number"}:
                assert isinstance(value, int), one.ask
            else:
                assert value in NAMED.get(name, known[name]), one.ask


def test_the_independent_file_has_no_other_keys() -> None:
    assert all(set(row) <= KEYS for row in yaml.safe_load(INDEPENDENT.read_text(encoding="utf-8")))


def test_the_independent_utterances_have_rows_of_their_own_and_show_no_miss() -> None:
    figures, report = measure_chat()
    independent = read_utterances(INDEPENDENT)
    assert figures["independent"]["n"] == len(independent)
    assert figures["developed"]["n"] + figures["held_out"]["n"] == len(read_utterances())
    shown = str(report.parts)
    assert not any(one.ask[:60] in shown for one in independent if len(one.ask) > 20)
