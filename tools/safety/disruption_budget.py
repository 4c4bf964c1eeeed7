"""Protects disruption budgets: they are not weakened unseen, and never in the script that then evicts."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy
from tools.script.command import Command


def _evicts(command: Command) -> bool:
    return command.verb == "drain" or (
        command.verb == "delete" and any(t.kind.plural == "pods" for t in command.targets)
    )


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    command = subject.command
    if command.is_read or not any(kind.kind == "PodDisruptionBudget" for kind in subject.kinds):
        return
    if any(_evicts(other) for other in subject.script):
        yield said(Ruling.FORBIDDEN, "changes a budget and evicts in one script", "同一脚本中既改干扰预算又驱逐 Pod")
    yield said(Ruling.TWO, "changes a disruption budget", "修改干扰预算")


RULE = SafetyRule(
    "disruption_budget", Text(en="disruption budgets", zh="干扰预算"), _judge,
    ("kubectl get pdb -A", "kubectl delete pod web-1"),
    (
        ("kubectl delete pdb web", Ruling.TWO),
        ("kubectl patch poddisruptionbudgets.policy web --type=merge -p '{\"spec\":{\"minAvailable\":0}}'", Ruling.TWO),
        ("kubectl delete pdb web\nkubectl drain n1 --ignore-daemonsets", Ruling.FORBIDDEN),
        ("kubectl patch pdb web -p '{\"spec\":{\"maxUnavailable\":\"100%\"}}'\nkubectl delete po web-1", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
