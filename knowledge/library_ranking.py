"""How two rankings become one: pure functions over ranks, no index in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from knowledge.index_journal import Key

RANK_CONSTANT = 60
MIN_SIMILARITY = 0.2
"""Cosines below it are what unrelated English sentences have with each other."""


class Match(NamedTuple):
    """The best chunk of one entry in one ranking."""

    key: Key
    chunk_no: int
    score: float


class Fused(NamedTuple):
    """An entry with its place in both rankings (0: not in it); ``score`` is 1 for the first of both."""

    key: Key
    score: float
    chunk_no: int
    by_meaning: int
    by_words: int
    similarity: float


def best_per_entry(matches: Sequence[Match]) -> list[Match]:
    """The first match of each entry, in the order given."""
    best: dict[Key, Match] = {}
    for match in matches:
        best.setdefault(match.key, match)
    return list(best.values())


def fuse(meaning: Sequence[Match], words: Sequence[Match], meaning_weight: float) -> list[Fused]:
    """Reciprocal-rank fusion. ``meaning_weight`` is how far the embedding can be trusted with this query (0 to 1)."""
    dense = {match.key: (rank, match) for rank, match in enumerate(meaning, start=1)}
    lexical = {match.key: (rank, match) for rank, match in enumerate(words, start=1)}
    best = (1 + (meaning_weight if meaning else 0.0)) / (RANK_CONSTANT + 1)
    found = []
    for key in dict.fromkeys([*dense, *lexical]):
        by_meaning, near = dense.get(key, (0, None))
        by_words, worded = lexical.get(key, (0, None))
        share = (meaning_weight / (RANK_CONSTANT + by_meaning) if by_meaning else 0.0) + (
            1 / (RANK_CONSTANT + by_words) if by_words else 0.0
        )
        chosen = near or worded
        assert chosen is not None
        found.append(Fused(key, share / best, chosen.chunk_no, by_meaning, by_words, near.score if near else 0.0))
    return sorted(found, key=lambda one: (-one.score, one.key))


def outcome_factor(outcomes: tuple[int, int]) -> float:
    """From (held, did not hold): 1 without any, up to 1.25 when the remedy always held, down to 0.75 when it never did.
    Bounded, so that history orders cases that match alike and never hides the one that matches best by far."""
    held, failed = outcomes
    return 0.75 + 0.5 * (held + 1) / (held + failed + 2)


def why(match: Fused) -> str:
    parts = []
    if match.by_meaning:
        parts.append(f"near in meaning ({match.similarity:.2f}, place {match.by_meaning})")
    if match.by_words:
        parts.append(f"shares words (place {match.by_words})")
    return "; ".join(parts)


def where_filter(kinds: Sequence[str], layers: Sequence[str], services: Sequence[str]) -> Mapping[str, object] | None:
    """The same filter as the library's own, as Chroma writes it; None for no filter."""
    clauses: list[Mapping[str, object]] = []
    if kinds:
        clauses.append({"kind": {"$in": list(kinds)}})
    if layers:
        clauses.append({"layer": {"$in": list(layers)}})
    if services:
        named: list[Mapping[str, object]] = [{"services": {"$contains": service}} for service in services]
        clauses.append({"$or": [{"general": True}, *named]})
    if not clauses:
        return None
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}
