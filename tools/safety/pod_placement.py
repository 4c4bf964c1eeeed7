"""Protects where pods run and how they find each other: the control plane's nodes, priorities, schedulers, name service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _is_set(value: Any) -> bool:
    return value not in (None, False, "", [], {})


_TWO: dict[str, Callable[[Any], bool]] = {
    "nodeName": _is_set, "hostAliases": _is_set, "runtimeClassName": _is_set, "dnsConfig": _is_set,
    "dnsPolicy": lambda v: v in {"None", "Default"}, "schedulerName": lambda v: v not in (None, "", "default-scheduler"),
    "priorityClassName": lambda v: str(v).startswith("system-"), "priority": lambda v: isinstance(v, int) and v >= 1_000_000_000,
}  # fmt: skip
_PLACES = frozenset({"nodeSelector", "affinity", "nodeAffinity", "tolerations"})


_CONTROL_PLANE = ("control-plane", "node-role.kubernetes.io/master")


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    for writes in subject.writes:
        if writes.kind.kind == "Node":
            continue
        for path, value in writes.walk():
            field = path[-1]
            if field in _TWO and path[0] != "status" and _TWO[field](value):
                place = ".".join(path)
                yield said(
                    Ruling.TWO,
                    f"{place} changes where a pod runs or whom it asks",
                    f"{place} 改变 Pod 的运行位置或解析方式",
                )
            elif field in _PLACES and any(word in _said_in(value) for word in _CONTROL_PLANE):
                yield said(Ruling.TWO, "runs on the control plane's nodes", "运行在控制平面节点上")
            elif field == "tolerations" and any(
                _tolerates_all(item) for item in (value if isinstance(value, list) else [value])
            ):
                yield said(Ruling.TWO, "tolerates every taint", "容忍所有污点")


def _said_in(tree: Any) -> str:
    if isinstance(tree, dict):
        return " ".join(f"{key} {_said_in(value)}" for key, value in tree.items())
    return " ".join(map(_said_in, tree)) if isinstance(tree, list) else str(tree)


def _tolerates_all(item: Any) -> bool:
    return isinstance(item, dict) and item.get("operator") == "Exists" and not item.get("key")


_POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {%s containers: [{name: a, image: 'registry.k8s.io/a:1'}]}\n"
)


def _apply(spec: str) -> str:
    return f"kubectl apply -f - <<'EOF'\n{_POD % spec}EOF\n"


_AFFINITY = (
    "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: "
    "[{key: node-role.kubernetes.io/control-plane, operator: Exists}]}]}}},"
)
RULE = SafetyRule(
    "pod_placement", Text(en="where pods run", zh="Pod 的运行位置"), _judge,
    (_apply("nodeSelector: {pool: gpu}, tolerations: [{key: nvidia.com/gpu, operator: Exists}],"), _apply("priorityClassName: batch-low,")),
    (
        (_apply("nodeName: n1,"), Ruling.TWO),
        (_apply("tolerations: [{operator: Exists}],"), Ruling.TWO),
        (_apply("tolerations: [{key: node-role.kubernetes.io/control-plane}],"), Ruling.TWO),
        (_apply("nodeSelector: {node-role.kubernetes.io/master: ''},"), Ruling.TWO),
        (_apply(_AFFINITY), Ruling.TWO),
        (_apply("priorityClassName: system-node-critical,"), Ruling.TWO),
        (_apply("schedulerName: my-own,"), Ruling.TWO),
        (_apply("hostAliases: [{ip: 10.0.0.1, hostnames: [registry.k8s.io]}],"), Ruling.TWO),
        (_apply("dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.1]},"), Ruling.TWO),
        ("kubectl patch pod a -p '{\"spec\":{\"nodeName\":\"n1\"}}'", Ruling.TWO),
    ),
)  # fmt: skip
