"""Protects the namespaces that the cluster and opsdesk itself live in."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Json, Ruling, Text
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
    if command.verb == "drain":
        yield from _evicted(subject, policy)


def _evicted(subject: Subject, policy: Policy) -> Iterable[Said]:
    """What a drain takes out of protected namespaces: pods of workloads that may be restarted there may leave, no others."""
    leaving = [pod for pod in subject.nearby if pod.get("kind", "Pod") == "Pod"]
    guarded = [pod for pod in leaving if policy.is_protected(pod["metadata"].get("namespace", ""))]
    for pod in sorted(guarded, key=lambda one: str(one["metadata"]["name"])):
        key = f"Pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        if matches("/".join((pod["metadata"]["namespace"], *workload_of(pod))), policy.restartable):
            yield said(
                Ruling.TWO, f"evicts {key}, of an allowed workload of a protected namespace",
                f"将驱逐受保护命名空间中获准工作负载的 {key}",
            )  # fmt: skip
        else:
            yield said(
                Ruling.FORBIDDEN,
                f"would evict {key} of a protected namespace: move it first, or let the policy's `restartable` name it",
                f"会驱逐受保护命名空间中的 {key}：请先迁移，或在策略的 `restartable` 中列出",
            )


def workload_of(pod: Json) -> tuple[str, str]:
    """Kind and name of what keeps a pod: the Deployment behind its ReplicaSet, else its controller, else the pod."""
    metadata = pod["metadata"]
    owner = next((one for one in metadata.get("ownerReferences") or [] if one.get("controller")), None)
    if owner is None:
        return "Pod", str(metadata["name"])
    kind, name = str(owner["kind"]), str(owner["name"])
    template = (metadata.get("labels") or {}).get("pod-template-hash", "")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return "Deployment", name.removesuffix(f"-{template}")
    return kind, name


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
