"""What is looked at first when a model service is in trouble: latency, errors, traffic, queue, memory of its GPUs; and what the
desk's metrics are called and measured in.

The queries are the collectors' own, by their keys: a chart shows what the diagnosis saw.
"""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.vocabulary import Text


@dataclass(frozen=True, slots=True)
class Signal:
    """``keys``: of the collectors' queries, the first one that answers is shown. ``of_devices``: its series lie on GPUs."""

    title: Text
    keys: tuple[str, ...]
    of_devices: bool = False


GOLDEN = (
    Signal(
        Text(en="Latency, 95th percentile", zh="延迟（p95）"),
        ("vllm_e2e_p95_seconds", "vllm_ttft_p95_seconds", "http_latency_p95_seconds", "serving_latency"),
    ),
    Signal(Text(en="Errors", zh="错误率"), ("http_error_ratio", "triton_failures")),
    Signal(Text(en="Traffic", zh="流量"), ("http_request_rate", "vllm_success_rate", "torchserve_requests")),
    Signal(
        Text(en="Queue", zh="排队"),
        ("vllm_requests_waiting", "triton_pending", "torchserve_queue_microseconds", "serving_gauges"),
    ),
    Signal(Text(en="GPU memory in use", zh="GPU 显存占用"), ("gpu_memory_used_mib",), of_devices=True),
)

TITLES = {
    "container_cpu": Text(en="CPU of containers", zh="容器 CPU"),
    "container_memory": Text(en="Memory of containers", zh="容器内存"),
    "container_cpu_throttled_ratio": Text(en="CPU throttling", zh="CPU 限流"),
    "container_restarts": Text(en="Restarts", zh="重启次数"),
    "container_oom_events": Text(en="Out-of-memory kills", zh="内存溢出次数"),
    "volume_used_ratio": Text(en="Volume in use", zh="存储卷使用率"),
    "http_request_rate": Text(en="Requests", zh="请求速率"),
    "http_error_ratio": Text(en="Errors", zh="错误率"),
    "http_latency_p95_seconds": Text(en="Latency, 95th percentile", zh="延迟（p95）"),
    "vllm_requests_running": Text(en="Requests running", zh="运行中请求数"),
    "vllm_requests_waiting": Text(en="Requests waiting", zh="等待中请求数"),
    "vllm_kv_cache_usage": Text(en="KV cache in use", zh="KV 缓存使用率"),
    "vllm_preemptions": Text(en="Preemptions", zh="抢占次数"),
    "vllm_ttft_p95_seconds": Text(en="Time to first token, 95th percentile", zh="首 Token 延迟（p95）"),
    "vllm_itl_p95_seconds": Text(en="Time between tokens, 95th percentile", zh="Token 间延迟（p95）"),
    "vllm_e2e_p95_seconds": Text(en="Request latency, 95th percentile", zh="请求延迟（p95）"),
    "vllm_queue_p95_seconds": Text(en="Time in queue, 95th percentile", zh="排队时间（p95）"),
    "vllm_success_rate": Text(en="Requests finished", zh="完成请求速率"),
    "gpu_utilisation": Text(en="GPU utilisation", zh="GPU 利用率"),
    "gpu_memory_used_mib": Text(en="GPU memory in use", zh="GPU 显存占用"),
    "gpu_memory_free_mib": Text(en="GPU memory free", zh="GPU 空闲显存"),
    "gpu_temperature_celsius": Text(en="GPU temperature", zh="GPU 温度"),
    "gpu_sm_clock_mhz": Text(en="GPU clock", zh="GPU 时钟频率"),
    "gpu_xid": Text(en="GPU Xid code", zh="GPU Xid 错误码"),
    "node_disk_free_ratio": Text(en="Disk free", zh="磁盘剩余"),
    "node_memory_available_ratio": Text(en="Node memory available", zh="节点可用内存"),
}

_PER_SECOND = frozenset(
    {"http_request_rate", "vllm_success_rate", "vllm_preemptions", "torchserve_requests", "triton_failures"}
)
_RATIOS = frozenset({"vllm_kv_cache_usage"})
_ENDINGS = (
    ("_microseconds", "seconds", 1e-6),
    ("_seconds", "seconds", 1.0),
    ("_mib", "bytes", 2.0**20),
    ("_bytes", "bytes", 1.0),
    ("_ratio", "ratio", 1.0),
    ("_share", "ratio", 1.0),
    ("_celsius", "celsius", 1.0),
    ("_mhz", "hertz", 1e6),
    ("_watts", "watts", 1.0),
    ("_per_second", "per_second", 1.0),
)


def title_of(key: str) -> Text:
    """What people call it; the key itself, spelled as words, where nobody has named it."""
    plain = key.replace("_", " ")
    return TITLES.get(key, Text(en=plain, zh=plain))


def unit_of(key: str) -> tuple[str, float]:
    """The base unit of what a query's key names, and what its numbers are multiplied with to be in it."""
    if key in _PER_SECOND:
        return "per_second", 1.0
    if key in _RATIOS:
        return "ratio", 1.0
    if key == "container_cpu":
        return "cores", 1.0
    if key.startswith("container_memory"):
        return "bytes", 1.0
    if key == "gpu_utilisation":
        return "ratio", 0.01
    for ending, unit, factor in _ENDINGS:
        if key.endswith(ending):
            return unit, factor
    return "", 1.0
