"""The metrics of a scenario behind the ``Metrics`` port: what the practice platform measured along the story, and the series
that the scenario tells, under the queries that the metrics collector asks."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from evals.scenarios.format import MetricSeries
from tools.collectors.metric_queries import QUERIES, rendered
from tools.collectors.metrics import namespace_matcher
from tools.ports import Series

SAMPLE_SECONDS = 120.0
Labels = tuple[tuple[str, str], ...]
_LINE = re.compile(r"^([A-Za-z_:][\w:]*)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_POD = ("namespace", "pod", "container")
_MODEL = ("namespace", "pod", "model_name")
_DEVICE = ("Hostname", "gpu", "namespace", "pod")
GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "container_memory_working_set_bytes": ("container_memory", _POD),
    "container_spec_memory_limit_bytes": ("container_memory_limit", _POD),
    "vllm:num_requests_running": ("vllm_requests_running", _MODEL),
    "vllm:num_requests_waiting": ("vllm_requests_waiting", _MODEL),
    "vllm:gpu_cache_usage_perc": ("vllm_kv_cache_usage", _MODEL),
    "DCGM_FI_DEV_GPU_UTIL": ("gpu_utilisation", _DEVICE),
    "DCGM_FI_DEV_FB_USED": ("gpu_memory_used_mib", _DEVICE),
    "DCGM_FI_DEV_FB_FREE": ("gpu_memory_free_mib", _DEVICE),
    "DCGM_FI_DEV_GPU_TEMP": ("gpu_temperature_celsius", _DEVICE),
    "DCGM_FI_DEV_POWER_USAGE": ("gpu_power_watts", _DEVICE),
    "DCGM_FI_DEV_XID_ERRORS": ("gpu_xid", _DEVICE),
}
"""What is scraped -> the collector's key, and the labels that its aggregate keeps."""


@dataclass
class Scrapes:
    """Pages of the exposition, scraped as a Prometheus would, and what its queries would make of them."""

    gauges: dict[tuple[str, Labels], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    counters: dict[tuple[str, Labels], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, page: str, at: float) -> None:
        for name, labels, text in _LINE.findall(page):
            if name in GAUGES:
                key, kept = GAUGES[name]
                self.gauges[key, _kept(labels, kept)].append((at, float(text)))
            elif name == "container_cpu_usage_seconds_total":
                self.counters["container_cpu", _kept(labels, _POD)].append((at, float(text)))
            elif name == "http_requests_total":
                found = dict(_LABEL.findall(labels))
                sort = "http_errors" if found["code"].startswith("5") else "http_good"
                self.counters[sort, (("namespace", found["namespace"]), ("service", found["service"]))].append(
                    (at, float(text))
                )

    def answers(self) -> dict[str, list[Series]]:
        found: dict[str, list[Series]] = defaultdict(list)
        for (key, labels), points in self.gauges.items():
            found[key].append(Series(dict(labels), points))
        rates = {key: _rate(points) for key, points in self.counters.items()}
        for (sort, labels), points in rates.items():
            if sort == "container_cpu":
                found[sort].append(Series(dict(labels), points))
        for labels in dict.fromkeys(labels for sort, labels in rates if sort.startswith("http")):
            good, bad = dict(rates.get(("http_good", labels), [])), dict(rates.get(("http_errors", labels), []))
            times = sorted({*good, *bad})
            totals = [(at, good.get(at, 0.0) + bad.get(at, 0.0)) for at in times]
            found["http_request_rate"].append(Series(dict(labels), totals))
            ratios = [(at, bad.get(at, 0.0) / total) for at, total in totals if total]
            if ratios:
                found["http_error_ratio"].append(Series(dict(labels), ratios))
        return dict(found)


def _kept(labels: str, kept: tuple[str, ...]) -> Labels:
    found = dict(_LABEL.findall(labels))
    return tuple((name, found[name]) for name in kept if name in found)


def _rate(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Per second, between neighbours; several series of one label set (codes) add up per moment first."""
    sums: dict[float, float] = defaultdict(float)
    for at, value in points:
        sums[at] += value
    rows = sorted(sums.items())
    return [(b[0], max(b[1] - a[1], 0.0) / (b[0] - a[0])) for a, b in pairwise(rows) if b[0] > a[0]]


def drawn(told: MetricSeries, look: datetime, fill: Callable[[str], str]) -> Series:
    """The told series, a point each ``SAMPLE_SECONDS``."""
    labels = {name: fill(value) for name, value in told.labels.items()}
    start, end = told.points[0][0] * 60, told.points[-1][0] * 60
    count = max(int((end - start) / SAMPLE_SECONDS), 0)
    moments = [start + number * (end - start) / count for number in range(count + 1)] if count else [end]
    points = []
    for number, moment in enumerate(moments):
        value = _between(told.points, moment / 60) * (1 + told.wobble * math.sin(1.7 * number))
        points.append((look.timestamp() + moment, value))
    return Series(labels, points)


def _between(points: Sequence[tuple[float, float]], minute: float) -> float:
    before = points[0]
    for point in points:
        if point[0] >= minute:
            share = (minute - before[0]) / (point[0] - before[0]) if point[0] > before[0] else 1.0
            return before[1] + share * (point[1] - before[1])
        before = point
    return before[1]


class ScenarioMetrics:
    """Answers the collector's own queries by their text; any other has no series, as an unknown metric has none."""

    def __init__(self, answers: Mapping[str, Sequence[Series]], namespaces: Sequence[str] = ()) -> None:
        matcher = namespace_matcher(namespaces)
        self._namespaces = frozenset(namespaces)
        self._answers = answers
        self._keys = {rendered(query, matcher): query for query in QUERIES}

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]:
        last = at.timestamp() if at is not None else math.inf
        found = ((one, [point for point in one.points if point[0] <= last]) for one in self._of(query))
        return [Series(one.labels, points[-1:]) for one, points in found if points]

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:  # noqa: ARG002
        first, last = start.timestamp(), end.timestamp()
        found = ((one, [point for point in one.points if first <= point[0] <= last]) for one in self._of(query))
        return [Series(one.labels, points) for one, points in found if points]

    async def ready(self) -> str:
        return "practice"

    def _of(self, text: str) -> Iterable[Series]:
        query = self._keys.get(text)
        if query is None:
            return ()
        is_scoped = bool(self._namespaces) and "{scope" in query.promql
        return [
            one for one in self._answers.get(query.key, ())
            if not is_scoped or one.labels.get("namespace", "") in self._namespaces
        ]  # fmt: skip
