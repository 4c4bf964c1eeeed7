"""How good a model's answers are, as far as somebody measures it.

No standard names exist for this, so the desk asks for names of its own: a contract for a site's exporter, batch drift job or
evaluation job (or for recording rules over what the site has). Every series carries ``namespace`` (of the model's Service, so
scrape with ``honor_labels``) and ``service``, or else ``app`` or ``model``; ratios go from 0 to 1. The site publishes what it
can; what is not there is not judged.

Gauges (``opsdesk_mq_`` before each)::

    feature_psi{feature} feature_wasserstein_norm{feature} drifted_feature_share   input against a reference window
    feature_null_ratio{feature}                                                   share of rows without a value
    feature_age_seconds{feature_view} feature_sla_seconds{feature_view}           age of the newest value; what was promised
    skew_psi{feature} online_offline_mismatch_ratio                               training data against serving
    embedding_distance embedding_domain_auc                                       embeddings against a reference window
    prediction_psi positive_rate                                                  what the model answers
    accuracy{slice} accuracy_baseline label_count error_rate error_rate_baseline  against true labels, once they are known
    eval_score{track="canary|stable"}                                             an evaluation set or a judge, by release track
    groundedness_score retrieval_top_score                                        retrieval-augmented generation

Counters (``_total``)::

    requests schema_violations{rule} responses refusals empty_responses retrieval retrieval_empty safety_hits{category}
"""

from __future__ import annotations

from tools.collectors.metric_query import MetricQuery, family_query, quantile

_BY = "namespace, service, app, model"
_GAUGE_LABELS = f"__name__, {_BY}, feature, feature_view, slice, track"


def _rate(counter: str, window: str, labels: str = _BY, offset: str = "") -> str:
    shift = f" offset {offset}" if offset else ""
    return f"sum by ({labels}) (rate(opsdesk_mq_{counter}_total{{scope}}[{window}]{shift}))"


def _share(part: str, whole: str, window: str, offset: str = "") -> str:
    return f"{_rate(part, window, offset=offset)} / {_rate(whole, window, offset=offset)}"


def _against(aggregate: str, metric: str, offset: str, labels: str = _BY) -> str:
    now = f"{aggregate} by ({labels}) (opsdesk_mq_{metric}{{scope}})"
    return f"{now} / {aggregate} by ({labels}) (opsdesk_mq_{metric}{{scope}} offset {offset})"


def _canary_latency(track: str) -> str:
    matchers = f'{{scope;track="{track}"}}'
    return quantile(0.95, "vllm:e2e_request_latency_seconds", "namespace, model_name", matchers=matchers, window="30m")


_GROUNDED = "opsdesk_mq_groundedness_score{scope}[6h]"

SHARES = {
    "schema_violations": f"{_rate('schema_violations', '10m', f'{_BY}, rule')}"
    f" / on ({_BY}) group_left () {_rate('requests', '10m')}",
    "refusals": _share("refusals", "responses", "30m"),
    "empty_responses": _share("empty_responses", "responses", "15m"),
    "empty_retrievals": _share("retrieval_empty", "retrieval", "30m"),
}
AGAINST_BEFORE = {
    "feature_nulls": _against("max", "feature_null_ratio", "1d", f"{_BY}, feature"),
    "positive_rate": _against("avg", "positive_rate", "7d"),
    "retrieval_score": _against("avg", "retrieval_top_score", "7d"),
    "groundedness": f"avg by ({_BY}) (avg_over_time({_GROUNDED}))"
    f" / avg by ({_BY}) (avg_over_time({_GROUNDED} offset 7d))",
    "refusals": f"({_share('refusals', 'responses', '30m')}) / ({_share('refusals', 'responses', '30m', '1d')})",
    "safety_hits": f"{_rate('safety_hits', '15m', f'{_BY}, category')}"
    f" / {_rate('safety_hits', '15m', f'{_BY}, category', '1d')}",
    "canary_score": f'avg by ({_BY}) (opsdesk_mq_eval_score{{scope;track="canary"}})'
    f' / avg by ({_BY}) (opsdesk_mq_eval_score{{scope;track="stable"}})',
    "canary_latency": f"{_canary_latency('canary')} / {_canary_latency('stable')}",
}
"""The value now over the value a day or a week before, or of the canary over the stable release: 1 is no change."""

MODEL_QUALITY_QUERIES = (
    MetricQuery(
        "mq_gauges",
        f'max by ({_GAUGE_LABELS}) ({{scope;__name__=~"opsdesk_mq_.+",__name__!~".+_total"}})',
        is_range=False,
    ),
    family_query("mq_share", "quality", SHARES),
    family_query("mq_against_before", "quality", AGAINST_BEFORE),
    MetricQuery("mq_safety_hit_rate", _rate("safety_hits", "15m", f"{_BY}, category"), is_range=False),
)
