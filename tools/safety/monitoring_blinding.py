"""Protects the desk's own eyes: what verification and alerts rest on is not turned off."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if command.is_read:
        return
    if any(kind.kind == "Event" for kind in subject.kinds):
        yield said(Ruling.FORBIDDEN, "events are evidence", "事件是证据，不得修改")
    places = [(w.namespace, w.name) for w in subject.writes] or [
        (command.namespace, name) for name in subject.names or ("",)
    ]
    is_monitoring = any(policy.is_monitoring(namespace, name) for namespace, name in places)
    if any(kind.group == "monitoring.coreos.com" for kind in subject.kinds):
        ruling = Ruling.FORBIDDEN if command.verb == "delete" else Ruling.TWO
        yield said(ruling, "changes what is watched", "修改监控内容")
    if not is_monitoring:
        return
    if command.verb == "delete":
        is_pod = all(kind.plural == "pods" for kind in subject.kinds)
        yield said(Ruling.TWO if is_pod else Ruling.FORBIDDEN, "deletes a part of monitoring", "删除监控组件")
    for writes in subject.writes:
        yield from _less(writes.at("spec", "replicas"), subject)
        if writes.at("spec", "suspend") is True:
            yield said(Ruling.FORBIDDEN, "suspends a part of monitoring", "暂停监控组件")
        if writes.at("data") is not None and not subject.is_offline:
            yield said(Ruling.TWO, "changes the configuration of monitoring", "修改监控配置")
        elif writes.at("data") is not None:
            yield said(Ruling.TWO, "changes the configuration of monitoring", "修改监控配置", is_open=True)


def _less(replicas: object, subject: Subject) -> Iterable[Said]:
    if not isinstance(replicas, int):
        return
    old = (subject.observed or {}).get("spec", {}).get("replicas")
    if replicas == 0 or (isinstance(old, int) and replicas < old):
        yield said(Ruling.FORBIDDEN, "scales monitoring down: verification would be blind", "缩减监控：验证将失去依据")
    elif subject.is_offline:
        yield said(
            Ruling.TWO,
            "scales monitoring; whether down is not known yet",
            "调整监控副本数；是否缩减尚不可知",
            is_open=True,
        )


RULE = SafetyRule(
    "monitoring_blinding", Text(en="the desk's own eyes", zh="监控与证据"), _judge,
    ("kubectl get pods -n monitoring", "kubectl rollout restart deploy/grafana -n monitoring", "kubectl get events -A"),
    (
        ("kubectl scale deploy/grafana -n monitoring --replicas=0", Ruling.FORBIDDEN),
        ("kubectl scale sts prometheus-main --replicas 0", Ruling.FORBIDDEN),
        ("kubectl patch sts alertmanager -p '{\"spec\":{\"replicas\":0}}'", Ruling.FORBIDDEN),
        ("kubectl delete deploy prometheus -n monitoring", Ruling.FORBIDDEN),
        ("kubectl delete prometheusrules slow -n shop", Ruling.FORBIDDEN),
        ("kubectl delete ev x", Ruling.FORBIDDEN),
        ("kubectl delete events.events.k8s.io x", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
