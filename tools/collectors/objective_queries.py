"""How much of a service's error budget was spent, by window: three questions, asked for the end of the window only.

Ratios are shares of bad requests, 0 to 1. ``slo_ratio`` counts them from the services' own counters, ``slo_recorded`` takes what a
site's recording rules (sloth's names) say, with the objective that stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping

from tools.collectors.metric_query import MetricQuery

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
SLOW_FROM = "1"
"""Seconds: the bucket up to which an answer is in time, where the service has one with this bound."""

_BY = "namespace, service"


def _sum(metric: str, matchers: str, window: str) -> str:
    scope = f"{{scope;{matchers}}}" if matchers else "{scope}"
    return f"sum by ({_BY}) (rate({metric}{scope}[{window}]))"


def _errors(window: str) -> str:
    bad = " or ".join(_sum("http_requests_total", f'{label}=~"5.."', window) for label in ("code", "status"))
    return f"({bad}) / ({_sum('http_requests_total', '', window)} > 0)"


def _slow(window: str) -> str:
    in_time = _sum("http_request_duration_seconds_bucket", f'le=~"{SLOW_FROM}|{SLOW_FROM}.0"', window)
    return f"1 - {in_time} / ({_sum('http_request_duration_seconds_count', '', window)} > 0)"


def _by_window(sort: str, ratio: Mapping[str, str]) -> str:
    parts = (f'label_replace({promql}, "window", "{window}", "", "")' for window, promql in ratio.items())
    return f'label_replace({" or ".join(parts)}, "slo", "{sort}", "", "")'


_SLOTH = 'label_replace(label_replace({}, "service", "$1", "sloth_service", "(.+)"), "slo", "$1", "sloth_slo", "(.+)")'
_RULES = f'{{scope;__name__=~"slo:sli_error:ratio_rate({"|".join(WINDOWS)})"}}'
_RECORDED = f'label_replace({_RULES}, "window", "$1", "__name__", "slo:sli_error:ratio_rate(.+)")'

OBJECTIVE_QUERIES = (
    MetricQuery(
        "slo_ratio",
        " or ".join(
            _by_window(sort, {window: ratio(window) for window in WINDOWS})
            for sort, ratio in (("errors", _errors), ("latency", _slow))
        ),
        is_range=False,
        parts=2 * len(WINDOWS),
    ),
    MetricQuery(
        "slo_recorded",
        f"max by ({_BY}, slo, window) ({_SLOTH.format(_RECORDED)})",
        is_range=False,
        parts=len(WINDOWS),
    ),
    MetricQuery(
        "slo_objective",
        f"max by ({_BY}, slo) ({_SLOTH.format('slo:objective:ratio{scope}')})",
        is_range=False,
    ),
)
