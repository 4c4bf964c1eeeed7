"""Protects nodes: drains only workers, one by one, through evictions that the budgets can hold up."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches

_ROLES = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd")

_PLACING = ("node-role.kubernetes.io/*", "kubernetes.io/*", "topology.kubernetes.io/*", "node.kubernetes.io/*",
            "node-restriction.kubernetes.io/*", "beta.kubernetes.io/*")  # fmt: skip


def _is_control_plane(subject: Subject, policy: Policy) -> bool:
    labels = (subject.observed or {}).get("metadata", {}).get("labels") or {}
    return any(role in labels for role in _ROLES) or any(
        matches(name, policy.control_plane_names) for name in subject.names
    )


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if any(writes.kind.kind == "DaemonSet" and writes.is_whole and not subject.observed for writes in subject.writes):
        yield said(
            Ruling.TWO,
            "a DaemonSet puts a pod on every node",
            "DaemonSet 会在每个节点上运行 Pod",
            is_open=subject.is_offline,
        )
    if any(kind.kind == "Lease" for kind in subject.kinds) and not command.is_read:
        yield said(Ruling.TWO, "a lease says who leads", "租约决定由谁主导")
    if command.is_read or not any(kind.resource == "nodes" for kind in subject.kinds):
        return
    if command.verb == "drain":
        if command.selector or command.has("force") or command.has("disable-eviction"):
            yield said(
                Ruling.FORBIDDEN, "drains by selector, by force or past the budgets", "按选择器、强制或绕过预算驱逐"
            )
        yield said(Ruling.TWO, "evicts everything from a node", "驱逐节点上的全部 Pod", is_open=subject.is_offline)
    if command.has("all"):
        yield said(Ruling.FORBIDDEN, "every node at once", "一次影响所有节点")
    if command.verb in {"drain", "taint", "patch", "apply"} and _is_control_plane(subject, policy):
        yield said(Ruling.FORBIDDEN, "a node of the control plane", "控制平面节点")
    for writes in subject.writes:
        labels = set(writes.words_of("labels")) | writes.removed_words("labels")
        if any(matches(label, _PLACING) for label in labels):
            yield said(Ruling.TWO, "changes labels that say what a node is", "修改标识节点身份的标签")
        taints = writes.at("spec", "taints")
        if isinstance(taints, list) and any(isinstance(t, dict) and t.get("effect") == "NoExecute" for t in taints):
            yield said(Ruling.TWO, "NoExecute evicts what does not tolerate it", "NoExecute 会驱逐不容忍的 Pod")
    if command.verb in {"patch", "apply"}:
        yield said(Ruling.TWO, "writes a node by hand", "手工修改节点对象")


RULE = SafetyRule(
    "node_drain", Text(en="nodes", zh="节点"), _judge,
    ("kubectl cordon n1", "kubectl uncordon n1", "kubectl taint node n1 gpu=bad:NoSchedule", "kubectl label node n1 pool=b"),
    (
        ("kubectl drain n1 --ignore-daemonsets --delete-emptydir-data", Ruling.TWO),
        ("kubectl label node n1 node-role.kubernetes.io/control-plane=", Ruling.TWO),
        ("kubectl patch lease web --type=merge -p '{\"spec\":{\"holderIdentity\":\"a\"}}'", Ruling.TWO),
        ("kubectl apply -f - <<'EOF'\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: b}}}\nEOF", Ruling.TWO),
        ("kubectl drain -l pool=a", Ruling.FORBIDDEN),
        ("kubectl drain n1 --force", Ruling.FORBIDDEN),
        ("kubectl drain n1 --disable-eviction", Ruling.FORBIDDEN),
        ("kubectl drain control-plane-1", Ruling.FORBIDDEN),
        ("kubectl taint nodes n1 a=b:NoExecute", Ruling.TWO),
        ("kubectl taint nodes --all a=b:NoExecute", Ruling.FORBIDDEN),
        ("kubectl patch node n1 -p '{\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"NoExecute\"}]}}'", Ruling.TWO),
    ),
)  # fmt: skip
