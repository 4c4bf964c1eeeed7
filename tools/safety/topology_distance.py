"""A target that has nothing to do with the diagnosed object needs two people, whatever the change."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    if subject.is_outside and not subject.command.is_read:
        yield said(
            Ruling.TWO, "the target lies outside the topology of the diagnosed object", "目标不在被诊断对象的拓扑范围内"
        )


RULE = SafetyRule(
    "topology_distance", Text(en="what the incident is not about", zh="与事件无关的对象"), _judge,
    ("kubectl rollout restart deploy/web",), (),
)  # fmt: skip
