"""What is asked of Prometheus, by the names that detectors use.

``{scope}`` becomes the label matcher of the focus's namespaces. Every query is an aggregate: it gives one series for each
container, pod, service or device, never one for each process or bucket.
"""

from __future__ import annotations

from tools.collectors.capacity_queries import CAPACITY_QUERIES
from tools.collectors.control_plane_queries import CONTROL_PLANE_QUERIES
from tools.collectors.metric_query import SCOPE, WEEK, MetricQuery, family_query, with_companions
from tools.collectors.model_quality_queries import MODEL_QUALITY_QUERIES
from tools.collectors.monitoring_queries import MONITORING_QUERIES
from tools.collectors.node_queries import NODE_QUERIES
from tools.collectors.objective_queries import OBJECTIVE_QUERIES
from tools.collectors.serving_queries import SERVING_FAMILIES


def _by_pod(metric: str, how: str = "max") -> str:
    return f"{how} by (namespace, pod, model_name) ({metric}{{{{scope}}}})".replace("{{", "{").replace("}}", "}")


def _quantile(metric: str) -> str:
    inner = f"sum by (namespace, service, job, model_name, le) (rate({metric}_bucket{{scope}}[5m]))"
    return f"histogram_quantile(0.95, {inner})"


def _per_device(metric: str) -> str:
    return f"max by (Hostname, gpu, UUID, namespace, pod, container) ({metric})"


_DATA_CENTRE = '{modelName=~".*(A100|A800|H100|H200|H800|H20|B100|B200|B300).*"}'
"""Cards that draw far more than 150 W when they really compute."""

_BUSY_CLOCK = "(avg_over_time(DCGM_FI_DEV_SM_CLOCK[10m]) and avg_over_time(DCGM_FI_DEV_GPU_UTIL[10m]) > 50)"


def _clock_bit(bit: int) -> str:
    """1 while the GPU's clocks are held down for the reason of that bit. PromQL knows no bitwise and."""
    return _per_device(f"DCGM_FI_DEV_CLOCKS_EVENT_REASONS % {2 * bit} >= bool {bit}")


CONTAINER_QUERIES = (
    MetricQuery(
        "container_cpu",
        "sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{scope_container}[5m]))",
    ),
    MetricQuery(
        "container_memory", "max by (namespace, pod, container) (container_memory_working_set_bytes{scope_container})"
    ),
    MetricQuery(
        "container_memory_limit",
        "max by (namespace, pod, container) (kube_pod_container_resource_limits{scope_resource_memory})",
        is_range=False,
    ),
    MetricQuery(
        "container_cpu_limit",
        "max by (namespace, pod, container) (kube_pod_container_resource_limits{scope_resource_cpu})",
        is_range=False,
    ),
    MetricQuery(
        "container_cpu_throttled_ratio",
        "sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total{scope}[5m]))"
        " / sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total{scope}[5m]))",
    ),
    MetricQuery(
        "container_restarts",
        "sum by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total{scope}[15m]))",
    ),
    MetricQuery(
        "container_oom_events", "sum by (namespace, pod, container) (increase(container_oom_events_total{scope}[15m]))"
    ),
    MetricQuery(
        "volume_used_ratio",
        "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{scope} / kubelet_volume_stats_capacity_bytes{scope})",
    ),
)
SERVICE_QUERIES = (
    MetricQuery(
        "http_request_rate", "sum by (namespace, service, job) (rate(http_requests_total{scope}[5m]))", days=WEEK
    ),
    MetricQuery(
        "http_error_ratio",
        "sum by (namespace, service, job) (rate(http_requests_total{scope_code_errors}[5m])"
        " or rate(http_requests_total{scope_status_errors}[5m]))"
        " / sum by (namespace, service, job) (rate(http_requests_total{scope}[5m]))",
        days=WEEK,
    ),
    MetricQuery("http_latency_p95_seconds", _quantile("http_request_duration_seconds"), days=WEEK),
)
SERVING_QUERIES = (
    MetricQuery("vllm_requests_running", _by_pod("vllm:num_requests_running")),
    MetricQuery("vllm_requests_waiting", _by_pod("vllm:num_requests_waiting")),
    MetricQuery(
        "vllm_kv_cache_usage", _by_pod("vllm:kv_cache_usage_perc") + " or " + _by_pod("vllm:gpu_cache_usage_perc")
    ),
    MetricQuery(
        "vllm_preemptions", "sum by (namespace, pod, model_name) (rate(vllm:num_preemptions_total{scope}[5m]))"
    ),
    MetricQuery("vllm_ttft_p95_seconds", _quantile("vllm:time_to_first_token_seconds")),
    MetricQuery("vllm_itl_p95_seconds", _quantile("vllm:inter_token_latency_seconds")),
    MetricQuery("vllm_e2e_p95_seconds", _quantile("vllm:e2e_request_latency_seconds")),
    MetricQuery("vllm_queue_p95_seconds", _quantile("vllm:request_queue_time_seconds")),
    MetricQuery(
        "vllm_success_rate",
        "sum by (namespace, pod, model_name, finished_reason) (rate(vllm:request_success_total{scope}[5m]))",
    ),
    MetricQuery(
        "torchserve_queue_microseconds",
        "sum by (namespace, pod, model_name) (rate(ts_queue_latency_microseconds{scope}[5m]))",
    ),
    MetricQuery(
        "torchserve_requests", "sum by (namespace, pod, model_name) (rate(ts_inference_requests_total{scope}[5m]))"
    ),
    MetricQuery("triton_failures", "sum by (namespace, pod, model) (rate(nv_inference_request_failure{scope}[5m]))"),
    MetricQuery(
        "vllm_finish_ratio",
        "sum by (namespace, pod, model_name, finished_reason) (rate(vllm:request_success_total{scope}[15m]))"
        " / on (namespace, pod, model_name) group_left ()"
        " sum by (namespace, pod, model_name) (rate(vllm:request_success_total{scope}[15m]))",
        is_range=False,
    ),
    MetricQuery(
        "vllm_mean_output_tokens",
        "sum by (namespace, pod, model_name) (rate(vllm:request_generation_tokens_sum{scope}[15m]))"
        " / sum by (namespace, pod, model_name) (rate(vllm:request_generation_tokens_count{scope}[15m]))",
        is_range=False,
    ),
    MetricQuery("triton_pending", "max by (namespace, pod, model) (nv_inference_pending_request_count{scope})"),
)
# Of devices and nodes: the exporter's own namespace says nothing about the focus.
DEVICE_QUERIES = (
    MetricQuery("gpu_utilisation", _per_device("DCGM_FI_DEV_GPU_UTIL")),
    MetricQuery("gpu_memory_used_mib", _per_device("DCGM_FI_DEV_FB_USED")),
    MetricQuery("gpu_memory_free_mib", _per_device("DCGM_FI_DEV_FB_FREE")),
    MetricQuery("gpu_temperature_celsius", _per_device("DCGM_FI_DEV_GPU_TEMP")),
    MetricQuery("gpu_memory_temperature_celsius", _per_device("DCGM_FI_DEV_MEMORY_TEMP")),
    MetricQuery("gpu_sm_clock_mhz", _per_device("DCGM_FI_DEV_SM_CLOCK")),
    MetricQuery("gpu_xid", _per_device("DCGM_FI_DEV_XID_ERRORS")),
    MetricQuery("gpu_ecc_dbe", _per_device("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL")),
    MetricQuery("gpu_ecc_sbe", _per_device("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL")),
    MetricQuery("gpu_row_remap_failure", _per_device("DCGM_FI_DEV_ROW_REMAP_FAILURE")),
    MetricQuery("gpu_pcie_replay", _per_device("rate(DCGM_FI_DEV_PCIE_REPLAY_COUNTER[5m])")),
    family_query(
        "gpu_nvlink_errors",
        "counter",
        {
            name: _per_device(f"rate(DCGM_FI_DEV_NVLINK_{name.upper()}_ERROR_COUNT_TOTAL[10m])")
            for name in ("crc_flit", "crc_data", "replay", "recovery")
        },
        is_range=True,
    ),
    MetricQuery(
        "gpu_xid_count",
        "max by (Hostname, gpu, UUID, namespace, pod, container, xid) (DCGM_EXP_XID_ERRORS_COUNT) > 0",
        is_range=False,
    ),
    MetricQuery("gpu_row_remap_pending", _per_device("DCGM_FI_DEV_ROW_REMAP_PENDING")),
    MetricQuery(
        "gpu_spinning_watts",
        _per_device(
            f"avg_over_time(DCGM_FI_DEV_POWER_USAGE{_DATA_CENTRE}[15m])"
            " and avg_over_time(DCGM_FI_DEV_GPU_UTIL[15m]) > 95"
        ),
    ),
    MetricQuery(
        "gpu_clock_against_peers",
        f"min by (Hostname, gpu, UUID) ({_BUSY_CLOCK} / on (namespace, modelName) group_left ()"
        f" quantile by (namespace, modelName) (0.5, {_BUSY_CLOCK}))",
    ),
    family_query(
        "gpu_clock_event",
        "clock_event",
        {
            "hw_slowdown": _clock_bit(8),
            "sw_thermal": _clock_bit(32),
            "hw_thermal": _clock_bit(64),
            "hw_power_brake": _clock_bit(128),
            "thermal_violation": _per_device("rate(DCGM_FI_DEV_THERMAL_VIOLATION[5m])"),
            "power_violation": _per_device("rate(DCGM_FI_DEV_POWER_VIOLATION[5m])"),
        },
        is_range=True,
    ),
    MetricQuery(
        "gpu_clock_event_count",
        "max by (Hostname, gpu, UUID, namespace, pod, container, clock_event) (DCGM_EXP_CLOCK_EVENTS_COUNT)",
    ),
    family_query(
        "gpu_pcie_link_ratio",
        "of",
        {
            "width": _per_device("DCGM_FI_DEV_PCIE_LINK_WIDTH / DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH"),
            "generation": _per_device(
                "DCGM_FI_DEV_PCIE_LINK_GEN / DCGM_FI_DEV_PCIE_MAX_LINK_GEN and DCGM_FI_DEV_GPU_UTIL > 20"
            ),
        },
        is_range=True,
    ),
    MetricQuery(
        "gpu_health_incident",
        "max by (Hostname, gpu, UUID, namespace, pod, container, health_watch, health_error_code)"
        ' (DCGM_EXP_GPU_HEALTH_STATUS{health_error_code!=""}) > 0',
    ),
    MetricQuery("gpu_fabric_status", _per_device("DCGM_FI_DEV_FABRIC_MANAGER_STATUS"), is_range=False),
    MetricQuery(
        "gpu_operator",
        'min by (__name__, node) ({__name__=~"gpu_operator_node_(driver|toolkit|plugin|cuda)_(ready|validation)"})',
    ),
    MetricQuery("infiniband_state", "min by (instance, node, device, port) (node_infiniband_state_id)"),
    MetricQuery(
        "infiniband_link_downed",
        "max by (instance, node, device, port) (increase(node_infiniband_link_downed_total[1h]))",
        is_range=False,
    ),
    MetricQuery(
        "node_disk_free_ratio",
        'min by (instance, node, mountpoint) (node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} / node_filesystem_size_bytes{fstype!~"tmpfs|overlay"})',
    ),
    MetricQuery(
        "node_memory_available_ratio",
        "min by (instance, node) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
    ),
    MetricQuery("scrape_down", "up == 0", is_range=False),
)
QUERIES = tuple(
    with_companions(
        CONTAINER_QUERIES
        + SERVICE_QUERIES
        + SERVING_QUERIES
        + DEVICE_QUERIES
        + CONTROL_PLANE_QUERIES
        + MODEL_QUALITY_QUERIES
        + MONITORING_QUERIES
        + NODE_QUERIES
        + SERVING_FAMILIES
        + OBJECTIVE_QUERIES
        + CAPACITY_QUERIES
    )
)


def rendered(query: MetricQuery, namespace_matcher: str) -> str:
    """The PromQL with the scope put in; ``namespace_matcher`` is ``namespace=~"a|b"`` or empty."""
    parts = [part for part in (namespace_matcher,) if part]
    promql = SCOPE.sub(
        lambda found: "{" + ",".join([*parts, *([found.group(1)] if found.group(1) else [])]) + "}", query.promql
    )
    for name, extra in (("scope_resource_memory", 'resource="memory"'), ("scope_resource_cpu", 'resource="cpu"'),
                        ("scope_code_errors", 'code=~"5.."'),
        ("scope_status_errors", 'status=~"5.."'),
        ("scope_container", 'container!="",container!="POD"')):  # fmt: skip
        promql = promql.replace("{" + name + "}", "{" + ",".join([*parts, *([extra] if extra else [])]) + "}")
    return promql.replace("{}", "")
