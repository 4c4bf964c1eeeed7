"""Small robust statistics for metric signals where a fixed threshold would not fit every service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

Points = Sequence[tuple[float, float]]
"""(unix seconds, value), in rising time."""

MAD_TO_SIGMA = 1.4826


def spread(values: Sequence[float]) -> float:
    """The median absolute deviation, scaled to be a standard deviation where the noise is normal."""
    if not values:
        return 0.0
    middle = median(values)
    return MAD_TO_SIGMA * median(abs(value - middle) for value in values)


def level_shift(points: Points, recent_share: float = 0.25) -> float:
    """By how many robust sigmas the last quarter's median lies above the level before; 0 when there is too little to say.

    The spread is at least a hundredth of the level, so that a flat line is not made into news by its last digit."""
    if len(points) < 8:
        return 0.0
    cut = max(len(points) - max(2, int(len(points) * recent_share)), 4)
    before = [value for _, value in points[:cut]]
    after = [value for _, value in points[cut:]]
    level = median(before)
    floor = max(abs(level) * 0.01, 1e-9)
    return (median(after) - level) / max(spread(before), floor)


def slope(points: Points) -> float:
    """Theil-Sen: the median of the slopes between points half a window apart; units per second, deaf to outliers."""
    half = len(points) // 2
    if half < 2:
        return 0.0
    slopes = [
        (late_value - early_value) / (late_at - early_at)
        for (early_at, early_value), (late_at, late_value) in zip(points, points[half:], strict=False)
        if late_at > early_at
    ]
    return median(slopes) if slopes else 0.0


def hours_to(points: Points, limit: float) -> float:
    """Hours until the trend reaches ``limit``; infinite when it does not go there."""
    if not points:
        return float("inf")
    last, rate = points[-1][1], slope(points)
    distance = limit - last
    if distance == 0:
        return 0.0
    if rate == 0 or (distance > 0) != (rate > 0):
        return float("inf")
    return distance / rate / 3600.0


def increase(points: Points) -> float:
    """How much a counter grew, resets taken into account."""
    grown = 0.0
    for (_, before), (_, after) in pairwise(points):
        grown += after - before if after >= before else after
    return grown


LEAST_POINTS = 8
SPLITS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Where a level may have changed, as shares of the window; the latest that hold at least three points are tried too."""


@dataclass(frozen=True, slots=True)
class Step:
    """``sigmas`` are robust and signed; ``at`` is the first moment of the new level (unix seconds)."""

    sigmas: float = 0.0
    before: float = 0.0
    after: float = 0.0
    at: float = 0.0


def step(points: Points) -> Step:
    """The clearest lasting change of level, wherever in the later half it came; no change when the last points are back.

    What distinguishes it from :func:`level_shift`: the place is looked for, and a spike that is over is none."""
    if len(points) < LEAST_POINTS:
        return Step()
    values = [value for _, value in points]
    last = median(values[-3:])
    early = median(values[: len(values) // 2])
    if abs(last - early) <= FLAT_SHARE * abs(early) + 1e-12:
        return Step()
    found = Step()
    for cut in dict.fromkeys(min(int(len(values) * share), len(values) - 3) for share in SPLITS):
        before, level = median(values[:cut]), median(values[cut:])
        scale = max(spread(values[:cut]), _reach(values[:cut]), FLAT_SHARE * abs(before), 1e-9)
        sigmas = nearest_to_nought((level - before) / scale, (last - before) / scale)
        if abs(sigmas) > abs(found.sigmas):
            found = Step(sigmas, before, level, points[cut][0])
    return replace(found, at=_moved_at(points, found)) if found.sigmas else found


def _reach(values: Sequence[float]) -> float:
    """From the tenth to the ninetieth of a hundred values, as a standard deviation: what jumps between two levels has a reach
    where most values are alike."""
    ranked = sorted(values)
    last = len(ranked) - 1
    return (ranked[round(0.9 * last)] - ranked[round(0.1 * last)]) / 2.56


def _moved_at(points: Points, found: Step) -> float:
    """The first of the last points that lie on the new level's side of the middle; one stray point does not end the run."""
    middle = (found.before + found.after) / 2
    at, strays = points[-1][0], 0
    for moment, value in reversed(points):
        if (value > middle) is (found.after > found.before):
            at, strays = moment, 0
            continue
        strays += 1
        if strays > 1:
            break
    return at


FLAT_SHARE = 0.02
"""A level's noise counts as at least this share of it: the last digits of a flat line are no news."""

LEAST_COMPANIONS = 3
USUAL_FLOOR = 0.1
"""Days differ by at least this share of the level, however alike the few that were asked look."""


def beyond_usual(now: float, usual: Mapping[int, float]) -> float:
    """By how many robust deviations ``now`` lies beyond the same time of day on earlier days (days ago to level); signed.

    Where the same day of the week is known, the smaller of both distances counts: a quiet Sunday is held against Sundays.
    0 when fewer than three days are known."""
    levels = [level for level in usual.values() if level == level]  # noqa: PLR0124 - NaN is unlike itself
    if len(levels) < LEAST_COMPANIONS:
        return 0.0
    scale = max(spread(levels), USUAL_FLOOR * abs(median(levels)), 1e-9)
    distance = (now - median(levels)) / scale
    weekday = [level for days, level in usual.items() if days % 7 == 0 and level == level]  # noqa: PLR0124
    if not weekday:
        return distance
    return nearest_to_nought(distance, *((now - level) / max(scale, USUAL_FLOOR * abs(level)) for level in weekday))


def nearest_to_nought(*values: float) -> float:
    """The smallest in size when all have one sign, else 0."""
    if all(value > 0 for value in values) or all(value < 0 for value in values):
        return min(values, key=abs)
    return 0.0


def hours_to_full(points: Points, limit: float) -> float:
    """:func:`hours_to` for a trend that one would bet on: infinite unless each third of the window lies further on than the
    one before, and the way gone is far beyond what the points scatter about it. A sawtooth or a warm-up that has ended is none."""
    if len(points) < LEAST_POINTS:
        return float("inf")
    third = len(points) // 3
    values = [value for _, value in points]
    parts = [median(values[:third]), median(values[third:-third]), median(values[-third:])]
    forward = 1.0 if limit >= values[-1] else -1.0
    first, second = (forward * (late - early) for early, late in pairwise(parts))
    if first <= 0 or second <= 0 or second < 0.4 * first:
        return float("inf")
    rate, start = slope(points), points[0][0]
    scatter = spread([value - rate * (at - start) for at, value in points])
    if abs(rate) * (points[-1][0] - start) < 4 * max(scatter, 1e-12):
        return float("inf")
    return hours_to(points, limit)
