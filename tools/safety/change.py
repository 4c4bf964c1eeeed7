"""Reads run without a prompt; every change is seen by at least one person."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.actions.load import action_of
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    command = subject.command
    if command.is_read:
        yield said(Ruling.AUTO, "reads only", "只读操作")
        return
    action = action_of(command)
    risk = action.risk if action is not None else Ruling.FORBIDDEN
    yield said(risk, f"{command.verb} changes the cluster", f"{command.verb} 会改变集群")


RULE = SafetyRule(
    "change", Text(en="that a person sees every change", zh="每次变更都有人看过"), _judge,
    ("kubectl get pods -A", "kubectl rollout restart deployment/web -n shop", "kubectl logs -f web-1"),
    (("kubectl scale deployment/web --replicas=3", Ruling.ONE), ("kubectl drain gpu-1 --ignore-daemonsets", Ruling.TWO)),
)  # fmt: skip
