"""Fits the confidence to the scenarios and tells how well it holds: ``python -m evals.calibrate [--write]``.

Rules are mended on the scenarios that are read, so whole looks at them are nearly always right and teach nothing of doubt. Each
scenario is therefore looked at again as clusters often show themselves: without logs, without events, and with a fault that no
detector knows (those that name the truth are taken out). Only the fitting part is fitted; the held-out third is only reported.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import yaml

from agent.reasoning.confidence import FILE, RISING, Calibration, calibration, read_calibration
from api.bootstrap import open_collectors
from evals.scenarios.format import Scenario, load_scenarios
from evals.scenarios.look import see
from evals.scenarios.run import cores
from evals.scoring.calibration import Answered, brier, expected_calibration_error
from evals.scoring.calibration import calibration as bins_of
from evals.scoring.diagnosis import score
from evals.scoring.logistic import Fitted, Looked, fit
from evals.scoring.said import said_of
from knowledge.vocabulary import Focus, Gap, Json
from tools.contracts import Collector, Gathered
from tools.detectors.library import DetectorLibrary, load_detectors
from tools.ports import Clock, Cluster

COUNTS: Mapping[str, float] = {"whole": 1.0, "without logs": 0.15, "without events": 0.15, "unknown fault": 0.15}
"""The ways of looking, and how much each counts: about one look in three lacks something, whichever scenario it is."""

BOUNDS = {"lowest": 0.05, "highest_of_symptom": 0.45, "highest": 0.97}
UNSEEN = {"fault": {"hidden": -1.0}, "no_fault": {"hidden": -2.0, "quiet": -0.3, "asked": -0.3}}
"""The least that a fact weighs where the scenarios hardly show it: set by judgement."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Stands in for a collector that may not read."""

    id: str
    needs: tuple[str, ...] = ()

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:  # noqa: ARG002
        return Gathered(gaps=[Gap(source=self.id, query=self.id, reason="access denied")])


@dataclass(frozen=True, slots=True)
class Play:
    """One way of looking at one scenario, and what came of it; a verdict of unknown claims nothing."""

    scenario: str
    way: str
    is_held_out: bool
    verdict: str
    facts: dict[str, float]
    is_hit: bool


def ways_of(scenario: Scenario) -> list[str]:
    return [way for way in COUNTS if way != "unknown fault" or scenario.truth.faults]


_LIBRARY: list[DetectorLibrary] = []
"""A worker process's own, filled once."""


def _prepare() -> None:
    _LIBRARY[:] = [load_detectors()]


def play(scenario: Scenario) -> list[Play]:
    """The scenario in every way that it has."""
    library = _LIBRARY[0]
    return [
        _play(scenario, way, _known(scenario, library) if way == "unknown fault" else library)
        for way in ways_of(scenario)
    ]


def _known(scenario: Scenario, library: DetectorLibrary) -> DetectorLibrary:
    named = {cause for fault in scenario.truth.faults for cause in fault.causes}
    return DetectorLibrary([one for one in library.by_id.values() if one.id not in named])


def _play(scenario: Scenario, way: str, library: DetectorLibrary) -> Play:
    seen = asyncio.run(see(scenario, library, _collectors(way)))
    diagnosis = seen.look.diagnosis
    return Play(
        scenario=scenario.id,
        way=way,
        is_held_out=scenario.is_held_out,
        verdict=diagnosis.verdict.value,
        facts={part.name: part.value for part in diagnosis.confidence_parts},
        is_hit=score(said_of(diagnosis), seen.scenario.truth).is_hit,
    )


def _collectors(way: str) -> list[Collector]:
    withheld = way.removeprefix("without ")
    return [Withheld(one.id) if one.id == withheld else one for one in open_collectors()]


def play_all(scenarios: Sequence[Scenario], workers: int) -> Iterator[Play]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare) as pool:
        for number, plays in enumerate(pool.map(play, scenarios), start=1):
            sys.stderr.write(f"\r{number}/{len(scenarios)}" if sys.stderr.isatty() else "")
            yield from plays


def fitted(plays: Sequence[Play], verdict: str) -> Fitted:
    """From the fitting part alone."""
    looks = [
        Looked(one.facts, one.is_hit, COUNTS[one.way])
        for one in plays
        if one.verdict == verdict and not one.is_held_out
    ]
    found = fit(looks, RISING[verdict])
    for name, least in UNSEEN[verdict].items():
        if abs(found.weights[name]) < abs(least):
            found.weights[name] = least
    return found


def told(plays: Sequence[Play]) -> Json:
    """The content of ``calibration.yaml``."""
    part = [one for one in plays if not one.is_held_out]
    found: Json = {
        "provenance": {
            "fitted_by": "python -m evals.calibrate --write",
            "fitted_at": f"{datetime.now(UTC):%Y-%m-%d}",
            "scenarios": len({one.scenario for one in part}),
            "looks": len(part),
            "counts": dict(COUNTS),
            "set_by_judgement_at_least": {verdict: dict(least) for verdict, least in UNSEEN.items()},
        },
        "bounds": dict(BOUNDS),
    }
    for verdict in RISING:
        one = fitted(plays, verdict)
        weights = {name: round(value, 3) for name, value in one.weights.items()}
        found[verdict] = {"intercept": round(one.intercept, 3), "weights": weights}
    return found


def answers(plays: Sequence[Play], numbers: Calibration) -> list[Answered]:
    """What would have been said with those numbers, and whether it held."""
    found = []
    for one in plays:
        if one.verdict not in RISING:
            continue
        parts = [numbers.part(one.verdict, name, value, "") for name, value in one.facts.items()]
        found.append((numbers.confidence(one.verdict, parts), one.is_hit))
    return found


def report(plays: Sequence[Play], numbers: Calibration) -> str:
    """Bins, expected error and Brier score per part and way, as Markdown."""
    lines = ["| part | way | confidence | n | said | held |", "|---|---|---|---|---|---|"]
    for part, is_held_out in (("fitted", False), ("held out", True)):
        for way, ways in (("whole", ("whole",)), ("all ways", tuple(COUNTS))):
            found = answers([one for one in plays if one.is_held_out == is_held_out and one.way in ways], numbers)
            lines += [
                f"| {part} | {way} | {one.low:.1f}–{one.high:.1f} | {one.n} | {one.said:.3f} | {one.held:.3f} |"
                for one in bins_of(found)
            ]
            error, squared = expected_calibration_error(found) or 0.0, brier(found) or 0.0
            lines.append(f"| {part} | {way} | expected error {error:.3f}, Brier {squared:.3f} | {len(found)} | | |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.calibrate", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the fitted numbers to {FILE.name}")
    parser.add_argument("--workers", type=int, default=0, help="as many as cores by default")
    given = parser.parse_args(arguments)
    plays = list(play_all(load_scenarios(), given.workers or cores()))
    content = told(plays)
    if given.write:
        FILE.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    sys.stdout.write(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    for name, numbers in (("in force before", calibration()), ("fitted now", read_calibration(content))):
        sys.stdout.write(f"\n{name}\n\n{report(plays, numbers)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
