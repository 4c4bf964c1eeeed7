"""The metrics server was scaled away; the autoscaler is blind."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_SERVER = ("kube-system", "metrics-server")


def _inject(store: Store) -> Truth:
    acts.scale(store, *_SERVER, 0)
    return Truth(
        cause="hpa-resource-metric-unavailable",
        target=Target("Deployment", *_SERVER),
        symptoms=("metrics-server-scrape-failed",),
        remedy="kubectl -n kube-system scale deployment/metrics-server --replicas=1",
        alerts=("KubeHpaMetricsMissing",),
    )


FAULT = Fault(
    id="hpa_no_metrics",
    title_en="The autoscaler cannot read metrics: no metrics server runs",
    title_zh="HPA 无法读取指标：metrics-server 未运行",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: acts.scale(store, *_SERVER, 1),
)
