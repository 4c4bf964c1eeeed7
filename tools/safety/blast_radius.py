"""Protects what the script does not name: changes to everything, by selector, or to many things at once."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if command.is_read:
        return
    if command.has("all") or command.is_all_namespaces:
        yield said(Ruling.FORBIDDEN, "a change to everything (--all or -A)", "对所有对象的变更（--all 或 -A）")
    if any(target.kind.plural == "all" for target in command.targets):
        yield said(Ruling.FORBIDDEN, "a change to all kinds", "对所有类型的变更")
    if command.selector or command.value("field-selector"):
        if subject.is_offline:
            yield said(
                Ruling.TWO, "a selector: what it picks is not known yet", "使用选择器：目标尚未确定", is_open=True
            )
        else:
            yield said(Ruling.TWO, "picked by a selector; the list is frozen", "由选择器选出；列表已冻结")
    changed = sum(max(len(c.targets), len(c.manifests), 1) for c in subject.script if not c.is_read)
    if changed > policy.max_targets:
        yield said(
            Ruling.TWO, f"the plan changes {changed} objects, more than {policy.max_targets}",
            f"计划变更 {changed} 个对象，超过 {policy.max_targets} 个",
        )  # fmt: skip


RULE = SafetyRule(
    "blast_radius", Text(en="what the script does not name", zh="脚本未点名的对象"), _judge,
    ("kubectl get pods -A", "kubectl get events --all-namespaces", "kubectl delete pod web-1"),
    (
        ("kubectl delete pods --all", Ruling.FORBIDDEN),
        ("kubectl rollout restart deploy --all -n shop", Ruling.FORBIDDEN),
        ("kubectl delete pods -A -l app=web", Ruling.FORBIDDEN),
        ("kubectl delete all -l app=web", Ruling.FORBIDDEN),
        ("kubectl scale deploy --all --replicas=1", Ruling.FORBIDDEN),
        ("kubectl delete pod -l app=web", Ruling.TWO),
        ("kubectl cordon n1 n2 n3 n4 n5 n6", Ruling.TWO),
    ),
)  # fmt: skip
