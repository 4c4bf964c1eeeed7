"""Whether what is said with a confidence of 0.9 holds nine times in ten. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Answered = tuple[float, bool]
"""(confidence, whether it held)"""
BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers with a confidence in [low, high); the last bin holds 1.0 too."""

    low: float
    high: float
    n: int
    said: float
    """Mean confidence."""
    held: float
    """Share that held."""


def calibration(answers: Sequence[Answered], bins: int = BINS) -> list[Bin]:
    """The bins that hold anything, rising."""
    found = []
    for number in range(bins):
        inside = [one for one in answers if _bin_of(one[0], bins) == number]
        if inside:
            said = sum(confidence for confidence, _ in inside) / len(inside)
            held = sum(is_hit for _, is_hit in inside) / len(inside)
            found.append(Bin(number / bins, (number + 1) / bins, len(inside), said, held))
    return found


def _bin_of(confidence: float, bins: int) -> int:
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence}")
    return min(int(confidence * bins + 1e-9), bins - 1)


def expected_calibration_error(answers: Sequence[Answered], bins: int = BINS) -> float | None:
    """Mean distance between said and held, weighted by how many were said so; None without answers."""
    if not answers:
        return None
    return sum(one.n * abs(one.said - one.held) for one in calibration(answers, bins)) / len(answers)


def brier(answers: Sequence[Answered]) -> float | None:
    """Mean squared distance of confidence and outcome; None without answers."""
    if not answers:
        return None
    return sum((confidence - is_hit) ** 2 for confidence, is_hit in answers) / len(answers)
