"""The rules without a model: names however they are spelled, times in the asker's zone, orders, fragments, and what is none of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
import yaml

from agent.chat.intents import broad_lexicon, lexicon, rank
from agent.chat.names import Known, Thing, mentions_in
from agent.chat.spelling import plainly_spelled
from agent.chat.times import Window, compared_in, window_in
from agent.chat.understanding import Setting, understand
from agent.chat.understood import Thread, Understood
from evals.chat.utterances import NOW, ZONE, read_utterances, world
from evals.measure.chat import BAR_INTENT, BAR_PARAMETERS, figures_of, measure_chat, read_all
from knowledge.vocabulary import Language, Scope

KNOWN = world()
SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(text: str, thread: Thread | None = None, **options: str) -> Understood:
    return understand(text, Setting(KNOWN, NOW, ZONE, thread or Thread(), **options))  # type: ignore[arg-type]


def test_the_developed_utterances_reach_their_bar() -> None:
    reads = [one for one in read_all(read_utterances()) if not one.utterance.is_held_out]
    figures = figures_of(reads)
    assert figures["intent"] >= BAR_INTENT, figures
    assert figures["exact"] >= BAR_PARAMETERS, figures
    assert figures["taken_for_a_change"] == 0


def test_the_measure_has_enough_of_both_languages_and_shows_no_held_out_miss() -> None:
    figures, report = measure_chat()
    utterances = read_utterances()
    assert len(utterances) >= 300
    assert len({one.ask for one in utterances}) == len(utterances)
    assert 0.45 <= sum(one.language == "zh" for one in utterances) / len(utterances) <= 0.55
    assert 0.4 <= figures["held_out"]["n"] / len(utterances) <= 0.6
    lines = str(report.parts[-1])
    assert not any(one.ask[:60] in lines for one in utterances if one.is_held_out and len(one.ask) > 20)


@pytest.mark.parametrize(
    "spelled", ["qwen2-7b", "Qwen2-7B", "qwen2 7b", "QWEN2_7B", "qwen27b", "qwen2", "qwen2-7b-6d4f8b9c7d-x2x4z"]
)
def test_a_name_is_known_however_it_is_spelled(spelled: str) -> None:
    found = read(f"status of {spelled}")
    assert found.target is not None
    assert found.target.name == "qwen2-7b"


@pytest.mark.parametrize("spelled", ["qwen2-72b", "qwen3-7b", "bge-m4", "gpu-99"])
def test_a_name_that_is_nearly_one_is_not_taken_for_it(spelled: str) -> None:
    found = read(f"restart {spelled}")
    assert found.target is None
    assert found.node is None
    assert found.unknown == (spelled,)


def test_a_part_that_begins_several_names_is_doubtful() -> None:
    known = Known.of([Thing("c", "Deployment", "prod", f"qwen2-{size}") for size in ("7b", "72b")])
    found = mentions_in("why is qwen2 slow", known)
    assert {one.name for one in found.doubtful[0][1]} == {"qwen2-7b", "qwen2-72b"}


def test_a_service_that_is_called_like_a_word_does_not_hide_the_question() -> None:
    known = Known.of([Thing("c", "Deployment", "prod", name) for name in ("logs", "status", "bge-m3")])
    found = understand("logs of bge-m3", Setting(known, NOW, ZONE))
    assert found.intent == "logs"
    assert found.target is not None
    assert found.target.name == "bge-m3"


def test_known_names_are_those_of_the_scope() -> None:
    within = KNOWN.within(Scope(namespaces=("staging",)))
    assert {one.kind for one in within.things} == {"Node", "Namespace"}
    assert [one.name for one in within.things if one.kind == "Namespace"] == ["staging"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("过去 6 小时", Window(minutes=360)),
        ("最近半小时", Window(minutes=30)),
        ("近十五分钟", Window(minutes=15)),
        ("最近一个半小时", Window(minutes=90)),
        ("last 2 days", Window(minutes=2880)),
        ("over the past hour", Window(minutes=60)),
        ("half an hour", Window()),
        ("since yesterday 14:00", Window(since=at("2026-03-09T14:00"))),
        ("昨天下午 3 点之后", Window(since=at("2026-03-09T15:00"))),
        ("since 23:30", Window(since=at("2026-03-09T23:30"))),
        ("between 9am and 11:15", Window(since=at("2026-03-10T09:00"), until=at("2026-03-10T11:15"))),
        ("昨天", Window(since=at("2026-03-09T00:00"), until=at("2026-03-10T00:00"))),
        ("本周", Window(since=at("2026-03-09T00:00"))),
        ("last 99999 days", Window(minutes=31 * 24 * 60)),
        ("at 25:99", Window()),
        ("qwen2-7b", Window()),
    ],
)
def test_times_are_read_in_the_askers_zone(text: str, window: Window) -> None:
    assert window_in(text, NOW, SHANGHAI) == window


@pytest.mark.parametrize(
    ("text", "days"),
    [("和昨天比", 1), ("vs last week", 7), ("今天和上周同期对比", 7), ("昨天的延迟", 0), ("周同比", 7)],
)
def test_a_comparison_is_told_from_a_window(text: str, days: int) -> None:
    assert compared_in(text) == days


def test_a_window_is_never_empty_never_in_the_future_and_never_too_long() -> None:
    now = datetime(2026, 3, 10, tzinfo=UTC)
    start, end = Window(since=datetime(2027, 1, 1, tzinfo=UTC)).bounds(now, 60)
    assert start < end == now
    start, end = Window(since=datetime(2020, 1, 1, tzinfo=UTC)).bounds(now, 60)
    assert (end - start).days == 31


def test_a_thread_survives_being_kept() -> None:
    first = read("p95 latency of qwen2-7b since yesterday 14:00")
    again = Understood.from_json(first.as_json())
    assert again.parameters() == first.parameters()
    second = read("and the p99?", Thread().after(again))
    assert second.parameters() == {**first.parameters(), "quantile": 99}
    assert Understood.from_json({"intent": "status", "of_a_later_desk": 1}).intent == "status"


def test_the_language_of_the_thread_is_kept_where_the_words_tell_none() -> None:
    first = read("qwen2-7b 现在正常吗")
    assert read("???", Thread().after(first)).language is Language.ZH
    assert read("status of redis", Thread().after(first)).language is Language.EN


def test_every_rule_names_concepts_that_there_are() -> None:
    known = lexicon()
    own = {
        "target", "node", "namespace", "incident", "pronoun", "focus", "measure", "window", "compare", "order", "incident_here",
        "measure_short",
    }  # fmt: skip
    there = own | set(known.concepts.names)
    for intent, rules in known.rules.items():
        for rule in rules:
            assert frozenset().union(*rule.when, rule.unless) <= there, intent


def test_nothing_is_chosen_where_nothing_speaks_for_it() -> None:
    assert rank(frozenset()).chosen == "unclear"
    assert rank(frozenset({"target"})).chosen == "unclear"


def in_words(key: str) -> list[str]:
    raw = yaml.safe_load(files("api.web").joinpath("words.yaml").read_text(encoding="utf-8"))
    group, name = key.split(".")
    return list(raw[group][name])


@pytest.mark.parametrize(
    ("key", "intent"),
    [
        ("chat.example_1", "diagnose"),
        ("chat.example_2", "capacity"),
        ("chat.example_3", "changes"),
        ("chat.example_4", "knowledge"),
        ("chat.example_5", "incidents"),
    ],
)
def test_the_examples_of_the_console_are_understood(key: str, intent: str) -> None:
    assert [read(text).intent for text in in_words(key)] == [intent, intent]


@pytest.mark.parametrize(
    ("key", "aspect"),
    [
        ("incident.ask_1", "why"),
        ("incident.ask_2", "tried"),
        ("incident.ask_3", "next"),
        ("incident.ask_4", "approvers"),
    ],
)
def test_the_questions_that_the_incident_page_offers_are_understood(key: str, aspect: str) -> None:
    found = [read(text, incident_id="inc-000000000000000a") for text in in_words(key)]
    assert [(one.intent, one.aspect) for one in found] == [("about_incident", aspect)] * 2


def test_no_reading_by_wide_classes_gives_an_intent_that_acts() -> None:
    assert not {"change", "confirm", "paste"} & set(broad_lexicon().intents)


@pytest.mark.parametrize(
    "text", ["restatr gateway", "gateway restart?", "restarting is how gateway dies", "sacle bge-m3 to 4"]
)
def test_a_slip_of_the_fingers_is_never_an_order(text: str) -> None:
    assert read(text).intent != "change"


@pytest.mark.parametrize(
    ("slip", "word"),
    [("latnecy", "latency"), ("crahsing", "crashing"), ("sloooow", "slow"), ("there", "there"), ("gpu-07x", "gpu-07x")],
)
def test_slips_in_ordinary_words_are_set_right_and_names_are_not(slip: str, word: str) -> None:
    assert plainly_spelled(slip) == word


def test_every_wide_frame_names_concepts_that_there_are() -> None:
    own = {"target", "node", "namespace", "incident", "pronoun", "focus", "measure", "window", "compare", "order", "incident_here", "bare", "bare_measure", "short"}  # fmt: skip
    there = own | set(lexicon().concepts.names) | set(broad_lexicon().concepts.names)
    for intent, rules in broad_lexicon().rules.items():
        for rule in rules:
            assert frozenset().union(*rule.when, rule.unless) <= there, intent


def test_a_long_text_of_one_letter_is_read_quickly() -> None:
    began = time.perf_counter()
    assert read("slo" + "o" * 1_900 + "w " + "卡" * 90).intent
    assert read("why " * 500).intent
    assert time.perf_counter() - began < 2.0
