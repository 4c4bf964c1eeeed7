"""Figures of ranked lists: hits, recall, reciprocal ranks. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def rank_of(ranked: Sequence[str], right: Collection[str]) -> int | None:
    """1 for the first place; None when nothing right is in the list."""
    return next((place for place, one in enumerate(ranked, start=1) if one in right), None)


def is_hit(ranked: Sequence[str], right: Collection[str], k: int) -> bool:
    return any(one in right for one in ranked[:k])


def recall_at(ranked: Sequence[str], right: Collection[str], k: int) -> float:
    """Share of what is right that stands among the first k. There must be something right to find."""
    if not right:
        raise ValueError("recall is not defined without anything to find")
    return len(set(ranked[:k]) & set(right)) / len(set(right))


def reciprocal_rank(ranked: Sequence[str], right: Collection[str]) -> float:
    place = rank_of(ranked, right)
    return 1 / place if place else 0.0


def average_at(places: Sequence[int | None], k: int) -> float:
    """Mean over 1..k of the share of cases whose answer stands within that many places (avg@k)."""
    if not places:
        raise ValueError("no cases to average over")
    shares = [sum(place is not None and place <= reach for place in places) / len(places) for reach in range(1, k + 1)]
    return sum(shares) / k
