"""A readiness probe that asks a port where nothing listens."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "resnet50")


def _probe(store: Store, port: int) -> None:
    def act(one: dict[str, object]) -> None:
        acts.container(one)["readinessProbe"]["httpGet"]["port"] = port
        one["spec"]["strategy"] = {"type": "Recreate"}  # type: ignore[index]

    acts.change(store, acts.DEPLOYMENTS, *_WHERE, act)


def _inject(store: Store) -> Truth:
    _probe(store, 9000)
    return Truth(
        cause="probe-connection-refused",
        target=Target("Deployment", *_WHERE),
        symptoms=("probe-readiness-failing", "service-endpoints-not-ready", "gw-no-healthy-upstream"),
        remedy="kubectl -n ai-serving rollout undo deployment/resnet50",
        services=("resnet50", "gateway"),
        alerts=("KubePodNotReady", "GatewayUpstreamDown"),
    )


FAULT = Fault(
    id="readiness_wrong_port",
    title_en="The readiness probe of Triton asks a wrong port",
    title_zh="Triton 就绪探针端口错误",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: _probe(store, 8000),
)
