"""What can be asked of Prometheus in the chat: each measure as PromQL over a place, with its unit and its words. Pure.

A place becomes label matchers that this module writes itself; nothing of a message is ever put into a query but names that the
cluster has. Serving frameworks spell the same thing differently: their expressions are joined by ``or``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.chat.names import Thing
from knowledge.vocabulary import Text

USUAL_QUANTILES = (50, 95, 99)
_TAIL = {"Deployment": "-[a-z0-9]{5,10}-[a-z0-9]{5}", "StatefulSet": "-[0-9]+", "DaemonSet": "-[a-z0-9]{5}"}


@dataclass(frozen=True)
class Place:
    """Where the numbers are wanted: one service, one node, namespaces, or everything. ``pods``: a pattern of pod names where
    only some services of the namespaces may be read."""

    target: Thing | None = None
    node: str = ""
    namespaces: tuple[str, ...] = ()
    pods: str = ""

    @property
    def pod_pattern(self) -> str:
        if self.target is None:
            return self.pods
        return _escaped(self.target.name) + _TAIL.get(self.target.kind, "(-[a-z0-9]+)*")

    def of_pods(self, prefix: str = "") -> str:
        """Matchers of series by pod; ``prefix``: ``exported_`` where an exporter's own labels took the plain names."""
        parts = []
        if self.namespaces:
            parts.append(f'{prefix}namespace=~"{"|".join(_escaped(one) for one in self.namespaces)}"')
        if self.pod_pattern:
            parts.append(f'{prefix}pod=~"{self.pod_pattern}"')
        return ",".join(parts)

    def of_service(self) -> str:
        """Matchers of series by Service."""
        parts = [f'namespace=~"{"|".join(_escaped(one) for one in self.namespaces)}"'] if self.namespaces else []
        if self.target is not None:
            parts.append(f'service="{self.target.name}"')
        return ",".join(parts)

    def of_node(self, label: str) -> str:
        return f'{label}="{self.node}"'


def _escaped(name: str) -> str:
    return re.escape(name).replace("\\", "\\\\").replace("\\\\-", "-")


@dataclass(frozen=True)
class Measure:
    """``unit`` as Prometheus spells base units (``seconds``, ``bytes``, ``ratio``, ``celsius``, ``watts``, ``per_second``, empty
    for a count). ``is_of_nodes``: it can be asked of a node."""

    key: str
    title: Text
    unit: str
    is_of_nodes: bool = False
    has_quantiles: bool = False


MEASURES: Mapping[str, Measure] = {
    one.key: one
    for one in (
        Measure("latency", Text(en="latency", zh="延迟"), "seconds", has_quantiles=True),
        Measure("ttft", Text(en="time to first token", zh="首 token 延迟"), "seconds", has_quantiles=True),
        Measure("tpot", Text(en="time per output token", zh="每 token 生成耗时"), "seconds", has_quantiles=True),
        Measure("tokens", Text(en="generated tokens per second", zh="每秒生成 token 数"), "per_second"),
        Measure("requests", Text(en="requests per second", zh="每秒请求数"), "per_second"),
        Measure("queue", Text(en="waiting requests", zh="排队请求数"), ""),
        Measure("running", Text(en="running requests", zh="并发请求数"), ""),
        Measure("kv_cache", Text(en="KV cache usage", zh="KV 缓存使用率"), "ratio"),
        Measure("gpu_util", Text(en="GPU utilisation", zh="GPU 利用率"), "ratio", is_of_nodes=True),
        Measure("gpu_memory", Text(en="GPU memory used", zh="显存用量"), "bytes", is_of_nodes=True),
        Measure("gpu_temperature", Text(en="GPU temperature", zh="GPU 温度"), "celsius", is_of_nodes=True),
        Measure("gpu_power", Text(en="GPU power", zh="GPU 功耗"), "watts", is_of_nodes=True),
        Measure("cpu", Text(en="CPU cores used", zh="CPU 使用（核）"), "cores", is_of_nodes=True),
        Measure("memory", Text(en="memory used", zh="内存用量"), "bytes", is_of_nodes=True),
        Measure("restarts", Text(en="container restarts", zh="容器重启次数"), "", is_of_nodes=True),
        Measure("network", Text(en="network traffic", zh="网络流量"), "bytes_per_second", is_of_nodes=True),
        Measure("errors", Text(en="share of failed requests", zh="请求错误率"), "ratio"),
    )
}

_HISTOGRAMS: Mapping[str, tuple[tuple[str, float, str], ...]] = {
    "latency": (
        ("vllm:e2e_request_latency_seconds", 1, "pod"),
        ("sglang:e2e_request_latency_seconds", 1, "pod"),
        ("tgi_request_duration", 1, "pod"),
        (":tensorflow:serving:request_latency", 1e-6, "pod"),
        ("http_request_duration_seconds", 1, "service"),
        ("http_request_duration_seconds", 1, "pod"),
    ),
    "ttft": (
        ("vllm:time_to_first_token_seconds", 1, "pod"),
        ("sglang:time_to_first_token_seconds", 1, "pod"),
        ("litellm_llm_api_time_to_first_token_metric", 1, "pod"),
    ),
    "tpot": (
        ("vllm:inter_token_latency_seconds", 1, "pod"),
        ("vllm:time_per_output_token_seconds", 1, "pod"),
        ("sglang:inter_token_latency_seconds", 1, "pod"),
        ("tgi_request_mean_time_per_token_duration", 1, "pod"),
    ),
}
_COUNTERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "tokens": (("vllm:generation_tokens_total", "pod"), ("sglang:generation_tokens_total", "pod")),
    "requests": (
        ("vllm:request_success_total", "pod"),
        ("http_requests_total", "service"),
        ("http_requests_total", "pod"),
        ("nv_inference_request_success", "pod"),
        ("ts_inference_requests_total", "pod"),
    ),
}
_GAUGES: Mapping[str, tuple[str, ...]] = {
    "queue": ("vllm:num_requests_waiting", "sglang:num_queue_reqs", "tgi_queue_size", "nv_inference_pending_request_count"),
    "running": ("vllm:num_requests_running", "sglang:num_running_reqs", "tgi_batch_current_size"),
    "kv_cache": ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage"),
}  # fmt: skip
_DEVICES: Mapping[str, tuple[str, str]] = {
    "gpu_util": ("DCGM_FI_DEV_GPU_UTIL", " / 100"),
    "gpu_memory": ("DCGM_FI_DEV_FB_USED", " * 1048576"),
    "gpu_temperature": ("DCGM_FI_DEV_GPU_TEMP", ""),
    "gpu_power": ("DCGM_FI_DEV_POWER_USAGE", ""),
}


def probe(measure: str, place: Place) -> str:
    """Which of the spellings of a measure there are series of at the place, by their names; empty where there is one only.
    A query of those alone is one that a person can read."""
    series = {**_series_of(_COUNTERS, measure), **_series_of(_HISTOGRAMS, measure, "_bucket")}
    series |= dict.fromkeys(_GAUGES.get(measure, ()), "pod")
    if len(series) < 2:
        return ""
    parts = [
        f"{{{','.join(filter(None, (_named_as(series), matchers)))}}}"
        for matchers in dict.fromkeys((place.of_pods(), place.of_service()))
    ]
    return f"group by (__name__) ({' or '.join(parts)})"


def _series_of(table: Mapping[str, tuple[tuple[Any, ...], ...]], measure: str, suffix: str = "") -> dict[str, str]:
    return {f"{row[0]}{suffix}": str(row[-1]) for row in table.get(measure, ())}


def _named_as(series: Iterable[str]) -> str:
    return f'__name__=~"{"|".join(series)}"'


def promql(
    measure: str, place: Place, *, quantiles: Sequence[int] = (), window: str = "5m", only: Collection[str] = ()
) -> str:
    """The expression for one measure at one place. ``window`` is a PromQL duration for rates; ``only``: series names that the
    probe found (none: all spellings)."""

    def is_wanted(name: str) -> bool:
        return not only or name in only

    if measure in _HISTOGRAMS:
        rows = [row for row in _HISTOGRAMS[measure] if is_wanted(f"{row[0]}_bucket")] or _HISTOGRAMS[measure]
        return _quantiles(rows, place, quantiles or USUAL_QUANTILES, window)
    if measure in _COUNTERS:
        counters = [row for row in _COUNTERS[measure] if is_wanted(row[0])] or _COUNTERS[measure]
        return " or ".join(_rate(metric, by, place, window) for metric, by in counters)
    if measure in _GAUGES:
        by = "namespace, pod"
        gauges = [one for one in _GAUGES[measure] if is_wanted(one)] or _GAUGES[measure]
        return " or ".join(f"max by ({by}) ({metric}{{{place.of_pods()}}})" for metric in gauges)
    if measure in _DEVICES:
        return _devices(measure, place)
    if measure == "errors":
        return _errors(place, window)
    return _containers(measure, place, window)


def _quantiles(
    histograms: Sequence[tuple[str, float, str]], place: Place, quantiles: Sequence[int], window: str
) -> str:
    """One answer for several quantiles; the label ``quantile`` tells them apart."""
    by = "namespace" if place.target is not None else "namespace, service, pod"
    found = []
    for quantile in quantiles:
        parts = []
        for metric, factor, kind in histograms:
            matchers = place.of_service() if kind == "service" else place.of_pods()
            inner = f"sum by ({by}, le) (rate({metric}_bucket{{{matchers}}}[{window}]))"
            scaled = f" * {factor:g}" if factor != 1 else ""
            parts.append(f"histogram_quantile({quantile / 100:g}, {inner}){scaled}")
        joined = " or ".join(parts)
        found.append(f'label_replace({joined}, "quantile", "p{quantile}", "", "")')
    return " or ".join(found)


def _rate(metric: str, kind: str, place: Place, window: str) -> str:
    by = "namespace" if place.target else "namespace, service" if kind == "service" else "namespace, pod"
    matchers = place.of_service() if kind == "service" else place.of_pods()
    return f"sum by ({by}) (rate({metric}{{{matchers}}}[{window}]))"


def _errors(place: Place, window: str) -> str:
    found = []
    for matchers, parts in ((place.of_service(), "namespace, service"), (place.of_pods(), "namespace, pod")):
        by = "namespace" if place.target else parts
        whole = f"sum by ({by}) (rate(http_requests_total{{{matchers}}}[{window}]))"
        for label in ("code", "status"):
            bad = ",".join(filter(None, (matchers, f'{label}=~"5.."')))
            found.append(f"sum by ({by}) (rate(http_requests_total{{{bad}}}[{window}])) / ({whole} > 0)")
        found.append(f"0 * ({whole} > 0)")
    return " or ".join(found)


def _devices(measure: str, place: Place) -> str:
    metric, factor = _DEVICES[measure]
    if place.node:
        by = "Hostname, gpu, UUID"
        return " or ".join(
            f"max by ({by}) ({metric}{{{place.of_node(label)}}}){factor}"
            for label in ("Hostname", "node", "kubernetes_node")
        )
    if place.target is None and not place.namespaces:
        return f"avg by (Hostname) ({metric}){factor}"
    return " or ".join(
        f"max by ({prefix}namespace, {prefix}pod, gpu, UUID) ({metric}{{{place.of_pods(prefix)}}}){factor}"
        for prefix in ("", "exported_")
    )


_REAL = 'container!="",container!="POD"'


def _containers(measure: str, place: Place, window: str) -> str:
    if place.node:
        return _of_node(measure, place, window)
    matchers = ",".join(filter(None, (place.of_pods(), _REAL)))
    by = "namespace, pod"
    if measure == "cpu":
        return f"sum by ({by}) (rate(container_cpu_usage_seconds_total{{{matchers}}}[{window}]))"
    if measure == "memory":
        return f"sum by ({by}) (container_memory_working_set_bytes{{{matchers}}})"
    if measure == "restarts":
        return f"sum by ({by}) (kube_pod_container_status_restarts_total{{{place.of_pods()}}})"
    pods = place.of_pods()
    sent, received = (
        f"rate(container_network_{way}_bytes_total{{{pods}}}[{window}])" for way in ("transmit", "receive")
    )
    return _named({"sent": f"sum by ({by}) ({sent})", "received": f"sum by ({by}) ({received})"})


def _of_node(measure: str, place: Place, window: str) -> str:
    """Node exporters name the node in ``node``, or only by their address: then by its own name for itself."""
    uname = f'on (instance) group_left (nodename) node_uname_info{{nodename="{place.node}"}}'
    if measure == "restarts":
        pods = f"on (namespace, pod) group_left (node) kube_pod_info{{{place.of_node('node')}}}"
        return f"sum by (namespace, pod) (kube_pod_container_status_restarts_total * {pods})"
    if measure == "cpu":
        own = f'node_cpu_seconds_total{{mode!~"idle|iowait",{place.of_node("node")}}}'
        return (
            f"sum by (node) (rate({own}[{window}])) or "
            f'sum by (nodename) (rate(node_cpu_seconds_total{{mode!~"idle|iowait"}}[{window}]) * {uname})'
        )
    if measure == "memory":
        own = place.of_node("node")
        return (
            f"max by (node) (node_memory_MemTotal_bytes{{{own}}} - node_memory_MemAvailable_bytes{{{own}}}) or "
            f"max by (nodename) ((node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) * {uname})"
        )
    parts = {}
    for label, way in (("sent", "transmit"), ("received", "receive")):
        own = f'node_network_{way}_bytes_total{{device!~"lo|veth.*|cali.*|cni.*",{place.of_node("node")}}}'
        other = f'node_network_{way}_bytes_total{{device!~"lo|veth.*|cali.*|cni.*"}}'
        parts[label] = f"sum by (node) (rate({own}[{window}])) or sum by (nodename) (rate({other}[{window}]) * {uname})"
    return _named(parts)


def _named(parts: Mapping[str, str]) -> str:
    return " or ".join(f'label_replace({part}, "way", "{name}", "", "")' for name, part in parts.items())
