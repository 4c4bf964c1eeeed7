"""Protects the namespaces that the cluster and opsdesk itself live in."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if command.is_read:
        return
    named = [name for kind, name in _namespaces_named(subject) if policy.is_protected(name)]
    for namespace in dict.fromkeys([*(n for n in subject.namespaces if policy.is_protected(n)), *named]):
        if command.verb == "rollout restart" and _is_listed(subject, policy, namespace):
            yield said(
                Ruling.TWO, f"restarts an allowed workload of the protected namespace {namespace}",
                f"重启受保护命名空间 {namespace} 中获准的工作负载",
            )  # fmt: skip
        else:
            yield said(Ruling.FORBIDDEN, f"{namespace} is a protected namespace", f"{namespace} 是受保护的命名空间")


def _namespaces_named(subject: Subject) -> Iterable[tuple[str, str]]:
    for target in subject.command.targets:
        if target.kind.resource == "namespaces" and target.name:
            yield "namespace", target.name
    for manifest in subject.command.manifests:
        if manifest.kind.resource == "namespaces":
            yield "namespace", manifest.name


def _is_listed(subject: Subject, policy: Policy, namespace: str) -> bool:
    targets = subject.command.targets
    return bool(targets) and all(
        t.name and matches(f"{namespace}/{t.kind.kind}/{t.name}", policy.restartable) for t in targets
    )  # fmt: skip


RULE = SafetyRule(
    "protected_namespace", Text(en="the cluster's own namespaces", zh="集群自身的命名空间"), _judge,
    ("kubectl get pods -n kube-system", "kubectl describe deploy/coredns -n kube-system"),
    (
        ("kubectl rollout restart deploy/coredns -n kube-system", Ruling.TWO),
        ("kubectl rollout restart ds/kube-proxy -nkube-system", Ruling.FORBIDDEN),
        ("kubectl delete pod etcd-0 --namespace=kube-system", Ruling.FORBIDDEN),
        ("kubectl scale deploy/opsdesk -n opsdesk --replicas=1", Ruling.FORBIDDEN),
        ("kubectl label namespace kube-system a=b", Ruling.FORBIDDEN),
        ("kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\nEOF", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
