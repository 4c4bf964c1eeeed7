"""The report of the scenarios: per layer, calibration, false faults, what was missed and what was said instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from evals.reports.table import Bars, Lines, Report, Table, percent
from evals.scenarios.run import Outcome
from evals.scoring.calibration import Answered, calibration, expected_calibration_error
from evals.scoring.diagnosis import Score, Summary, summarise
from knowledge.vocabulary import Json

HALVES = ("all", "seen", "held out")


def part_of(outcomes: Sequence[Outcome], half: str) -> list[Outcome]:
    if half == "all":
        return list(outcomes)
    return [one for one in outcomes if one.scenario.is_held_out == (half == "held out")]


def answered(outcomes: Sequence[Outcome]) -> list[Answered]:
    """What was said with a confidence, and whether it held; 'unknown' claims nothing."""
    return [(one.score.confidence, one.score.is_hit) for one in outcomes if not one.score.is_unsure]


def figures(outcomes: Sequence[Outcome]) -> Json:
    """Everything that the report shows, for a machine."""
    layers = sorted({one.scenario.group for one in outcomes})
    held_out = answered(part_of(outcomes, "held out"))
    found: Json = {
        **{half.replace(" ", "_"): asdict(summarise(_scores(part_of(outcomes, half)))) for half in HALVES},
        "layers": {layer: asdict(summarise(_scores(_of(outcomes, layer)))) for layer in layers},
        "calibration": {
            "expected_error": expected_calibration_error(answered(outcomes)),
            "expected_error_held_out": expected_calibration_error(held_out),
            "bins": [asdict(one) for one in calibration(answered(outcomes))],
            "bins_held_out": [asdict(one) for one in calibration(held_out)],
        },
        "misses": [one.scenario.id for one in outcomes if is_miss(one.score)],
    }
    if with_model := [one.model_score for one in outcomes if one.model_score is not None]:
        found["with_model"] = asdict(summarise(with_model))
    return found


def _scores(outcomes: Sequence[Outcome]) -> list[Score]:
    return [one.score for one in outcomes]


def _of(outcomes: Sequence[Outcome], layer: str) -> list[Outcome]:
    return [one for one in outcomes if one.scenario.group == layer]


def is_miss(score: Score) -> bool:
    return not (score.is_verdict_right and score.top1 in (None, True))


def diagnosis_report(outcomes: Sequence[Outcome], seconds: float) -> Report:
    layers = sorted({one.scenario.group for one in outcomes})
    by_layer = [(layer, summarise(_scores(_of(outcomes, layer)))) for layer in layers]
    overall = summarise(_scores(outcomes))
    bins = calibration(answered(outcomes))
    return Report(
        name="diagnosis",
        title="Diagnosis over the scenarios",
        intro=(
            f"{overall.n} scenarios on the practice cluster ({overall.faults} with faults, {overall.healthy} healthy with "
            f"noise), played and looked at in {seconds:.0f} s. A hit names the object and the cause. Held out: a third, chosen "
            "by the id, that nothing is tuned by."
        ),
        parts=(
            Table("Figures", ("", *_HEADS), tuple(_summary_row(half, summarise(_scores(part_of(outcomes, half)))) for half in HALVES)),
            Table("Per layer", ("layer", *_HEADS), tuple(_summary_row(layer, one) for layer, one in by_layer)),
            Bars("Top 1 per layer", tuple((layer, one.top1, None) for layer, one in by_layer if one.top1 is not None)),
            _calibration_table(outcomes),
            Bars("Held per confidence bin (line: what was said)", tuple((f"{one.low:.1f}–{one.high:.1f} (n={one.n})", one.held, one.said) for one in bins)),
            *_model_part(outcomes),
            Lines("False faults on healthy clusters", tuple(_miss(one) for one in outcomes if one.score.is_false_fault)),
            Lines("Misses, and what was said instead", tuple(_miss(one) for one in outcomes if is_miss(one.score))),
        ),
    )  # fmt: skip


_HEADS = (
    "n",
    "verdict",
    "top 1",
    "top 3",
    "cause top 1",
    "object top 1",
    "all of several",
    "chain",
    "false faults",
    "unsure",
    "p50 s",
    "p95 s",
)


def _summary_row(name: str, one: Summary) -> tuple[str | int | float | None, ...]:
    return (
        name, one.n, percent(one.verdict), percent(one.top1), percent(one.top3), percent(one.cause1), percent(one.object1),
        percent(one.found_all), percent(one.chain), f"{one.false_faults} of {one.healthy}", one.unsure, one.p50_seconds,
        one.p95_seconds,
    )  # fmt: skip


def _calibration_table(outcomes: Sequence[Outcome]) -> Table:
    rows: list[tuple[str | int | float | None, ...]] = []
    for half in HALVES:
        found = answered(part_of(outcomes, half))
        rows += [(half, f"{one.low:.1f}–{one.high:.1f}", one.n, one.said, one.held) for one in calibration(found)]
        rows.append((half, "expected error", len(found), None, expected_calibration_error(found)))
    return Table("Calibration", ("scenarios", "confidence", "n", "said", "held"), tuple(rows))


def _model_part(outcomes: Sequence[Outcome]) -> tuple[Table, ...]:
    scores = [one.model_score for one in outcomes if one.model_score is not None]
    if not scores:
        return ()
    rows = (_summary_row("offline", summarise(_scores(outcomes))), _summary_row("with a model", summarise(scores)))
    return (Table("Offline and with a model", ("", *_HEADS), rows),)


def _miss(one: Outcome) -> str:
    truth = (
        "; ".join(f"{'|'.join(fault.causes)} on {fault.object}" for fault in one.scenario.truth.faults) or "no fault"
    )
    said = "; ".join(f"{each.fault} on {each.object}" for each in one.said.ranked[:3]) or one.said.verdict
    return f"{one.scenario.group}/{one.scenario.id}: true is {truth}. Said ({one.said.confidence:.2f}): {said}"
