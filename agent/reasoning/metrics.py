"""Which metrics moved when the trouble began: series ranked by how far their level left its own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.contracts import MetricAnswer
from tools.detectors.statistics import hours_to, increase, level_shift, slope, spread
from tools.ports import Series


@dataclass(frozen=True, slots=True)
class Movement:
    """``sigmas``: by how many robust deviations the level after differs from the level before."""

    key: str
    series: Series
    sigmas: float


def rank_movements(answers: Sequence[MetricAnswer], limit: int = 10, least_sigmas: float = 4.0) -> list[Movement]:
    """The series whose level shifted most, either way; what merely wobbles is left out."""
    moved = [
        Movement(answer.key, series, shift)
        for answer in answers
        for series in answer.series
        if abs(shift := level_shift(series.points)) >= least_sigmas
    ]
    return sorted(moved, key=lambda movement: -abs(movement.sigmas))[:limit]


__all__ = ["Movement", "hours_to", "increase", "level_shift", "rank_movements", "slope", "spread"]
