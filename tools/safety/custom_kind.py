"""Protects against objects whose controller does what no rule can know: a kind that only the cluster names needs two people."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches
from tools.script.kinds import known_kinds


@cache
def _known() -> frozenset[str]:
    return frozenset({row.resource for row in known_kinds().rows} | {"all"})


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    if subject.command.is_read:
        return
    for kind in subject.kinds:
        if kind.resource not in _known() and not matches(kind.resource, policy.known_custom_kinds):
            yield said(
                Ruling.TWO, f"{kind.resource} is of this cluster alone: what its controller does with it is not known",
                f"{kind.resource} 是本集群特有的类型：其控制器的行为未知",
            )  # fmt: skip


RULE = SafetyRule(
    "custom_kind", Text(en="what no rule knows", zh="规则未知的类型"), _judge,
    ("kubectl patch isvc llm --type=merge -p '{\"spec\":{\"predictor\":{\"minReplicas\":2}}}'", "kubectl rollout restart deploy/web"), (),
)  # fmt: skip
