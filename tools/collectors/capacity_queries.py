"""How full what programs and devices hold in limited number is: pools, connections, threads, descriptors, GPU memory, and how
long certificates still hold. Shares go from 0 to 1, full being 1; what a program does not export is simply absent.
"""

from __future__ import annotations

from tools.collectors.metric_query import MetricQuery, family_query

_BY = "namespace, pod, service, job"


def _full(used: str, limit: str, *, also_by: str = "") -> str:
    by = f"{_BY}, {also_by}" if also_by else _BY
    return f"max by ({by}) ({used}{{scope}} / ({limit}{{scope}} > 0))"


def _days_left(ends_at: str, named_by: str) -> str:
    named = f'label_replace({ends_at}, "certificate", "$1", "{named_by}", "(.+)")'
    return f"(min by (namespace, certificate) ({named}) - time()) / 86400"


POOLS = {
    "hikari": _full("hikaricp_connections_active", "hikaricp_connections_max", also_by="pool"),
    "go_sql": _full("go_sql_in_use_connections", "go_sql_max_open_connections", also_by="db_name"),
    "tomcat_threads": _full("tomcat_threads_busy_threads", "tomcat_threads_config_max_threads", also_by="name"),
    "executor": _full("executor_active_threads", "executor_pool_max_threads", also_by="name"),
}
SERVERS = {
    "mysql_connections": _full("mysql_global_status_threads_connected", "mysql_global_variables_max_connections"),
    "postgres_connections": f"max by ({_BY}) (sum by ({_BY}, instance) (pg_stat_activity_count{{scope}})"
    f" / on (instance) group_left () max by (instance) (pg_settings_max_connections{{scope}} > 0))",
    "redis_clients": _full("redis_connected_clients", "redis_config_maxclients"),
    "redis_memory": _full("redis_memory_used_bytes", "redis_memory_max_bytes"),
    "rabbitmq_memory": _full("rabbitmq_process_resident_memory_bytes", "rabbitmq_resident_memory_limit_bytes"),
}
PROCESSES = {"file_descriptors": _full("process_open_fds", "process_max_fds")}
CERTIFICATES = {
    "cert_manager": _days_left("certmanager_certificate_expiration_timestamp_seconds{scope}", "name"),
    "probed": _days_left("probe_ssl_earliest_cert_expiry", "instance"),
}

CAPACITY_QUERIES = (
    family_query("capacity", "of", {**POOLS, **SERVERS, **PROCESSES}, is_range=True),
    family_query("certificate_days_left", "of", CERTIFICATES),
    MetricQuery(
        "gpu_memory_used_ratio",
        "max by (Hostname, gpu, UUID, namespace, pod, container)"
        " (DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE))",
    ),
)
