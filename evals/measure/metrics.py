"""`opsdesk eval metrics --data DIR`: the service and the metric that a trouble came from, over windows before and after.

The folder holds ``<service>-<resource>/<run>/normal.csv`` and ``anomalous.csv``: a ``time`` column, and a column
``<service>_<metric>`` for each metric. The folder's name is the answer.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.reasoning.metric_causes import About, MetricName, rank_causes
from evals.reports.table import Bars, Lines, Report, Table, percent
from evals.scoring.diagnosis import quantile
from evals.scoring.ranking import average_at, rank_of
from knowledge.errors import BadInput
from knowledge.vocabulary import Json

ABOUT: Mapping[str, About] = {
    "cpu": "cpu", "mem": "memory", "memory": "memory", "disk": "disk", "lat": "latency", "latency": "latency",
    "delay": "network-latency", "loss": "network-loss", "err": "errors", "error": "errors", "lod": "traffic", "load": "traffic",
    "workload": "traffic", "gpu": "gpu",
}  # fmt: skip
"""First word of a column's metric -> what it measures."""


@dataclass(frozen=True, slots=True)
class Run:
    """One injected trouble and where its true service and metric came out (None: nowhere)."""

    name: str
    service: str
    resource: str
    service_place: int | None
    metric_place: int | None
    seconds: float
    said: tuple[str, ...]


def column(text: str) -> MetricName:
    """``orders-db_lat_90`` -> its service, what it is about, and its own name."""
    service, _, metric = text.partition("_")
    return MetricName(service, ABOUT.get(metric.split("_")[0].lower(), "other"), metric)


def read_window(path: Path) -> dict[MetricName, list[float]]:
    """All columns but the time; what is no number is NaN."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if len(rows) < 2:
        raise BadInput(f"{path} holds no numbers", next_step="give a header line and a line for each moment")
    heads = rows[0]
    return {
        column(head): [_number(row[place]) if place < len(row) else math.nan for row in rows[1:]]
        for place, head in enumerate(heads)
        if head and head.lower() not in ("time", "timestamp") and not head.startswith("Unnamed")
    }


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def runs_of(folder: Path) -> list[Run]:
    found = []
    for normal in sorted(folder.rglob("normal.csv")):
        after = normal.with_name("anomalous.csv")
        service, dash, resource = normal.parent.parent.name.rpartition("-")
        if not dash or not after.is_file():
            raise BadInput(f"{normal.parent} is not <service>-<resource>/<run> with normal.csv and anomalous.csv")
        found.append(_run(f"{normal.parent.parent.name}/{normal.parent.name}", service, resource, normal, after))
    if not found:
        raise BadInput(
            f"no normal.csv below {folder}", next_step="see the head of evals/measure/metrics.py for the shape"
        )
    return found


def _run(name: str, service: str, resource: str, normal: Path, anomalous: Path) -> Run:
    before, after = read_window(normal), read_window(anomalous)
    began = time.perf_counter()
    causes = rank_causes(before, after)
    seconds = time.perf_counter() - began
    services = [one for one, _ in causes.services]
    metrics = [f"{one.metric.service}/{one.metric.about}" for one in causes.metrics]
    wanted = f"{service}/{ABOUT.get(resource, 'other')}"
    return Run(
        name, service, resource, rank_of(services, {service}), rank_of(metrics, {wanted}), seconds, tuple(metrics[:3])
    )


def measure_metrics(folder: Path) -> tuple[Json, Report]:
    runs = runs_of(folder)
    found: Json = {
        "n": len(runs),
        "service": places([one.service_place for one in runs]),
        "service_and_metric": places([one.metric_place for one in runs]),
        "seconds": {
            "p50": quantile([one.seconds for one in runs], 0.5),
            "p95": quantile([one.seconds for one in runs], 0.95),
        },
    }
    return found, _report(runs, found)


def places(ranked: Sequence[int | None]) -> dict[str, float]:
    """Shares of runs with the answer in the first place and the first three, and the mean over 1 to 5 places."""
    return {
        "top1": sum(one == 1 for one in ranked) / len(ranked),
        "top3": sum(one is not None and one <= 3 for one in ranked) / len(ranked),
        "avg5": average_at(ranked, 5),
    }


def _report(runs: Sequence[Run], found: Json) -> Report:
    rows = [(what, percent(found[what]["top1"]), percent(found[what]["top3"]), percent(found[what]["avg5"]))
            for what in ("service", "service_and_metric")]  # fmt: skip
    resources = sorted({one.resource for one in runs})
    per_resource = [(name, places([one.metric_place for one in runs if one.resource == name])) for name in resources]
    return Report(
        name="metrics",
        title="Where a trouble in the metrics came from",
        intro=f"{len(runs)} runs; ranking takes {found['seconds']['p50']:.4f} s (p50).",
        parts=(
            Table("Figures", ("", "top 1", "top 3", "avg@5"), tuple(rows)),
            Bars("Service and metric, top 1 per resource", tuple((name, one["top1"], None) for name, one in per_resource)),
            Lines("Misses, and what was said instead", tuple(f"{one.name}: said {', '.join(one.said) or 'nothing'}" for one in runs if one.metric_place != 1)),
        ),
    )  # fmt: skip
