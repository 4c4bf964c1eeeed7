"""Protects the service while it rolls out, and the way back from it: no release of every pod at once, no forgotten revisions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    for writes in subject.writes:
        if writes.is_whole and subject.observed is None:
            continue
        for path, value in writes.walk():
            if path[-1] == "maxUnavailable" and "rollingUpdate" in path and _is_everything(value):
                yield said(Ruling.TWO, "takes every pod down at once", "一次停掉全部 Pod")
            elif path[-2:] == ("strategy", "type") and value == "Recreate":
                yield said(Ruling.TWO, "stops every pod before the new ones start", "先停止全部 Pod 再启动新的")
            elif path == ("spec", "revisionHistoryLimit") and value == 0:
                yield said(Ruling.TWO, "forgets the revisions to go back to", "丢弃可回滚的历史版本")


def _is_everything(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("%") and value[:-1].isdigit() and int(value[:-1]) >= 100


RULE = SafetyRule(
    "rollout_pace", Text(en="the service while it rolls out", zh="发布过程中的服务"), _judge,
    ("kubectl patch deploy web -p '{\"spec\":{\"strategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"25%\"}}}}'",),
    (
        ("kubectl patch deploy web -p '{\"spec\":{\"strategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"100%\"}}}}'", Ruling.TWO),
        ("kubectl patch deploy web -p '{\"spec\":{\"strategy\":{\"type\":\"Recreate\",\"rollingUpdate\":null}}}'", Ruling.TWO),
        ("kubectl patch deploy web -p '{\"spec\":{\"revisionHistoryLimit\":0}}'", Ruling.TWO),
    ),
)  # fmt: skip
