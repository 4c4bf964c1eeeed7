"""`opsdesk eval detectors`: every detector on its own specimens, and what fires over the scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.measure.diagnosis import chosen_scenarios
from evals.reports.table import Lines, Report, Table
from evals.scenarios.run import Outcome, run_all
from evals.scoring.detectors import never_found, tally
from knowledge.vocabulary import Json
from tools.detectors.library import DetectorLibrary, load_detectors
from tools.detectors.specimen import snapshot_of


@dataclass(frozen=True, slots=True)
class Trial:
    """A detector on its specimens: how many there are, and which were judged otherwise than they say."""

    fault: str
    layer: str
    yes: int
    no: int
    wrong: tuple[str, ...] = ()


def on_specimens(library: DetectorLibrary) -> list[Trial]:
    found = []
    for fault, detector in sorted(library.by_id.items()):
        specimens = detector.form.specimens
        wrong = [f"yes[{number}]" for number, one in enumerate(specimens.yes) if not detector.detect(snapshot_of(one))]
        wrong += [f"no[{number}]" for number, one in enumerate(specimens.no) if detector.detect(snapshot_of(one))]
        found.append(Trial(fault, detector.layer.value, len(specimens.yes), len(specimens.no), tuple(wrong)))
    return found


def measure_detectors(
    folder: Path | None, only: Sequence[str] = (), *, workers: int | None = None
) -> tuple[Json, Report]:
    library = load_detectors()
    trials = on_specimens(library)
    outcomes = run_all(chosen_scenarios(folder, only), workers=workers)
    return figures(trials, outcomes, library), _report(trials, outcomes, library)


def figures(trials: Sequence[Trial], outcomes: Sequence[Outcome], library: DetectorLibrary) -> Json:
    counts = tally((one.scenario.truth, one.fired) for one in outcomes)
    return {
        "detectors": len(trials),
        "specimens": {"yes": sum(one.yes for one in trials), "no": sum(one.no for one in trials)},
        "wrong_on_specimens": {one.fault: list(one.wrong) for one in trials if one.wrong},
        "fired": {
            fault: {**asdict(one), "is_symptom": _is_symptom(library, fault)} for fault, one in sorted(counts.items())
        },
        "fired_on_healthy": sorted(fault for fault, one in counts.items() if one.on_healthy),
        "never_found": never_found((one.scenario.id, one.scenario.truth, one.fired) for one in outcomes),
    }


def _is_symptom(library: DetectorLibrary, fault: str) -> bool:
    return fault in library.by_id and library.by_id[fault].form.is_symptom


def _report(trials: Sequence[Trial], outcomes: Sequence[Outcome], library: DetectorLibrary) -> Report:
    told = figures(trials, outcomes, library)
    layers = sorted({one.layer for one in trials})
    per_layer = tuple(
        (
            layer,
            len(rows),
            sum(one.yes for one in rows),
            sum(one.no for one in rows),
            sum(bool(one.wrong) for one in rows),
        )
        for layer in layers
        for rows in [[one for one in trials if one.layer == layer]]
    )
    counts = tally((one.scenario.truth, one.fired) for one in outcomes)
    fired = tuple(
        (fault, _is_symptom(library, fault), one.right, one.beside, one.on_healthy, one.precision)
        for fault, one in sorted(counts.items())
    )
    return Report(
        name="detectors",
        title="Detectors",
        intro=f"{len(trials)} detectors on their own specimens, and over {len(outcomes)} scenarios.",
        parts=(
            Table("Specimens per layer", ("layer", "detectors", "yes", "no", "detectors with a wrong one"), per_layer),
            Lines("Wrong on their own specimens", tuple(f"{one.fault}: {', '.join(one.wrong)}" for one in trials if one.wrong)),
            Table("Fired over the scenarios", ("fault", "symptom", "right", "beside", "on healthy", "precision"), fired),
            Lines("Fired on a healthy cluster", tuple(told["fired_on_healthy"])),
            Lines("Scenarios in which nothing names a true fault", tuple(told["never_found"])),
        ),
    )  # fmt: skip
