"""The rules of this folder by their id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from knowledge.vocabulary import RuleVerdict, Ruling
from tools.discovery import load_values
from tools.safety.contract import SafetyRule, Subject, verdicts_of
from tools.safety.policy import Policy
from tools.script.translate import as_read


@cache
def rules() -> dict[str, SafetyRule]:
    return load_values("tools.safety", SafetyRule)


def judge_step(subject: Subject, policy: Policy, step: int | None) -> tuple[list[RuleVerdict], list[RuleVerdict]]:
    """Every rule's verdicts on one step, and those of them that leave something open."""
    if any(command.is_read for command in subject.script):
        script = tuple(map(as_read, subject.script))
        subject = replace(subject, command=as_read(subject.command), script=script)
    spoken = [one for rule in rules().values() for one in verdicts_of(rule, subject, policy, step)]
    unique = {(v.rule, v.ruling, v.message.en, is_open): v for v, is_open in spoken}
    return list(unique.values()), [verdict for (*_, is_open), verdict in unique.items() if is_open]


def strictest(verdicts: Sequence[RuleVerdict]) -> Ruling:
    """The strictest ruling wins; nothing said is nothing allowed."""
    return max((verdict.ruling for verdict in verdicts), key=lambda ruling: ruling.strictness, default=Ruling.FORBIDDEN)
