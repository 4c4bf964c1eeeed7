"""Which detectors fire where they should, over scenarios whose truth is known. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from evals.scenarios.format import Truth
from evals.scoring.diagnosis import has_object
from evals.scoring.said import Candidate

Fired = tuple[tuple[str, str], ...]
"""(fault, object) of each finding of one scenario."""


@dataclass(slots=True)
class Tally:
    """Over all scenarios. ``right``: it names a true fault on its object. ``beside``: it fires on another object or with another
    fault in a scenario that has one (a symptom does so rightly). ``on_healthy``: in a cluster without a fault."""

    right: int = 0
    beside: int = 0
    on_healthy: int = 0

    @property
    def precision(self) -> float | None:
        """Of the scenarios where it fired, how many held what it names; symptoms aside this should be high."""
        total = self.right + self.beside + self.on_healthy
        return self.right / total if total else None


def tally(scenarios: Iterable[tuple[Truth, Fired]]) -> dict[str, Tally]:
    """One count for each scenario and fault, at its best: right beats beside."""
    found: dict[str, Tally] = defaultdict(Tally)
    for truth, fired in scenarios:
        for fault in dict.fromkeys(name for name, _ in fired):
            objects = [at for name, at in fired if name == fault]
            if truth.verdict == "no_fault":
                found[fault].on_healthy += 1
            elif any(is_true(fault, at, truth) for at in objects):
                found[fault].right += 1
            else:
                found[fault].beside += 1
    return dict(found)


def is_true(fault: str, at: str, truth: Truth) -> bool:
    return any(fault in one.causes and has_object(Candidate(fault, at), one) for one in truth.faults)


def never_found(scenarios: Iterable[tuple[str, Truth, Fired]]) -> list[str]:
    """Scenarios in which no finding at all names a true fault: no ranking could have saved them."""
    return [
        name for name, truth, fired in scenarios
        if truth.verdict == "fault" and not any(is_true(fault, at, truth) for fault, at in fired)
    ]  # fmt: skip
