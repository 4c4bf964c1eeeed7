"""What model servers, their platforms, LLM gateways and vector databases say of themselves, in five questions.

``serving_gauges`` keeps the metrics' own names; the other families tell their parts apart by the label ``measure`` (of a vector
database: ``sign``), whose value ends in the unit where the number is no ratio and no count. All are by pod, so that what is
found sits on the pod that says so.
"""

from __future__ import annotations

from tools.collectors.metric_query import MetricQuery, family_query, quantile

_BY = "namespace, pod, model_name, model, deployment, application"
_GAUGES = (
    "sglang:token_usage",
    "sglang:num_queue_reqs",
    "llamacpp:requests_deferred",
    "ray_serve_deployment_queued_queries",
    "kn_serving_queue_depth",
    "litellm_deployment_state",
    "inference_pool_ready_pods",
    "inference_pool_average_kv_cache_utilization",
)


def _sum(how: str, metric: str, matchers: str = "", *, window: str = "5m", offset: str = "") -> str:
    scope = f"{{scope;{matchers}}}" if matchers else "{scope}"
    shift = f" offset {offset}" if offset else ""
    return f"sum by ({_BY}) ({how}({metric}{scope}[{window}]{shift}))"


def _rate(metric: str, matchers: str = "", *, offset: str = "") -> str:
    return _sum("rate", metric, matchers, offset=offset)


def _share(part: str, whole: str) -> str:
    """Nothing rather than nought over nought, and nothing where the whole is not told."""
    return f"({part}) / ({whole} > 0)"


_TFS = ":tensorflow:serving:"
_TRITON_ALL = f"({_rate('nv_inference_request_success')} + {_rate('nv_inference_request_failure')})"
_TORCHSERVE_ALL = f"({_rate('Requests2XX')} + {_rate('Requests4XX')} + {_rate('Requests5XX')})"
_INGRESS = "sum by (namespace, exported_namespace, ingress) (rate(nginx_ingress_controller_requests"
_INGRESS_ERRORS = f'({_INGRESS}{{scope;status=~"5.."}}[5m]))) / ({_INGRESS}{{scope}}[5m])) > 0)'

MODEL_SERVER_MEASURES = {
    "vllm_generation_tokens": _rate("vllm:generation_tokens_total"),
    "vllm_generation_share": _share(
        _rate("vllm:generation_tokens_total"), _rate("vllm:generation_tokens_total", offset="1h")
    ),
    "vllm_corrupted_requests": _sum("increase", "vllm:corrupted_requests_total", window="10m"),
    "sglang_retractions": _rate("sglang:num_retracted_requests_total"),
    "sglang_transfer_failures": _sum("increase", "sglang:num_transfer_failed_reqs_total", window="10m"),
    "vllm_transfer_failures": _sum("increase", "vllm:nixl_num_failed_transfers_total", window="10m"),
    "tgi_overloaded": _rate("tgi_request_failure", 'err="overloaded"'),
    "tfs_error_ratio": _share(_rate(f"{_TFS}request_count", 'status!="OK"'), _rate(f"{_TFS}request_count")),
    "tfs_queue_microseconds": _share(
        _rate(f"{_TFS}batching_session:queuing_latency_sum"), _rate(f"{_TFS}batching_session:queuing_latency_count")
    ),
    "torchserve_5xx_ratio": _share(_rate("Requests5XX"), _TORCHSERVE_ALL),
    "triton_failure_ratio": _share(_rate("nv_inference_request_failure", 'reason=~"BACKEND|OTHER"'), _TRITON_ALL),
    "triton_queue_microseconds": _share(_rate("nv_inference_queue_duration_us"), _rate("nv_inference_request_success")),
    "ray_serve_error_ratio": _share(
        _rate("ray_serve_num_http_error_requests_total", 'error_code!~"4.."'),
        _rate("ray_serve_num_http_requests_total"),
    ),
    "ray_serve_health_failures": _sum("increase", "ray_serve_health_check_failures_total", window="10m"),
}
GATEWAY_MEASURES = {
    "litellm_error_ratio": _share(
        _rate("litellm_proxy_failed_requests_metric_total"), _rate("litellm_proxy_total_requests_metric_total")
    ),
    "litellm_cooldowns": _sum("increase", "litellm_deployment_cooled_down_total"),
    "litellm_fallbacks": _sum("increase", "litellm_deployment_successful_fallbacks_total", window="10m"),
    "litellm_failed_fallbacks": _sum("increase", "litellm_deployment_failed_fallbacks_total", window="10m"),
    "litellm_unauthorised": _rate("litellm_deployment_failure_responses_total", 'exception_status="401"'),
    "vllm_router_errors": _rate("vllm:request_errors_total"),
    "ingress_error_ratio": _INGRESS_ERRORS,
}
LATENCIES = {
    "tgi_queue_seconds": "tgi_request_queue_duration",
    "tfs_request_microseconds": f"{_TFS}request_latency",
    "kserve_predict_seconds": "request_predict_seconds",
    "kserve_preprocess_seconds": "request_preprocess_seconds",
    "litellm_first_token_seconds": "litellm_llm_api_time_to_first_token_metric",
}
VECTOR_DATABASE_SIGNS = {
    "dead_replicas": f"max by ({_BY}) (collection_dead_replicas{{scope}})",
    "errors_per_second": _rate("rest_responses_total", 'status=~"5.."'),
    "latency_p95_seconds": quantile(0.95, "rest_responses_duration_seconds", _BY, matchers="{scope}"),
}
SERVING_FAMILIES = (
    MetricQuery("serving_gauges", f'max by (__name__, {_BY}) ({{scope;__name__=~"{"|".join(_GAUGES)}"}})'),
    family_query("serving_measures", "measure", MODEL_SERVER_MEASURES, is_range=True),
    family_query("gateway_measures", "measure", GATEWAY_MEASURES, is_range=True),
    family_query(
        "serving_latency",
        "measure",
        {name: quantile(0.95, metric, _BY, matchers="{scope}") for name, metric in LATENCIES.items()},
        is_range=True,
    ),
    family_query("vector_database", "sign", VECTOR_DATABASE_SIGNS, is_range=True),
)
