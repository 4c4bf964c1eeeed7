"""Who calls whom, how often, and what one replica can bear: the load on the platform as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """Calls of the gateway to one model service, found through the URL in one of its variables."""

    variable: str
    upstream: str
    requests_per_second: float
    replica_capacity: float
    """Requests per second that one ready replica bears before it queues."""
    latency_seconds: float
    """Of a request that does not wait."""
    program: str


ROUTES = (
    Route("QWEN_URL", "qwen2-7b", 12.0, 6.5, 1.9, "vllm"),
    Route("BGE_URL", "bge-m3", 30.0, 40.0, 0.012, "embeddings"),
    Route("RESNET_URL", "resnet50", 8.0, 25.0, 0.021, "triton"),
    Route("RANKER_URL", "ranker", 15.0, 20.0, 0.034, "tensorflow"),
    Route("SENTIMENT_URL", "sentiment", 10.0, 14.0, 0.046, "torchserve"),
)
GATEWAY_NAMESPACE = "ai-gateway"
GATEWAY_SERVICE = "gateway"
CALLER_NAMESPACE = "ai-apps"
CALLER = "chat-web"
CALLER_USUAL_PODS = 2
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
