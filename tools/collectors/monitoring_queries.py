"""What Prometheus, Alertmanager and kube-state-metrics say of themselves: whoever watches has to be watched.

They are asked without a namespace, like the control plane: monitoring stands apart from what it watches.
"""

from __future__ import annotations

from tools.collectors.metric_query import family_query

_BY = "namespace, job, service, pod"
_REQUESTED = 'sum(kube_pod_container_resource_requests{{resource="{0}",job="kube-state-metrics"}})'
_LEFT = (
    '(sum(kube_node_status_allocatable{{resource="{0}",job="kube-state-metrics"}})'
    ' - max(kube_node_status_allocatable{{resource="{0}",job="kube-state-metrics"}}))'
)


def _committed(resource: str) -> str:
    """What all pods request, as a share of what is left when the largest node is gone; nothing with a single node."""
    requested, left = _REQUESTED.format(resource), _LEFT.format(resource)
    return f"{requested} / ({left} > 0)"


def _failed(name: str) -> str:
    error, every = f'kube_state_metrics_{name}_total{{result="error"}}', f"kube_state_metrics_{name}_total"
    return f"sum by (namespace, job) (rate({error}[5m])) / sum by (namespace, job) (rate({every}[5m]))"


MONITORING_SIGNS = {
    "targets_down_ratio": "count by (namespace, job, service) (up == 0) / count by (namespace, job, service) (up)",
    "committed_cpu_ratio": _committed("cpu"),
    "committed_memory_ratio": _committed("memory"),
    "ksm_list_error_ratio": _failed("list"),
    "ksm_watch_error_ratio": _failed("watch"),
    "alertmanager_reload_ok": f"min by ({_BY}) (max_over_time(alertmanager_config_last_reload_successful[5m]))",
    "alertmanager_notify_failures": f"sum by ({_BY}) (rate(alertmanager_notifications_failed_total[15m]))"
    f" / sum by ({_BY}) (rate(alertmanager_notifications_total[15m]))",
    "alertmanager_failed_peers": f"max by ({_BY}) (max_over_time(alertmanager_cluster_failed_peers[5m]))",
    "prometheus_reload_ok": f"min by ({_BY}) (max_over_time(prometheus_config_last_reload_successful[5m]))",
    "prometheus_alertmanagers": f"min by ({_BY}) (max_over_time(prometheus_notifications_alertmanagers_discovered[5m]))",
    "prometheus_samples_rate": f"sum by ({_BY}) (rate(prometheus_tsdb_head_samples_appended_total[5m]))",
    "prometheus_shards_ratio": f"max by ({_BY}) (max_over_time(prometheus_remote_storage_shards_desired[5m])"
    " / max_over_time(prometheus_remote_storage_shards_max[5m]))",
    "prometheus_rule_failures": f"sum by ({_BY}) (increase(prometheus_rule_evaluation_failures_total[5m]))",
}
"""Ratios go from 0 to 1 (committed ones beyond); ``_ok`` is 1 or 0; rates are per second; failures are counted over 5 minutes."""

MONITORING_QUERIES = (family_query("monitoring", "sign", MONITORING_SIGNS),)
