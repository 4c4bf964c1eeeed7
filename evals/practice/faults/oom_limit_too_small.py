"""Somebody saved memory on a server that needs it."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "bge-m3")


def _inject(store: Store) -> Truth:
    acts.change(store, acts.DEPLOYMENTS, *_WHERE, lambda one: one["spec"].update(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}))  # fmt: skip
    acts.set_memory(store, *_WHERE, "2Gi", "1Gi")
    return Truth(
        cause="container-oomkilled",
        target=Target("Deployment", *_WHERE),
        symptoms=("container-crashloopbackoff", "service-endpoints-not-ready", "gw-no-healthy-upstream"),
        remedy="kubectl -n ai-serving set resources deployment/bge-m3 -c embeddings --limits=memory=6Gi --requests=memory=4Gi",
        services=("bge-m3", "gateway"),
        alerts=("KubeContainerOomKilled", "KubePodCrashLooping", "GatewayUpstreamDown"),
    )


FAULT = Fault(
    id="oom_limit_too_small",
    title_en="Memory limit below what the embedding server needs",
    title_zh="向量服务的内存限制过小，被 OOM 终止",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: acts.set_memory(store, *_WHERE, "6Gi", "4Gi"),
)
