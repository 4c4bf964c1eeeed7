"""Protects capacity: nothing is scaled away unseen, nothing beyond the site's bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, Writes, said
from tools.safety.policy import Policy

_COUNTS = frozenset(
    {"replicas", "maxReplicas", "minReplicas", "parallelism", "completions", "maxReplicaCount", "minReplicaCount"}
)


_STOPPING = frozenset({"serving.kserve.io/stop", "autoscaling.keda.sh/paused-replicas", "autoscaling.keda.sh/paused",
                       "autoscaling.knative.dev/max-scale", "autoscaling.knative.dev/min-scale"})  # fmt: skip


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    for writes in subject.writes:
        for path, value in writes.walk():
            if path[-1] in _COUNTS and path[0] == "spec":
                yield from _count(path[-1], value, subject, policy)
            if path[-1] == "suspend" and value is True and path == ("spec", "suspend"):
                yield said(Ruling.ONE, "suspends it", "将其暂停")
        for word, value in writes.words_of("annotations").items():
            if word in _STOPPING and str(value).lower() not in {"", "false"}:
                yield said(Ruling.TWO, f"{word} stops the service or fixes its size", f"{word} 会停止服务或固定其规模")
        if writes.kind.kind == "HorizontalPodAutoscaler":
            yield from _autoscaler(writes)
        if writes.kind.kind == "DaemonSet" and (
            writes.at("spec", "template", "spec", "nodeSelector") and not writes.is_whole
        ):
            yield said(
                Ruling.TWO, "a node selector can take a DaemonSet off its nodes", "节点选择器可能使 DaemonSet 离开节点"
            )


def _count(field: str, value: Any, subject: Subject, policy: Policy) -> Iterable[Said]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield said(Ruling.FORBIDDEN, f"{field} is not a number", f"{field} 不是数字")
        return
    if value > policy.max_replicas or value < 0:
        yield said(
            Ruling.FORBIDDEN,
            f"{field}={value} is beyond the bound of {policy.max_replicas}",
            f"{field}={value} 超出上限 {policy.max_replicas}",
        )
    if value == 0 and field in {"replicas", "maxReplicas", "parallelism", "maxReplicaCount"}:
        yield said(Ruling.TWO, "scales it to nothing", "缩容到零")
    old = (subject.observed or {}).get("spec", {}).get(field)
    if isinstance(old, int) and old > 0 and value > old * policy.max_scale_factor:
        yield said(
            Ruling.TWO,
            f"{field} from {old} to {value}: more than {policy.max_scale_factor:g} times",
            f"{field} 从 {old} 到 {value}：超过 {policy.max_scale_factor:g} 倍",
        )
    if isinstance(old, int) and field == "replicas" and 0 < value < old / 2:
        yield said(Ruling.TWO, f"takes away more than half of {old} replicas", f"减少超过一半的副本（原 {old}）")


def _autoscaler(writes: Writes) -> Iterable[Said]:
    least, most = writes.at("spec", "minReplicas"), writes.at("spec", "maxReplicas")
    if most == 1 or (writes.is_whole and least is not None and least == most):
        yield said(Ruling.TWO, "pins the autoscaler", "将自动伸缩固定住")


RULE = SafetyRule(
    "scaling_bounds", Text(en="capacity", zh="容量"), _judge,
    ("kubectl scale deploy/web --replicas=3", "kubectl autoscale deploy/web --min=2 --max=6", "kubectl patch deploy web -p '{\"spec\":{\"replicas\":4}}'"),
    (
        ("kubectl scale deploy/web --replicas=0", Ruling.TWO),
        ("kubectl patch deploy web -p '{\"spec\":{\"replicas\":0}}'", Ruling.TWO),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":0}]'", Ruling.TWO),
        ("kubectl scale deploy/web --replicas=5000", Ruling.FORBIDDEN),
        ("kubectl annotate isvc llm serving.kserve.io/stop=true", Ruling.TWO),
        ("kubectl annotate so llm autoscaling.keda.sh/paused-replicas=0", Ruling.TWO),
        ("kubectl patch hpa web --type=merge -p '{\"spec\":{\"maxReplicas\":900}}'", Ruling.FORBIDDEN),
        ("kubectl autoscale deploy/web --min=1 --max=1", Ruling.TWO),
        ("kubectl patch hpa web -p '{\"spec\":{\"minReplicas\":1,\"maxReplicas\":1}}'", Ruling.TWO),
    ),
)  # fmt: skip
