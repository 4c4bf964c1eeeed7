"""Many scenarios side by side: as many processes as there are cores, each scenario in a cluster of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from agent.look import Look
from evals.scenarios.format import Scenario
from evals.scenarios.look import see
from evals.scoring.diagnosis import Score, score
from evals.scoring.said import Said, said_of
from tools.detectors.library import DetectorLibrary, load_detectors


@dataclass(frozen=True)
class Outcome:
    """What came of one scenario. ``fired`` are all findings, for the detectors' own eval."""

    scenario: Scenario
    said: Said
    score: Score
    summary: str
    total_seconds: float
    fired: tuple[tuple[str, str], ...] = ()
    """(fault, object) of every finding."""
    with_model: Said | None = None
    model_score: Score | None = None
    model_note: str = ""
    gaps: tuple[str, ...] = field(default=())


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_one(scenario: Scenario, detectors: DetectorLibrary) -> Outcome:
    seen = asyncio.run(see(scenario, detectors))
    return outcome_of(seen.scenario, seen.look, seen.total_seconds)


def outcome_of(scenario: Scenario, look: Look, total_seconds: float) -> Outcome:
    """``scenario`` with its marks filled in."""
    said = said_of(look.diagnosis)
    return Outcome(
        scenario=scenario,
        said=said,
        score=score(said, scenario.truth),
        summary=look.diagnosis.summary.en,
        total_seconds=total_seconds,
        fired=tuple(dict.fromkeys((finding.fault, finding.object.key) for finding in look.findings)),
        gaps=tuple(f"{gap.source} {gap.query}: {gap.reason}" for gap in look.diagnosis.gaps),
    )


_LIBRARY: list[DetectorLibrary] = []


def _prepare(folders: tuple[Path, ...]) -> None:
    """Once in each worker: detectors are compiled, and the platform is made by the first scenario."""
    _LIBRARY[:] = [load_detectors(folders)]


def _run(scenario: Scenario) -> Outcome:
    return run_one(scenario, _LIBRARY[0])


def run_all(
    scenarios: Sequence[Scenario],
    *,
    detector_folders: tuple[Path, ...] = (),
    workers: int | None = None,
    on_progress: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """In the order given. A scenario that cannot be played is an error, not a miss."""
    count = min(workers or cores(), len(scenarios))
    if count <= 1:
        _prepare(detector_folders)
        found = []
        for scenario in scenarios:
            found.append(_run(scenario))
            on_progress(found[-1])
        return found
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_prepare, initargs=(detector_folders,)) as pool:
        found = []
        for outcome in pool.map(_run, scenarios, chunksize=1):
            on_progress(outcome)
            found.append(outcome)
        return found
