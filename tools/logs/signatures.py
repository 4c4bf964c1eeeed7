"""All signatures at once: what an engine for many patterns looks like to the rest, and how one is come by.

Two engines fill :class:`PatternSet`: hyperscan (one pass, whatever the number of patterns) and RE2's set (where hyperscan's
wheel is missing, and for a handful of patterns, which it compiles a hundred times faster). Both only nominate: a signature
counts where it matches *inside one line*, which RE2 decides on that line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from tools.logs.patterns import exact, finding_expression, stays_in_line

FEW = 16
"""So many patterns are compiled and searched faster by RE2's set than by hyperscan, which optimises for long."""


class PatternSet(Protocol):
    """Many expressions over one block of bytes."""

    @property
    def refused(self) -> Sequence[int]:
        """Numbers of expressions that the engine itself cannot take; they are searched for one by one."""

    def candidates(self, block: bytes, begin: int = 0, until: int | None = None) -> list[tuple[int, int]]:
        """(end, number), sorted, of matches in ``block[begin:until]``, as places in ``block``: for every line in which an expression matches, at least one end of a match. It may name
        lines in which the expression does not match by itself."""


class Signatures:
    """The signatures of one library, compiled. Threads may share it."""

    def __init__(self, patterns: Sequence[str], engine: PatternSet) -> None:
        self.patterns = tuple(patterns)
        self.engine = engine
        self.is_certain = tuple(stays_in_line(one) for one in self.patterns)
        """Of these, what the engine nominates needs no second look."""

    def match(self, number: int, line: bytes, start: int = 0, end: int | None = None) -> Any:
        """RE2's match of one signature in ``line[start:end]``, or None."""
        return exact(self.patterns[number]).search(line, start, len(line) if end is None else end)


def digest_of_patterns(patterns: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(patterns).encode()).hexdigest()


def compile_signatures(patterns: Sequence[str], cache_folder: Path | None = None) -> Signatures:
    """Compiled once for each list of patterns in this process; in ``cache_folder`` also for the processes that follow."""
    return _compiled(tuple(patterns), cache_folder)


@lru_cache(maxsize=8)
def _compiled(patterns: tuple[str, ...], cache_folder: Path | None) -> Signatures:
    return Signatures(patterns, best_engine(patterns, cache_folder))


def best_engine(patterns: Sequence[str], cache_folder: Path | None = None) -> PatternSet:
    from tools.logs.re2_set import Re2Set

    if len(patterns) <= FEW:
        return Re2Set(patterns)
    try:
        from tools.logs.hyperscan_set import HyperscanSet
    except ImportError:  # no wheel for this machine: slower, and the same hits
        return Re2Set(patterns)
    return HyperscanSet([finding_expression(one) for one in patterns], cache_folder)
