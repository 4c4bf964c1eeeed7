"""Small robust statistics for metric signals where a fixed threshold would not fit every service."""

from __future__ import annotations

from collections.abc import Sequence
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
