"""Protects one service as its owners want it: which changes it takes, within which bounds, approved by how many and by whom."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy
from tools.safety.site import ServiceProfile

_COUNTS = frozenset({"replicas", "maxReplicas", "maxReplicaCount", "parallelism", "minReplicas"})


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if command.is_read or not policy.profiles:
        return
    for profile in policy.profiles_of((namespace, name) for _, namespace, name in subject.places):
        if not profile.allows(command.verb):
            yield said(
                Ruling.FORBIDDEN, f"the profile {profile.name} does not take {command.verb}",
                f"服务档案 {profile.name} 不允许 {command.verb}",
            )  # fmt: skip
        if profile.at_least == "two":
            yield said(Ruling.TWO, f"the profile {profile.name} asks for two", f"服务档案 {profile.name} 要求两人审批")
        if profile.approvers:
            who = ", ".join(profile.approvers)
            yield said(Ruling.ONE, f"{profile.name} is approved by {who}", f"{profile.name} 由 {who} 审批")
        yield from _bound(subject, profile)


def _bound(subject: Subject, profile: ServiceProfile) -> Iterable[Said]:
    if profile.max_replicas is None:
        return
    for writes in subject.writes:
        for path, value in writes.walk():
            if path[-1] in _COUNTS and isinstance(value, int) and value > profile.max_replicas:
                yield said(
                    Ruling.FORBIDDEN, f"{path[-1]}={value} is beyond the {profile.max_replicas} of the profile {profile.name}",
                    f"{path[-1]}={value} 超出服务档案 {profile.name} 的上限 {profile.max_replicas}",
                )  # fmt: skip


RULE = SafetyRule(
    "service_profile", Text(en="a service as its owners want it", zh="服务所有者的要求"), _judge,
    ("kubectl rollout restart deploy/web",), (),
)  # fmt: skip
