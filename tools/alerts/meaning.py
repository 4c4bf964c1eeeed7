"""What an alert's labels mean to the desk: how severe, which service, which cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping

from knowledge.vocabulary import Alert, Severity, digest_of

_WORDS: dict[Severity, str] = {
    Severity.CRITICAL: "critical crit fatal emergency emerg disaster page blocker p0 p1 sev0 sev1 s0 s1 严重 紧急 致命 灾难 特急 一级",
    Severity.HIGH: "high error err major urgent alert p2 sev2 s2 重要 高 高危 错误 主要 二级",
    Severity.MEDIUM: "warning warn medium moderate average p3 sev3 s3 警告 告警 预警 中 一般 三级",
    Severity.LOW: "low minor p4 sev4 s4 低 次要 轻微 四级",
    Severity.INFO: "info information informational notice none debug ok p5 sev5 s5 提示 信息 通知 五级",
}
_SEVERITIES = {word: severity for severity, words in _WORDS.items() for word in words.split()}
_SEVERITY_LABELS = ("severity", "priority", "level", "sev", "alert_severity", "严重程度", "级别")
_CLUSTER_LABELS = ("cluster", "cluster_name", "k8s_cluster", "kubernetes_cluster", "k8s_cluster_name", "集群")
_NAMESPACE_LABELS = (
    "namespace",
    "exported_namespace",
    "kubernetes_namespace",
    "k8s_namespace_name",
    "kube_namespace",
    "命名空间",
)
_SERVICE_LABELS = (
    "service", "service_name", "exported_service", "app", "app_kubernetes_io_name", "application", "inferenceservice",
    "deployment", "statefulset", "daemonset", "workload", "cronjob", "job_name", "model_name", "model", "服务",
)  # fmt: skip
# Who scrapes or exports says nothing about who is ill.
_EXPORTERS = re.compile(
    r"kube-state-metrics|node-?exporter|dcgm|kubelet|cadvisor|prometheus|blackbox|pushgateway|kubernetes-(pods|nodes)"
)
_POD_SUFFIX = re.compile(r"(?:-[0-9a-f]{6,10}-[a-z0-9]{5}|-[a-z0-9]{5}|-\d+)$")


def severity_of(labels: Mapping[str, str], said: str = "") -> Severity:
    """Medium when nothing is said, or nothing that the desk knows."""
    for word in (said, *(labels.get(label, "") for label in _SEVERITY_LABELS)):
        if found := _SEVERITIES.get(word.strip().lower()):
            return found
    return Severity.MEDIUM


def cluster_of(labels: Mapping[str, str], default: str) -> str:
    return _first(labels, _CLUSTER_LABELS) or default


def namespace_of(labels: Mapping[str, str]) -> str:
    return _first(labels, _NAMESPACE_LABELS)


def service_of(labels: Mapping[str, str]) -> str:
    """The label that names a service best; the pod's name without its suffixes when there is none; the scrape job last."""
    for label in _SERVICE_LABELS:
        if (value := labels.get(label, "")) and not _EXPORTERS.search(value):
            return value
    pod = labels.get("pod") or labels.get("pod_name") or ""
    if pod and not _EXPORTERS.search(pod):
        return _POD_SUFFIX.sub("", pod)
    job = labels.get("job", "").rpartition("/")[2]
    return "" if _EXPORTERS.search(job) else job


def fingerprint_of(source: str, name: str, labels: Mapping[str, str]) -> str:
    """For senders that give none: 16 hex digits of what identifies the alert."""
    return digest_of([source, name, sorted(labels.items())])[7:23]


def with_annotation(alert: Alert, name: str, value: str) -> Alert:
    return alert.model_copy(update={"annotations": {**alert.annotations, name: value}})


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
