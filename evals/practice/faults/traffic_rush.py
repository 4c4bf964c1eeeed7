"""Many more callers than usual: vLLM queues, and the gateway's autoscaler reaches its maximum."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_CALLERS = ("ai-apps", "chat-web")


def _inject(store: Store) -> Truth:
    acts.scale(store, *_CALLERS, 5)
    return Truth(
        cause="vllm-queue-depth-high",
        target=Target("Deployment", "ai-serving", "qwen2-7b"),
        symptoms=("hpa-at-max", "vllm-ttft-high", "gw-ttft-high"),
        remedy="kubectl -n ai-serving scale deployment/qwen2-7b --replicas=5",
        services=("qwen2-7b", "gateway"),
        alerts=("VLLMQueueHigh", "KubeHpaMaxedOut", "ServiceLatencyHigh"),
    )


FAULT = Fault(
    id="traffic_rush",
    title_en="Two and a half times the usual requests: vLLM queues, the autoscaler is at its maximum",
    title_zh="请求量为平时两倍半：vLLM 排队，HPA 到达上限",
    layer="vllm",
    inject=_inject,
    heal=lambda store: acts.scale(store, *_CALLERS, 2),
)
