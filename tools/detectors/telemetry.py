"""The watcher of metrics: signals that are numbers, not objects. Logs have their own: ``log_watcher.py``."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from statistics import fmean

import re2

from tools.contracts import MetricAnswer
from tools.detectors.format import MetricSignal
from tools.detectors.hits import Hit, HitTable, named_reference, reference_from_labels
from tools.detectors.levels import LEVELS, Level, level_of
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene
from tools.detectors.statistics import hours_to, hours_to_full, increase, level_shift
from tools.ports import Series

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq,
}  # fmt: skip


class MetricWatcher:
    def __init__(self, signals: Sequence[tuple[int, MetricSignal]]) -> None:
        self._signals = signals

    def watch(self, scene: Scene, table: HitTable) -> None:
        by_name = _by_name(scene)
        for number, signal in self._signals:
            seen: set[int] = set()
            for answer, series in (pair for key in signal.key for pair in by_name.get(key, ())):
                if id(series) in seen:
                    continue
                seen.add(id(series))
                hit = _metric_hit(scene, answer, series, signal)
                if hit is not None:
                    table.add(number, hit.settle(scene))


def _by_name(scene: Scene) -> Mapping[str, Sequence[tuple[MetricAnswer, Series]]]:
    """Series by the answer's key, and by their own name where one question asks for several metrics."""
    if "series by name" not in scene.memo:
        found: dict[str, list[tuple[MetricAnswer, Series]]] = {}
        for answer in scene.snapshot.metrics:
            for series in answer.series:
                for name in {answer.key, series.name} - {""}:
                    found.setdefault(name, []).append((answer, series))
        scene.memo["series by name"] = found
    known: Mapping[str, Sequence[tuple[MetricAnswer, Series]]] = scene.memo["series by name"]
    return known


def _metric_hit(scene: Scene, answer: MetricAnswer, series: Series, signal: MetricSignal) -> Hit | None:
    points = [(at, value) for at, value in series.points if value == value]  # noqa: PLR0124 - NaN is unlike itself
    if not points or scene.now.timestamp() - points[-1][0] > read_duration(signal.within):
        return None
    if not all(re2.search(pattern, series.labels.get(name, "")) for name, pattern in signal.labels.items()):
        return None
    if signal.over:
        divisor = _matching_last(scene, series.labels, signal)
        if not divisor:
            return None
        points = [(at, value / divisor) for at, value in points]
    level = level_of(scene, answer, series, points, signal) if signal.take in LEVELS else Level(_taken(points, signal))
    if level is None:
        return None
    value = level.value
    if not _holds(value, signal) or (signal.is_new and len(points) > 1 and _was_ever(points, value)):
        return None
    reference = reference_from_labels(scene.snapshot.cluster, series.labels, signal.about) or named_reference(
        scene.snapshot.cluster, signal.otherwise
    )
    if reference is None:
        return None
    facts = {name: text.strip('"') for name, text in signal.facts.items()}
    facts.update({"value": f"{value:.4g}", "threshold": f"{signal.than:g}", "metric": answer.key, **level.facts})
    facts.update(_label_facts(series.labels))
    began_at = _began(scene, points, signal) if level.at is None else datetime.fromtimestamp(level.at, scene.now.tzinfo)
    cite = lambda: scene.snapshot.cite_metric(answer, series)  # noqa: E731
    return Hit(reference, scene.find(reference), facts, began_at, (cite,))


def _holds(value: float, signal: MetricSignal) -> bool:
    return value in signal.among if signal.among else COMPARE[signal.op](value, signal.than)


def _was_ever(points: Sequence[tuple[float, float]], value: float) -> bool:
    return all(one == value for _, one in points)


def _taken(points: Sequence[tuple[float, float]], signal: MetricSignal) -> float:
    values = [value for _, value in points]
    return {
        "last": lambda: values[-1],
        "max": lambda: max(values),
        "min": lambda: min(_lasting(points) if signal.op in (">", ">=") else values),
        "mean": lambda: fmean(_lasting(points)),
        "increase": lambda: increase(points),
        "shift": lambda: level_shift(points),
        "hours_to": lambda: hours_to(points, signal.toward),
        "hours_to_full": lambda: hours_to_full(points, signal.toward) if _is_near(values[-1], signal) else math.inf,
    }[signal.take]()


LASTING_SECONDS = 900.0
"""What has held for a quarter of an hour holds: asked of the whole window, trouble that is younger would never be seen."""


def _lasting(points: Sequence[tuple[float, float]]) -> list[float]:
    return [value for at, value in points if points[-1][0] - at <= LASTING_SECONDS]


def _is_near(value: float, signal: MetricSignal) -> bool:
    return abs(signal.toward - value) <= signal.near


def _matching_last(scene: Scene, labels: Mapping[str, str], signal: MetricSignal) -> float:
    """The last value of the divisor's series that agrees in the ``by`` labels; 0 when there is none."""
    known = ("last of", signal.over, signal.by)
    if known not in scene.memo:
        lasts: dict[tuple[str | None, ...], float] = {}
        for _, series in _by_name(scene).get(signal.over, ()):
            if series.points:
                lasts.setdefault(tuple(series.labels.get(name) for name in signal.by), float(series.points[-1][1]))
        scene.memo[known] = lasts
    found: float = scene.memo[known].get(tuple(labels.get(name) for name in signal.by), 0.0)
    return found


def _began(scene: Scene, points: Sequence[tuple[float, float]], signal: MetricSignal) -> datetime | None:
    """The first point of the last unbroken run over the threshold; for counters and trends, unknown."""
    if signal.take not in ("last", "max", "min") or signal.over:
        return None
    began = None
    for at, value in reversed(points):
        if not _holds(value, signal):
            break
        began = at
    return datetime.fromtimestamp(began, tz=scene.now.tzinfo) if began is not None else None


FACT_OF_LABEL = {
    "container": "container", "model_name": "model", "model": "model", "gpu": "gpu", "UUID": "gpu_uuid", "xid": "code",
    "feature": "feature", "feature_view": "feature", "slice": "slice", "category": "category", "rule": "rule",
    "clock_event": "clock_event", "counter": "counter", "health_error_code": "health_error_code", "device": "device",
}  # fmt: skip


def _label_facts(labels: Mapping[str, str]) -> dict[str, str]:
    return {fact: labels[label] for label, fact in FACT_OF_LABEL.items() if labels.get(label)}
