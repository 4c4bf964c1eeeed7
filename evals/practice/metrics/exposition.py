"""The page that a Prometheus scrapes: objects, containers, nodes, GPUs, model servers and requests, as they are now."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers.parts import Parts
from evals.practice.controllers.pods import condition, is_ready
from evals.practice.controllers.selectors import labels_of
from evals.practice.kubelet.kubelet import Kubelets
from evals.practice.kubelet.programs import vllm
from evals.practice.metrics.resource_metrics import ResourceMetrics
from evals.practice.metrics.state_metrics import write_state
from evals.practice.metrics.text_format import Page
from evals.practice.metrics.traffic import Flow, Histogram, Traffic
from evals.practice.store import name_of, namespace_of

Object = dict[str, Any]
_GPU = "nvidia.com/gpu"
_CARD_MIB = 23028


class Exposition:
    def __init__(self, parts: Parts, kubelets: Kubelets, traffic: Traffic, metrics: ResourceMetrics) -> None:
        self.parts = parts
        self.kubelets = kubelets
        self.traffic = traffic
        self.metrics = metrics
        self._cpu_seconds: dict[tuple[str, str, str], float] = {}
        self._ttft: dict[str, Histogram] = {}
        self._tokens: dict[str, float] = {}
        self._at = parts.clock.monotonic()

    def text(self) -> str:
        page = Page()
        now = self.parts.clock.monotonic()
        passed, self._at = now - self._at, now
        flows = self.traffic.flows()
        write_state(page, self.parts)
        self._containers(page, passed)
        self._gpus(page, flows)
        self._vllm(page, flows, passed)
        self._requests(page, flows)
        return page.text()

    def _containers(self, page: Page, passed: float) -> None:
        page.declare("container_memory_working_set_bytes", "gauge", "Working set of the container.")
        page.declare("container_cpu_usage_seconds_total", "counter", "CPU time of the container.")
        page.declare("container_spec_memory_limit_bytes", "gauge", "Memory limit of the container.")
        page.declare("node_memory_MemAvailable_bytes", "gauge", "Memory that a node has left.")
        page.declare("up", "gauge", "Whether the kubelet of a node answers.")
        for worker in self.kubelets.workers():
            for one in worker.containers:
                if not one.view.running or not self.kubelets.is_up(worker.node):
                    continue
                key = (namespace_of(worker.pod), name_of(worker.pod), str(one.spec["name"]))
                labels = {"namespace": key[0], "pod": key[1], "container": key[2], "node": worker.node}
                cores, size = self.metrics.usage(worker.pod, one)
                self._cpu_seconds[key] = self._cpu_seconds.get(key, 0.0) + cores * passed
                page.add("container_memory_working_set_bytes", labels, float(round(size)))
                page.add("container_cpu_usage_seconds_total", labels, self._cpu_seconds[key])
                limit = worker.memory_limit(one.spec)
                if limit is not None:
                    page.add("container_spec_memory_limit_bytes", labels, float(limit))
        for node in self.parts.store.list("nodes"):
            page.add("up", {"job": "kubelet", "node": name_of(node)}, int(self.kubelets.is_up(name_of(node))))

    # -- GPUs ----------------------------------------------------------------------------------------------------------

    def _gpus(self, page: Page, flows: list[Flow]) -> None:
        for name, about in (
            ("DCGM_FI_DEV_GPU_UTIL", "GPU utilisation in percent."), ("DCGM_FI_DEV_FB_USED", "Frame buffer used, MiB."),
            ("DCGM_FI_DEV_FB_FREE", "Frame buffer free, MiB."), ("DCGM_FI_DEV_GPU_TEMP", "Temperature, degrees C."),
            ("DCGM_FI_DEV_POWER_USAGE", "Power, W."), ("DCGM_FI_DEV_XID_ERRORS", "The last Xid."),
        ):  # fmt: skip
            page.declare(name, "gauge", about)
        busy = {(flow.namespace, flow.service): flow.busy for flow in flows}
        for node in self.parts.store.list("nodes"):
            count = int((node.get("status", {}).get("capacity") or {}).get(_GPU, 0))
            if count and self.kubelets.is_up(name_of(node)):
                self._cards(page, node, count, busy)

    def _cards(self, page: Page, node: Object, count: int, busy: dict[tuple[str, str], float]) -> None:
        users = [pod for pod in sorted(self.parts.pods_by_node.of(name_of(node)), key=name_of) if _wants_gpu(pod)]
        xid = _xid_of(node)
        for index in range(count):
            pod = users[index] if index < len(users) else None
            labels = {
                "gpu": str(index),
                "Hostname": name_of(node),
                "modelName": "NVIDIA A10",
                "device": f"nvidia{index}",
            }
            if pod is not None:
                labels |= {"namespace": namespace_of(pod), "pod": name_of(pod)}
            works = pod is not None and is_ready(pod)
            load = (
                busy.get((namespace_of(pod), str(labels_of(pod).get("app"))), 0.85)
                if pod is not None and works
                else 0.0
            )
            lost = index == 0 and xid
            page.add("DCGM_FI_DEV_XID_ERRORS", labels, xid if lost else 0)
            if lost == 79:
                continue
            used = round(_CARD_MIB * 0.89) if works else 4
            page.add("DCGM_FI_DEV_GPU_UTIL", labels, round(100 * load))
            page.add("DCGM_FI_DEV_FB_USED", labels, used)
            page.add("DCGM_FI_DEV_FB_FREE", labels, _CARD_MIB - used)
            page.add("DCGM_FI_DEV_GPU_TEMP", labels, round(34 + 38 * load))
            page.add("DCGM_FI_DEV_POWER_USAGE", labels, round(28 + 117 * load, 1))

    # -- model servers -------------------------------------------------------------------------------------------------

    def _vllm(self, page: Page, flows: list[Flow], passed: float) -> None:
        for name, about in (
            ("vllm:num_requests_running", "Requests that are generated now."),
            ("vllm:num_requests_waiting", "Requests that wait."),
            ("vllm:gpu_cache_usage_perc", "Share of the KV cache in use."),
        ):
            page.declare(name, "gauge", about)
        page.declare("vllm:generation_tokens_total", "counter", "Tokens generated.")
        page.declare("vllm:time_to_first_token_seconds", "histogram", "Time to the first token.")
        for flow in flows:
            if flow.route.program != "vllm" or not flow.ready:
                continue
            pods = [pod for pod in self.parts.pods_by_namespace.of(flow.namespace)
                    if labels_of(pod).get("app") == flow.service and is_ready(pod)]  # fmt: skip
            for pod in pods:
                self._vllm_pod(page, flow, pod, passed, len(pods))

    def _vllm_pod(self, page: Page, flow: Flow, pod: Object, passed: float, count: int) -> None:
        name = name_of(pod)
        model = next(iter(vllm.MODELS.values()))[0]
        labels = {"namespace": flow.namespace, "pod": name, "service": flow.service, "model_name": model, "engine": "0"}
        rate = flow.codes.get(200, 0.0) / count
        page.add("vllm:num_requests_running", labels, round(min(rate * flow.latency, 64)))
        page.add("vllm:num_requests_waiting", labels, round(flow.waiting / count))
        page.add("vllm:gpu_cache_usage_perc", labels, round(min(1.0, 0.12 + 0.85 * flow.busy**3), 4))
        self._tokens[name] = self._tokens.get(name, 0.0) + rate * 92 * passed
        page.add("vllm:generation_tokens_total", labels, self._tokens[name])
        first = self._ttft.setdefault(name, Histogram())
        first.observe(0.11 + flow.waiting / count * 0.09, rate * passed)
        page.add_histogram("vllm:time_to_first_token_seconds", labels, first)

    # -- requests ------------------------------------------------------------------------------------------------------

    def _requests(self, page: Page, flows: list[Flow]) -> None:
        counters = self.traffic.counters
        page.declare("http_requests_total", "counter", "Requests that a service answered, by status code.")
        page.declare("gateway_upstream_requests_total", "counter", "Requests of the gateway to its upstreams, by code.")
        page.declare("gateway_upstream_ready_endpoints", "gauge", "Ready endpoints behind an upstream.")
        page.declare("http_request_duration_seconds", "histogram", "Duration of the requests of a service.")
        for (namespace, service, code), value in counters.requests.items():
            page.add("http_requests_total", {"namespace": namespace, "service": service, "code": str(code)}, value)
        start = {"namespace": "ai-gateway", "service": "gateway"}
        for (upstream, code), value in counters.upstream.items():
            page.add("gateway_upstream_requests_total", {**start, "upstream": upstream, "code": str(code)}, value)
        for flow in flows:
            page.add("gateway_upstream_ready_endpoints", {**start, "upstream": flow.route.upstream}, flow.ready)
        for (namespace, service), found in counters.durations.items():
            page.add_histogram("http_request_duration_seconds", {"namespace": namespace, "service": service}, found)


def _wants_gpu(pod: Object) -> bool:
    return any((one.get("resources") or {}).get("limits", {}).get(_GPU) for one in pod["spec"]["containers"])


def _xid_of(node: Object) -> int:
    """The Xid that the node's condition names, 0 when it is well."""
    row = condition(node, "GpuXidError")
    if row is None or row["status"] != "True":
        return 0
    digits = "".join(one if one.isdigit() else " " for one in str(row.get("message", "")).partition("): ")[2]).split()
    return int(digits[0]) if digits else 0
