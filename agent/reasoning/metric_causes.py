"""Which service and which of its metrics the trouble came from: two windows, one before and one after it began.

Each metric is held against its own past: by how much the level after lies beyond what was seen before, in units of the
range before (floored at a share of the level, so that a flat line is not made into news by its last digit). Then three
readings that any operator would make:

* of a caller and the service it calls that both became slow or failing, the called one is the cause;
* a resource (processor, memory, disk, network) that moved is nearer to the cause than latency, errors or traffic;
* of one service's resources, what was filled (memory, disk) rather than what was spent filling it (processor): a process that
  grows burns time too, one that burns time does not grow.

Pure functions over numbers; :func:`rank_causes` is measured by ``opsdesk eval metrics``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

About = Literal[
    "cpu", "throttling", "memory", "disk", "network-loss", "network-latency", "gpu", "saturation",
    "latency", "errors", "traffic", "other",
]  # fmt: skip
FILLED = frozenset({"memory", "disk"})
RESOURCES = FILLED | {"cpu", "throttling", "network-loss", "network-latency", "gpu", "saturation"}
SYMPTOMS = frozenset({"latency", "errors"})
LEAST_POINTS = 6
LEVEL_FLOOR = 0.05
"""The range before counts as at least this share of the level."""

NOTABLE = 0.5
"""Below this score a metric did not move."""

GROWN = 1.5
"""A filled resource has grown when its level after is so many times that before."""

GROWN_BYTES = 64 * 1024 * 1024
"""And by at least so many bytes, where the numbers are bytes: what a small process takes on the way is no growth."""

BYTES_FROM = 1_000_000.0
"""A filled resource with a level above this is measured in bytes; shares and percentages lie below."""

SYMPTOM_FACTOR = 0.5
CALLER_FACTOR = 0.3


@dataclass(frozen=True, slots=True)
class MetricName:
    """``service`` as the site names it (a workload, a Service, a node), ``about`` what kind of thing is measured."""

    service: str
    about: About
    name: str


@dataclass(frozen=True, slots=True)
class Moved:
    """One metric that left its past. ``score`` is in ranges of the window before; ``began`` the share (0 to 1) of the window
    after at which it first stayed beyond; ``because`` says which reading raised or lowered it."""

    metric: MetricName
    score: float
    before: float
    after: float
    began: float
    because: str = ""

    @property
    def ratio(self) -> float:
        return self.after / self.before if self.before else math.inf


@dataclass(frozen=True, slots=True)
class MetricCauses:
    """Best first. ``services`` pairs each service with its score, ``metrics`` is every metric that moved."""

    services: tuple[tuple[str, float], ...]
    metrics: tuple[Moved, ...]


def rank_causes(
    before: Mapping[MetricName, Sequence[float]],
    after: Mapping[MetricName, Sequence[float]],
    calls: Iterable[tuple[str, str]] = (),
) -> MetricCauses:
    """Ranks what moved. ``calls`` are (caller, called) pairs of service names, where they are known.

    Metrics that stand in one window only, or have too few numbers, say nothing; NaN and infinite values are left out."""
    moved = [one for name in before if name in after and (one := _moved(name, before[name], after[name])) is not None]
    called: dict[str, set[str]] = defaultdict(set)
    for caller, other in calls:
        called[caller].add(other)
    weighed = sorted((_weighed(one, moved, called) for one in moved), key=lambda one: (-one.score, one.began))
    services: dict[str, float] = {}
    for one in weighed:
        services[one.metric.service] = max(services.get(one.metric.service, 0.0), one.score)
    ranked = sorted(services.items(), key=lambda pair: -pair[1])
    place = {service: number for number, (service, _) in enumerate(ranked)}
    weighed.sort(key=lambda one: (place[one.metric.service], -_precedence(one), -one.score))
    return MetricCauses(tuple(ranked), tuple(weighed))


def _moved(name: MetricName, before: Sequence[float], after: Sequence[float]) -> Moved | None:
    old, new = _finite(before), _finite(after)
    if len(old) < LEAST_POINTS or len(new) < LEAST_POINTS:
        return None
    level, low, high = (_quantile(sorted(old), share) for share in (0.5, 0.05, 0.95))
    ranked = sorted(new)
    reach = (high - low) + LEVEL_FLOOR * abs(level) + 1e-12
    rise, fall = (_quantile(ranked, 0.8) - high) / reach, (low - _quantile(ranked, 0.2)) / reach
    falls_count = name.about in ("traffic", "other")
    score = max(rise, fall * 0.5 if falls_count else 0.0)
    if score < NOTABLE:
        return None
    bound = (high + reach * NOTABLE) if rise >= score else (low - reach * NOTABLE)
    return Moved(
        name, score, level, _quantile(ranked, 0.8 if rise >= score else 0.2), _began(new, bound, rises=rise >= score)
    )


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _quantile(ranked: Sequence[float], share: float) -> float:
    place = share * (len(ranked) - 1)
    under = int(place)
    over = min(under + 1, len(ranked) - 1)
    return ranked[under] + (ranked[over] - ranked[under]) * (place - under)


def _began(values: Sequence[float], bound: float, *, rises: bool, stays: int = 3) -> float:
    """The first place from which ``stays`` values in a row lie beyond the bound."""
    beyond = [(value > bound) is rises for value in values]
    for at in range(len(beyond) - stays + 1):
        if all(beyond[at : at + stays]):
            return at / len(beyond)
    return 1.0


def _weighed(one: Moved, moved: Sequence[Moved], called: Mapping[str, set[str]]) -> Moved:
    metric = one.metric
    score, because = math.log1p(one.score), ""
    if metric.about in SYMPTOMS:
        score *= SYMPTOM_FACTOR
        below = {
            other.metric.service for other in moved if other.metric.about in SYMPTOMS or other.metric.about in RESOURCES
        }
        if guilty := sorted(called.get(metric.service, set()) & below):
            score *= CALLER_FACTOR
            because = f"it calls {', '.join(guilty)}, which moved too"
    elif metric.about in ("traffic", "other"):
        score *= SYMPTOM_FACTOR
    return Moved(metric, score, one.before, one.after, one.began, because)


def _precedence(one: Moved) -> int:
    """Within one service: what was filled, then other resources, then symptoms."""
    if one.metric.about in FILLED and one.ratio >= GROWN:
        is_bytes = max(one.before, one.after) >= BYTES_FROM
        return 2 if not is_bytes or one.after - one.before >= GROWN_BYTES else 1
    return 1 if one.metric.about in RESOURCES else 0


__all__ = ["About", "MetricCauses", "MetricName", "Moved", "rank_causes"]
