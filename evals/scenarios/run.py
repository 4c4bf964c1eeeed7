"""Many scenarios side by side: as many processes as there are cores, each scenario in a cluster of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from agent.look import Look
from evals.scenarios.format import Scenario
from evals.scenarios.look import see
from evals.scoring.diagnosis import Score, score
from evals.scoring.said import Said, said_of
from tools.detectors.library import DetectorLibrary, load_detectors
from tools.ports import ChatModel


@dataclass(frozen=True)
class Outcome:
    """What came of one scenario, its marks filled in. ``fired`` are all findings, for the detectors' own eval."""

    scenario: Scenario
    said: Said
    score: Score
    summary: str
    total_seconds: float
    fired: tuple[tuple[str, str], ...] = ()
    """(fault, object) of every finding."""
    model_score: Score | None = None
    model_note: str = ""


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_one(scenario: Scenario, detectors: DetectorLibrary, model: ChatModel | None = None) -> Outcome:
    return asyncio.run(_run_one(scenario, detectors, model))


async def _run_one(scenario: Scenario, detectors: DetectorLibrary, model: ChatModel | None) -> Outcome:
    seen = await see(scenario, detectors)
    outcome = outcome_of(seen.scenario, seen.look, seen.total_seconds)
    if model is None:
        return outcome
    from evals.scenarios.second_reading import read_again

    asked = scenario.question or scenario.title
    diagnosis, note = await read_again(seen.look, asked.en, model)
    return replace(outcome, model_score=score(said_of(diagnosis, by_model=True), seen.scenario.truth), model_note=note)


def outcome_of(scenario: Scenario, look: Look, total_seconds: float) -> Outcome:
    said = said_of(look.diagnosis)
    return Outcome(
        scenario=scenario,
        said=said,
        score=score(said, scenario.truth),
        summary=look.diagnosis.summary.en,
        total_seconds=total_seconds,
        fired=tuple(dict.fromkeys((finding.fault, finding.object.key) for finding in look.findings)),
    )


@dataclass(frozen=True)
class _Worker:
    detectors: DetectorLibrary
    model: ChatModel | None


_WORKER: list[_Worker] = []
"""A worker process's own, filled once by its initializer."""


def _prepare(folders: tuple[Path, ...], with_model: bool) -> None:
    """Detectors are compiled once in each worker, and the platform is made by its first scenario."""
    _WORKER[:] = [_Worker(load_detectors(folders), configured_model() if with_model else None)]


def configured_model() -> ChatModel:
    """The chat model of the settings. Raises BadInput when none is configured."""
    from api.bootstrap import open_model
    from api.settings import Settings
    from knowledge.errors import BadInput

    model = open_model(Settings.load())
    if model is None:
        raise BadInput("no chat model is configured", next_step="set one in opsdesk.yaml, or leave --model out")
    return model


def _run(scenario: Scenario) -> Outcome:
    return run_one(scenario, _WORKER[0].detectors, _WORKER[0].model)


def run_all(
    scenarios: Sequence[Scenario],
    *,
    detector_folders: tuple[Path, ...] = (),
    workers: int | None = None,
    with_model: bool = False,
    on_progress: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """In the order given. A scenario that cannot be played is an error, not a miss."""
    if with_model:
        configured_model()  # a missing one is told here, once, not by every worker
    count = min(workers or cores(), len(scenarios))
    found: list[Outcome] = []
    if count <= 1:
        _prepare(detector_folders, with_model)
        for scenario in scenarios:
            found.append(_run(scenario))
            on_progress(found[-1])
        return found
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_prepare, initargs=(detector_folders, with_model)
    ) as pool:
        for outcome in pool.map(_run, scenarios):
            found.append(outcome)
            on_progress(outcome)
    return found
