"""The law that every rule obeys, whatever it protects."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from knowledge.vocabulary import Ruling
from tools.safety.contract import SafetyRule, Subject
from tools.safety.load import judge_step, rules, strictest
from tools.safety.offline import judge_script, load_policy
from tools.safety.writing import writes_of
from tools.script.parser import parse
from tools.script.translate import single_commands

POLICY = load_policy()
ALL = sorted(rules().values(), key=lambda rule: rule.id)
SPECIMENS = sorted({text for rule in ALL for text in (*rule.allowed, *(script for script, _ in rule.refused))})
ONLY_WITH_MORE = {"reversal", "topology_distance", "custom_kind", "change_window", "service_profile"}
"""They speak of the cluster, the hour or the site's own settings: refused specimens stand in their own tests."""


def _subjects(text: str) -> list[Subject]:
    script = parse(text)
    return [Subject(command, writes_of(command), script.commands) for command in single_commands(script)]


@pytest.mark.parametrize("rule", ALL, ids=[rule.id for rule in ALL])
def test_rule_says_the_same_of_the_same_step_and_never_fails_on_any_specimen(rule: SafetyRule) -> None:
    for text in SPECIMENS:
        for subject in _subjects(text):
            first = list(rule.judge(subject, POLICY))
            assert first == list(rule.judge(subject, POLICY))
            assert all(one.message.en and one.message.zh and one.ruling is not Ruling.REFUSED for one in first)


@pytest.mark.parametrize("rule", ALL, ids=[rule.id for rule in ALL])
def test_rule_has_an_allowed_and_a_refused_specimen(rule: SafetyRule) -> None:
    assert rule.allowed
    assert rule.refused or rule.id in ONLY_WITH_MORE
    assert rule.protects.en
    assert rule.protects.zh


def test_strictest_verdict_wins_whatever_the_order() -> None:
    chance = random.Random(3)
    for text in SPECIMENS:
        for subject in _subjects(text):
            said, _ = judge_step(subject, POLICY, 0)
            shuffled = chance.sample(said, len(said))
            assert strictest(shuffled) is strictest(said)
            assert strictest(said).strictness == max(one.ruling.strictness for one in said)


def test_nothing_said_is_forbidden() -> None:
    assert strictest([]) is Ruling.FORBIDDEN


def test_a_second_harmless_command_never_makes_a_script_milder() -> None:
    for text in SPECIMENS:
        alone = judge_script(text, POLICY).verdict
        beside = judge_script(f"kubectl get pods -n shop\n{text}", POLICY).verdict
        assert beside.strictness >= alone.strictness, text


def test_every_change_is_seen_by_someone() -> None:
    for text in SPECIMENS:
        found = judge_script(text, POLICY)
        if any(not command.is_read for command in parse(text).commands):
            assert found.verdict is not Ruling.AUTO, text


def test_rules_see_what_is_hidden_behind_a_rename_of_the_writes() -> None:
    (subject,) = _subjects('kubectl patch deploy web -p \'{"spec":{"template":{"spec":{"hostPID":true}}}}\'')
    without = replace(subject, writes=())
    assert strictest(judge_step(subject, POLICY, 0)[0]) is Ruling.FORBIDDEN
    assert strictest(judge_step(without, POLICY, 0)[0]) is Ruling.ONE, (
        "the verb alone says little: the writes are judged"
    )
