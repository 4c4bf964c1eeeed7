"""The rules of this folder by their id."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from knowledge.vocabulary import RuleVerdict, Ruling
from tools.discovery import load_values
from tools.safety.contract import SafetyRule, Subject, verdicts_of
from tools.safety.policy import Policy


@cache
def rules() -> dict[str, SafetyRule]:
    return load_values("tools.safety", SafetyRule)


def judge_step(subject: Subject, policy: Policy, step: int | None) -> tuple[list[RuleVerdict], list[RuleVerdict]]:
    """Every rule's verdicts on one step, and those of them that leave something open."""
    spoken = [one for rule in rules().values() for one in verdicts_of(rule, subject, policy, step)]
    unique = list(dict.fromkeys((verdict.model_dump_json(), is_open) for verdict, is_open in spoken))
    verdicts = [(RuleVerdict.model_validate_json(text), is_open) for text, is_open in unique]
    return [verdict for verdict, _ in verdicts], [verdict for verdict, is_open in verdicts if is_open]


def strictest(verdicts: Sequence[RuleVerdict]) -> Ruling:
    """The strictest ruling wins; nothing said is nothing allowed."""
    return max((verdict.ruling for verdict in verdicts), key=lambda ruling: ruling.strictness, default=Ruling.FORBIDDEN)
