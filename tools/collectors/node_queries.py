"""What is asked of nodes, kubelets, cluster DNS, proxies and vector databases: seven questions for some forty signs.

They are asked without a namespace: a node is everybody's. Ratios go from 0 to 1, full being 1; counts are over the window named.
"""

from __future__ import annotations

from tools.collectors.metric_query import MetricQuery, family_query, quantile

_NODE = "instance, node"
_REAL_DISKS = '{fstype!~"tmpfs|overlay|squashfs|"}'
_DNS = "namespace, service, job"
_POD = "namespace, pod, job"

SATURATION_SIGNS = {
    "cpu": f'1 - sum by ({_NODE}) (rate(node_cpu_seconds_total{{mode=~"idle|iowait"}}[5m]))'
    f" / sum by ({_NODE}) (rate(node_cpu_seconds_total[5m]))",
    "inodes": f"max by ({_NODE}) (1 - node_filesystem_files_free{_REAL_DISKS} / (node_filesystem_files{_REAL_DISKS} > 0))",
    "file_handles": f"max by ({_NODE}) (node_filefd_allocated / node_filefd_maximum)",
    "conntrack": f"max by ({_NODE}) (node_nf_conntrack_entries / node_nf_conntrack_entries_limit)",
    "disk_queue": f"max by ({_NODE}) (rate(node_disk_io_time_weighted_seconds_total[5m]))",
    "major_faults_per_second": f"max by ({_NODE}) (rate(node_vmstat_pgmajfault[5m]))",
}
TROUBLE_SIGNS = {
    "ready_changes": 'sum by (node) (changes(kube_node_status_condition{condition="Ready",status="true"}[15m]))',
    "boots": f"max by ({_NODE}) (changes(node_boot_time_seconds[30m]))",
    "root_readonly": f'max by ({_NODE}) (node_filesystem_readonly{{mountpoint="/"}})',
    "filesystem_error": f"max by ({_NODE}) (node_filesystem_device_error{_REAL_DISKS})",
    "clock_offset_seconds": f"max by ({_NODE}) (abs(node_timex_offset_seconds))",
    "clock_unsynced": f"max by ({_NODE}) ((node_timex_sync_status == bool 0) * (node_timex_maxerror_seconds >= bool 16))",
}
KUBELET_SIGNS = {
    "down": f'max by ({_NODE}) (1 - up{{job="kubelet",metrics_path="/metrics"}})',
    "relist_p99_seconds": quantile(0.99, "kubelet_pleg_relist_duration_seconds", _NODE),
    "certificate_days_left": f"min by ({_NODE}) (kubelet_certificate_manager_client_ttl_seconds"
    " or kubelet_certificate_manager_server_ttl_seconds) / 86400",
    "certificate_renew_errors": f"max by ({_NODE}) (increase(kubelet_certificate_manager_client_expiration_renew_errors[15m])"
    " or increase(kubelet_server_expiration_renew_errors[15m]))",
}
DNS_SIGNS = {
    "servfail_ratio": f'sum by ({_DNS}) (rate(coredns_dns_responses_total{{rcode="SERVFAIL"}}[5m]))'
    f" / sum by ({_DNS}) (rate(coredns_dns_responses_total[5m]))",
    "latency_p99_seconds": quantile(0.99, "coredns_dns_request_duration_seconds", _DNS),
    "forward_failures_per_second": f"sum by ({_DNS}) (rate(coredns_proxy_healthcheck_failures_total[5m]))",
}
PROXY_SIGNS = {
    "seconds_since_sync": f"time() - max by ({_POD}) (kubeproxy_sync_proxy_rules_last_timestamp_seconds)",
    "restore_failures": f"max by ({_POD}) (increase(kubeproxy_sync_proxy_rules_iptables_restore_failures_total[10m]))",
    "down": 'count by (job) (up{job="kube-proxy"} == 0)',
}
INGRESS_SIGNS = {
    "certificate_days_left": f"(min by ({_POD}, host) (nginx_ingress_controller_ssl_expire_time_seconds) - time()) / 86400",
    "reload_ok": f"min by ({_POD}) (nginx_ingress_controller_config_last_reload_successful)",
}
NODE_QUERIES = (
    family_query("node_saturation", "sign", SATURATION_SIGNS, is_range=True),
    family_query("node_trouble", "sign", TROUBLE_SIGNS, is_range=True),
    family_query("kubelet_health", "sign", KUBELET_SIGNS),
    family_query("cluster_dns", "sign", DNS_SIGNS),
    family_query("service_proxy", "sign", PROXY_SIGNS),
    family_query("ingress_health", "sign", INGRESS_SIGNS),
    MetricQuery(
        "volume_inodes_free_ratio",
        "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_inodes_free{scope}"
        " / (kubelet_volume_stats_inodes{scope} > 0))",
        is_range=False,
    ),
)
"""Saturation and trouble are ranges: a sign that stands for a moment only is none."""
