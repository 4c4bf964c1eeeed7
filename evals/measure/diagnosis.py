"""`opsdesk eval diagnosis` over scenarios."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from evals.reports.diagnosis import diagnosis_report, figures
from evals.reports.table import Report
from evals.scenarios.format import FOLDER, Scenario, load_scenarios
from evals.scenarios.run import Outcome, run_all
from knowledge.errors import BadInput
from knowledge.vocabulary import Json


def chosen_scenarios(folder: Path | None, only: Sequence[str]) -> list[Scenario]:
    found = load_scenarios(folder or FOLDER)
    if only:
        found = [one for one in found if any(fnmatchcase(one.id, text) or one.group == text for text in only)]
    if not found:
        raise BadInput(
            f"no scenario is named {' or '.join(only)}", next_step="--only takes an id, a pattern or a layer"
        )
    return found


def measure_diagnosis(
    folder: Path | None, only: Sequence[str] = (), *, with_model: bool = False, workers: int | None = None
) -> tuple[Json, Report]:
    scenarios = chosen_scenarios(folder, only)
    began = time.perf_counter()
    outcomes = run_all(scenarios, workers=workers, with_model=with_model, on_progress=_Progress(len(scenarios)))
    return figures(outcomes), diagnosis_report(outcomes, time.perf_counter() - began)


class _Progress:
    """One line on a terminal, nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0

    def __call__(self, outcome: Outcome) -> None:
        self._done += 1
        if sys.stderr.isatty():
            end = "\n" if self._done == self._total else ""
            sys.stderr.write(f"\r{self._done}/{self._total} {outcome.scenario.id:<50.50}{end}")
