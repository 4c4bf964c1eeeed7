"""Noise: warnings of half an hour ago, about things that have long been well again."""

from __future__ import annotations

from datetime import timedelta

from evals.practice.clock import timestamp
from evals.practice.controllers.recorder import reference_to
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store, name_of

_OLD = (
    (
        "FailedScheduling",
        "0/7 nodes are available: 4 Insufficient nvidia.com/gpu, 3 node(s) didn't match Pod's node affinity/selector.",
    ),
    ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    ("BackOff", "Back-off restarting failed container"),
)
_LABEL = "old-warning"


def _inject(store: Store) -> Truth:
    then = timestamp(store.clock.now() - timedelta(minutes=35))
    pods = store.list("pods", "ai-serving")
    for number, (reason, message) in enumerate(_OLD):
        pod = pods[number % len(pods)]
        store.create("events", {
            "metadata": {"name": f"{name_of(pod)}.{_LABEL}{number}", "namespace": "ai-serving"},
            "involvedObject": reference_to(pod), "reason": reason, "message": message, "type": "Warning",
            "source": {"component": "kubelet"}, "firstTimestamp": then, "lastTimestamp": then, "count": 3,
            "eventTime": None, "reportingComponent": "kubelet", "reportingInstance": "",
        })  # fmt: skip
    return Truth(cause="none", target=Target("", "", ""))


def _heal(store: Store) -> None:
    for event in store.list("events", "ai-serving"):
        if f".{_LABEL}" in name_of(event):
            store.remove("events", "ai-serving", name_of(event))


FAULT = Fault(
    id="noise_old_warnings", title_en="Old warning events in a healthy cluster", title_zh="健康集群中的陈旧告警事件",
    layer="kubernetes", inject=_inject, heal=_heal, is_fault=False,
)  # fmt: skip
