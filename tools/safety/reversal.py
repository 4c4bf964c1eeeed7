"""A change that cannot be taken back needs two people."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import ReversalKind, Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    if subject.reversal is ReversalKind.NONE and not subject.command.is_read:
        yield said(Ruling.TWO, "cannot be taken back", "无法撤销")


RULE = SafetyRule(
    "reversal", Text(en="the way back", zh="退路"), _judge,
    ("kubectl delete pod web-1",), (),
)  # fmt: skip
