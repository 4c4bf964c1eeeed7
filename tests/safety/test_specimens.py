"""Every rule against its own specimens, judged by that rule alone and by all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knowledge.vocabulary import Ruling
from tools.safety.contract import SafetyRule, Subject
from tools.safety.load import rules
from tools.safety.offline import judge_script, load_policy
from tools.safety.writing import writes_of
from tools.script.parser import parse
from tools.script.translate import single_commands

POLICY = load_policy()
REFUSED = [(rule, script, ruling) for rule in rules().values() for script, ruling in rule.refused]
ALLOWED = [(rule, script) for rule in rules().values() for script in rule.allowed]


def _alone(rule: SafetyRule, text: str) -> Ruling:
    script = parse(text)
    found = [Ruling.AUTO]
    for command in single_commands(script):
        subject = replace(Subject(command, writes_of(command)), script=script.commands)
        found += [one.ruling for one in rule.judge(subject, POLICY)]
    return max(found, key=lambda ruling: ruling.strictness)


@pytest.mark.parametrize(("rule", "script", "ruling"), REFUSED, ids=[f"{r.id}:{s[:60]!r}" for r, s, _ in REFUSED])
def test_rule_holds_its_specimen_when_it_is_risky(rule: SafetyRule, script: str, ruling: Ruling) -> None:
    verdict = judge_script(script, POLICY)
    assert verdict.verdict.strictness >= ruling.strictness, verdict.message
    alone = _alone(rule, script)
    assert alone is ruling or (alone is Ruling.AUTO and verdict.verdict is ruling), f"{rule.id} alone says {alone}"


@pytest.mark.parametrize(("rule", "script"), ALLOWED, ids=[f"{r.id}:{s[:60]!r}" for r, s in ALLOWED])
def test_rule_lets_its_specimen_pass_when_it_is_ordinary(rule: SafetyRule, script: str) -> None:
    verdict = judge_script(script, POLICY)
    assert verdict.verdict.strictness <= Ruling.ONE.strictness, verdict.message


def test_every_rule_speaks_both_languages_and_has_specimens() -> None:
    assert len(rules()) >= 20
    for rule in rules().values():
        assert rule.allowed
        assert rule.protects.en != rule.protects.zh
