"""What a series is held against where a threshold would not do: its own past, its earlier days, its error budget.

``take: step`` gives the robust deviations of a lasting change of level, ``seasonal`` those of now from the same time on earlier
days (the question has ``days``); both signed. The levels must lie ``by_factor`` apart, and the larger one be at least ``least``.
``burn`` gives 1 or more where an error budget is spent at the signal's ``pace``. ``near`` belongs to ``hours_to_full``: how far
from ``toward`` the series may be now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tools.contracts import MetricAnswer
from tools.detectors.burn import burn, objective_of
from tools.detectors.format import MetricSignal
from tools.detectors.scene import Scene
from tools.detectors.statistics import Points, beyond_usual, step
from tools.ports import Series

USUAL = "_usual"
"""The companion of a question: the same one, asked of earlier days; the label ``ago`` says of which (``7d``)."""

RECENT_SECONDS = 600.0
"""What counts as now beside earlier days: they tell half an hour each, a single point tells too little."""

LabelSet = frozenset[tuple[str, str]]
Groups = Mapping[LabelSet, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Level:
    """The number that a signal compares, and what may be told of it. ``at``: since when (unix seconds), where it is known."""

    value: float
    facts: Mapping[str, str] = field(default_factory=dict)
    at: float | None = None


def against_its_past(points: Points, signal: MetricSignal) -> Level | None:
    found = step(points)
    if not _is_worth_telling(found.before, found.after, signal):
        return None
    return Level(found.sigmas, _both(found.before, found.after), found.at)


def against_earlier_days(scene: Scene, answer: MetricAnswer, series: Series, signal: MetricSignal) -> Level | None:
    days = _grouped(scene, answer.key + USUAL, "ago").get(_labels(series, "ago"), {})
    usual = {int(ago.rstrip("d")): value for ago, value in days.items() if ago.rstrip("d").isdecimal()}
    if not usual:
        return None
    newest = series.points[-1][0]
    now = median(value for at, value in series.points if newest - at <= RECENT_SECONDS)
    before = median(usual.values())
    if not _is_worth_telling(before, now, signal):
        return None
    return Level(beyond_usual(now, usual), {**_both(before, now), "days": str(len(usual))})


def against_its_budget(scene: Scene, answer: MetricAnswer, series: Series, signal: MetricSignal) -> Level | None:
    """One verdict for the windows of one service: it is given on the first of them."""
    key = _labels(series, "window")
    ratios = _grouped(scene, answer.key, "window").get(key, {})
    if next(iter(ratios), None) != series.labels.get("window"):
        return None
    namespace, name = series.labels.get("namespace", ""), series.labels.get("service", "")
    objective = objective_of(
        series.labels.get("slo", "errors"),
        service=scene.snapshot.find("Service", namespace, name),
        recorded=_recorded_objective(scene, series.labels),
        alerts=scene.snapshot.alerts,
        name=name,
    )
    found = burn(ratios, objective, signal.pace)
    if found is None:
        return None
    facts = {
        "objective": f"{objective.share * 100:g} %", "rate": f"{found.rate:.3g}", "window": found.pair.long,
        "short_window": found.pair.short, "slo": series.labels.get("slo", "errors"),
    }  # fmt: skip
    return Level(found.strength, facts)


def _recorded_objective(scene: Scene, labels: Mapping[str, str]) -> float | None:
    for answer in scene.snapshot.metrics:
        for series in answer.series if answer.key == "slo_objective" else ():
            if series.points and all(series.labels.get(name) == labels.get(name) for name in ("service", "slo")):
                return float(series.points[-1][1])
    return None


def _is_worth_telling(before: float, after: float, signal: MetricSignal) -> bool:
    """The levels differ by the factor asked for, and the larger one is no trifle."""
    low, high = sorted((abs(before), abs(after)))
    return high >= max(signal.least, 1e-12) and high >= low * signal.by_factor


def _both(before: float, after: float) -> dict[str, str]:
    return {"before": f"{before:.3g}", "after": f"{after:.3g}"}


def _grouped(scene: Scene, key: str, label: str) -> Groups:
    """The last values of an answer's series that differ in one label only, by that label."""
    known = ("levels", key, label)
    if known not in scene.memo:
        groups: dict[LabelSet, dict[str, float]] = {}
        for answer in scene.snapshot.metrics:
            for series in answer.series if answer.key == key else ():
                if series.points and math.isfinite(series.points[-1][1]):
                    group = groups.setdefault(_labels(series, label), {})
                    group[series.labels.get(label, "")] = float(series.points[-1][1])
        scene.memo[known] = groups
    found: Groups = scene.memo[known]
    return found


def _labels(series: Series, without: str) -> LabelSet:
    return frozenset(pair for pair in series.labels.items() if pair[0] not in (without, "__name__"))


LEVELS: Sequence[str] = ("step", "seasonal", "burn")


def level_of(scene: Scene, answer: MetricAnswer, series: Series, points: Points, signal: MetricSignal) -> Level | None:
    """The level that the signal's ``take`` asks for; None where there is too little to say, or it is a trifle."""
    if signal.take == "step":
        return against_its_past(points, signal)
    if signal.take == "seasonal":
        return against_earlier_days(scene, answer, Series(series.labels, points), signal)
    return against_its_budget(scene, answer, series, signal)
