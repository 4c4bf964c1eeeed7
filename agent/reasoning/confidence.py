"""How sure a diagnosis is: a few facts that a person can read, put through one monotone map whose numbers are fitted.

Each fact lies between 0 and 1 and may move the confidence in one direction only: more of a reason to believe never lowers it.
The numbers stand in ``calibration.yaml`` with what they were fitted on; ``python -m evals.calibrate`` makes them anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.vocabulary import ConfidencePart, Evidence, EvidenceKind, Finding, Gap, Hypothesis
from tools.detectors.library import DetectorLibrary

FILE = Path(__file__).parent / "calibration.yaml"

RISING = {
    "fault": {
        "score": +1,
        "margin": +1,
        "coverage": +1,
        "now": +1,
        "symptom": -1,
        "general": -1,
        "change": -1,
        "hidden": -1,
    },
    "no_fault": {"hidden": -1, "quiet": -1, "asked": -1},
}
"""Per verdict its facts, and whether more of one makes the verdict more or less certain."""

WIDE_MARGIN = 0.3
MANY_QUIET = 3
PARTLY_HIDDEN = 0.5
TELLING = frozenset({"logs", "events"})
"""Sources whose silence hides causes, though not whether something is wrong."""

NOW = frozenset({EvidenceKind.OBJECT, EvidenceKind.METRIC, EvidenceKind.ALERT, EvidenceKind.TRANSCRIPT})
"""Evidence that tells how things are; events, logs and changes tell what happened."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``weights[verdict][fact]``; a confidence is the logistic of intercept and weighted facts, kept within the bounds."""

    intercepts: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]]
    lowest: float
    highest: float
    highest_of_symptom: float

    def confidence(self, verdict: str, parts: Iterable[ConfidencePart]) -> float:
        """A symptom whose cause is not seen is never said as if it were one, however often it was what people wanted."""
        told = tuple(parts)
        total = self.intercepts[verdict] + sum(part.value * part.weight for part in told)
        is_symptom = max((part.value for part in told if part.name == "symptom"), default=0.0)
        highest = self.highest - (self.highest - self.highest_of_symptom) * is_symptom
        return round(min(max(1.0 / (1.0 + math.exp(-total)), self.lowest), highest), 3)

    def part(self, verdict: str, name: str, value: float, because: str) -> ConfidencePart:
        return ConfidencePart(
            name=name, value=round(value, 3), weight=self.weights[verdict].get(name, 0.0), because=because
        )


def read_calibration(told: Mapping[str, Any]) -> Calibration:
    """Raises ValueError for a weight against the direction of its fact, an unknown fact, or bounds that are none."""
    weights: dict[str, dict[str, float]] = {}
    for verdict, directions in RISING.items():
        weights[verdict] = {name: float(value) for name, value in told[verdict]["weights"].items()}
        if unknown := weights[verdict].keys() - directions.keys():
            raise ValueError(f"{verdict}: no fact is called {', '.join(sorted(unknown))}")
        for name, value in weights[verdict].items():
            if value * directions[name] < 0:
                raise ValueError(f"{verdict}: the weight of {name} is {value}, against its direction")
    bounds = tuple(float(told["bounds"][name]) for name in ("lowest", "highest_of_symptom", "highest"))
    if not 0.0 < bounds[0] < bounds[1] < bounds[2] < 1.0:
        raise ValueError(f"the bounds {bounds} do not lie between 0 and 1 in rising order")
    intercepts = {verdict: float(told[verdict]["intercept"]) for verdict in RISING}
    return Calibration(intercepts, weights, bounds[0], bounds[2], bounds[1])


@cache
def calibration() -> Calibration:
    """The numbers in force."""
    return read_calibration(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def fault_parts(
    chosen: Hypothesis,
    rivals: Sequence[Hypothesis],
    by_id: Mapping[str, Finding],
    evidence: Iterable[Evidence],
    library: DetectorLibrary,
    gaps: Sequence[Gap],
    blinding: Sequence[Gap],
) -> tuple[ConfidencePart, ...]:
    """What speaks for the chosen cause, and against it."""
    finding = by_id[chosen.finding_ids[0]]
    detector = library.by_id.get(chosen.fault)
    margin = chosen.score - rivals[0].score if rivals else WIDE_MARGIN
    coverage = next((part.value for part in chosen.parts if part.name == "coverage"), 1.0)
    cited = set(finding.evidence_ids)
    kinds = [one.kind for one in evidence if one.id in cited]
    now = sum(kind in NOW for kind in kinds) / len(kinds) if kinds else 0.0
    is_change = detector is not None and detector.is_change
    is_general = detector is not None and detector.is_general and not is_change
    part = calibration().part
    return (
        part("fault", "score", chosen.score, "the score of the cause"),
        part(
            "fault",
            "margin",
            min(max(margin, 0.0), WIDE_MARGIN) / WIDE_MARGIN,
            f"{margin:.2f} before {rivals[0].fault}" if rivals else "nothing else competes",
        ),
        part("fault", "coverage", coverage, "the share of the symptoms that it accounts for"),
        part("fault", "now", now, f"{sum(kind in NOW for kind in kinds)} of {len(kinds)} citations tell of now"),
        part("fault", "symptom", float(finding.is_symptom), "its own cause is not seen" if finding.is_symptom else "no symptom"),
        part("fault", "general", float(is_general), "a general sign" if is_general else "names one cause"),
        part("fault", "change", float(is_change), "only a change just before" if is_change else "more than a change"),
        _hidden("fault", gaps, blinding),
    )  # fmt: skip


def no_fault_parts(
    quiet: Sequence[Hypothesis], gaps: Sequence[Gap], blinding: Sequence[Gap], *, is_asked: bool
) -> tuple[ConfidencePart, ...]:
    """What speaks against "nothing is wrong": things unseen, small things seen, and that somebody names something."""
    part = calibration().part
    return (
        _hidden("no_fault", gaps, blinding),
        part("no_fault", "quiet", min(len(quiet), MANY_QUIET) / MANY_QUIET, f"{len(quiet)} things worth knowing"),
        part("no_fault", "asked", float(is_asked), "a service was named" if is_asked else "nothing was named"),
    )


def _hidden(verdict: str, gaps: Sequence[Gap], blinding: Sequence[Gap]) -> ConfidencePart:
    part = calibration().part
    if blinding:
        return part(verdict, "hidden", 1.0, f"{blinding[0].query} could not be read")
    telling = [gap for gap in gaps if gap.source in TELLING]
    if telling:
        return part(verdict, "hidden", PARTLY_HIDDEN, f"{telling[0].source}: {telling[0].reason}")
    return part(verdict, "hidden", 0.0, "everything that decides was read")


__all__ = ["RISING", "Calibration", "calibration", "fault_parts", "no_fault_parts", "read_calibration"]
