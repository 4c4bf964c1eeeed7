"""What the API server, etcd, the scheduler and the controller manager say of themselves.

They are asked without a namespace: a control plane is everybody's. Managed clusters export none of it, and that is no fault:
what has vanished counts only where it was scraped an hour before.
"""

from __future__ import annotations

from tools.collectors.metric_query import family_query, quantile

_MEMBER = "namespace, job, service, pod, instance"
_SERVER = "namespace, job, service"
_ETCD_UP = 'up{job=~".*etcd.*"}'
_TARGETS = 'up{job=~"apiserver|kube-apiserver|kube-scheduler|kube-controller-manager"'
_UNARY = '{grpc_method!="Defragment",grpc_type="unary",job=~".*etcd.*"}'
_PLAIN_VERBS = '{verb=~"GET|POST|PUT|PATCH|DELETE"}'

ETCD_SIGNS = {
    "etcd_has_leader": f"min by ({_MEMBER}) (etcd_server_has_leader)",
    "etcd_leader_changes": f"max by ({_MEMBER}) (increase(etcd_server_leader_changes_seen_total[15m]))",
    "etcd_fsync_seconds": quantile(0.99, "etcd_disk_wal_fsync_duration_seconds", _MEMBER),
    "etcd_commit_seconds": quantile(0.99, "etcd_disk_backend_commit_duration_seconds", _MEMBER),
    "etcd_grpc_seconds": quantile(0.99, "grpc_server_handling_seconds", _MEMBER, matchers=_UNARY),
    "etcd_quota_ratio": f"max by ({_MEMBER}) (etcd_mvcc_db_total_size_in_bytes / etcd_server_quota_backend_bytes)",
    "etcd_failed_proposals": f"max by ({_MEMBER}) (increase(etcd_server_proposals_failed_total[15m]))",
    "etcd_peer_seconds": quantile(0.99, "etcd_network_peer_round_trip_time_seconds", _MEMBER),
    "etcd_up_ratio": f"sum by (job) ({_ETCD_UP}) / count by (job) ({_ETCD_UP})",
}
"""Seconds are 99th percentiles over five minutes; ratios go from 0 to 1; changes and failures are counted over 15 minutes."""

SERVER_SIGNS = {
    "apiserver_etcd_seconds": quantile(0.99, "etcd_request_duration_seconds", _SERVER),
    "apiserver_error_ratio": f'sum by ({_SERVER}) (rate(apiserver_request_total{{code=~"5.."}}[5m]))'
    f" / sum by ({_SERVER}) (rate(apiserver_request_total[5m]))",
    "apiserver_seconds": quantile(
        0.99, "apiserver_request_duration_seconds", f"{_SERVER}, verb", matchers=_PLAIN_VERBS, window="10m"
    ),
    "apiserver_terminated_ratio": f"sum by ({_SERVER}) (rate(apiserver_request_terminations_total[10m]))"
    f" / (sum by ({_SERVER}) (rate(apiserver_request_total[10m]))"
    f" + sum by ({_SERVER}) (rate(apiserver_request_terminations_total[10m])))",
    "apiserver_rejected_rate": f"sum by ({_SERVER}) (rate(apiserver_flowcontrol_rejected_requests_total[5m]))",
    "apiserver_client_certificate_seconds": quantile(
        0.01, "apiserver_client_certificate_expiration_seconds", _SERVER, matchers='{job="apiserver"}'
    ),
    "vanished": f"count by (job) ({_TARGETS}}} offset 1h) unless count by (job) ({_TARGETS}}} == 1)",
}

CONTROL_PLANE_QUERIES = (
    family_query("etcd", "sign", ETCD_SIGNS),
    family_query("control_plane", "sign", SERVER_SIGNS),
)
