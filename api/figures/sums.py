"""The few sums that every report is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from pydantic import Field

from knowledge.vocabulary import Noun

Row = TypeVar("Row")
Item = TypeVar("Item")

MOST_ROWS = 500


class Spread(Noun):
    """Of so many durations in seconds: the middle one, and the one that nine of ten do not exceed; None of none."""

    count: int = 0
    p50: float | None = None
    p90: float | None = None


class Rows(Noun, Generic[Row]):
    """A page of a table. ``total`` counts the rows that there are."""

    rows: tuple[Row, ...] = ()
    total: int = 0
    offset: int = Field(default=0, ge=0)


def spread_of(seconds: Iterable[float]) -> Spread:
    """By the nearest rank: a value that was measured, never one between two."""
    ranked = sorted(value for value in seconds if math.isfinite(value))
    if not ranked:
        return Spread()
    return Spread(count=len(ranked), p50=_at(ranked, 0.5), p90=_at(ranked, 0.9))


def _at(ranked: Sequence[float], share: float) -> float:
    return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 3)


def share_of(part: float, whole: float) -> float | None:
    """None of nothing: no percentage is said of no cases."""
    return round(part / whole, 4) if whole else None


def page_of(rows: Sequence[Row], offset: int = 0, limit: int = 50) -> Rows[Row]:
    return Rows(rows=tuple(rows[offset : offset + min(limit, MOST_ROWS)]), total=len(rows), offset=offset)


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
