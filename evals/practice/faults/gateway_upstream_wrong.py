"""The gateway was pointed at a service that does not exist."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-gateway", "gateway")
_GOOD = "http://qwen2-7b.ai-serving.svc:8000"


def _inject(store: Store) -> Truth:
    acts.set_env(store, *_WHERE, "QWEN_URL", "http://qwen2-7b-v2.ai-serving.svc:8000")
    return Truth(
        cause="env-service-host-unknown",
        target=Target("Deployment", *_WHERE),
        symptoms=("gw-error-rate",),
        remedy="kubectl -n ai-gateway rollout undo deployment/gateway",
        services=("gateway",),
        alerts=("GatewayUpstreamDown", "ServiceErrorRateHigh"),
    )


FAULT = Fault(
    id="gateway_upstream_wrong",
    title_en="The gateway calls a model service that does not exist",
    title_zh="网关上游指向不存在的服务",
    layer="gateway",
    inject=_inject,
    heal=lambda store: acts.set_env(store, *_WHERE, "QWEN_URL", _GOOD),
)
