"""`opsdesk eval diagnosis --incidents DIR`: pasted transcripts with a closed list of causes."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.reports.table import Bars, Lines, Report, Table, percent
from evals.scoring.calibration import Answered, calibration, expected_calibration_error
from evals.scoring.incidents import Answer, Guess, IncidentScore, score_incident, totals
from knowledge.errors import BadInput
from knowledge.vocabulary import Json

_SHAPE = 'each line is {"id", "question", "namespace", "answer": {"fault_taxonomy", "fault_object", "root_cause"}}'


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    transcript: Path
    question: str
    namespace: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Judged:
    case: Case
    guesses: tuple[Guess, ...]
    score: IncidentScore
    confidence: float
    """Of the first guess; 0 without any."""


def read_cases(folder: Path) -> list[Case]:
    """Raises BadInput that names the file and the line."""
    path = folder / "answers.jsonl"
    if not path.is_file():
        raise BadInput(f"{folder} holds no answers.jsonl", next_step=_SHAPE)
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            answer = row["answer"]
            told = Answer(answer["fault_taxonomy"], answer["root_cause"], answer["fault_object"])
            case = Case(
                row["id"],
                folder / row["id"] / "transcript.txt",
                row.get("question", ""),
                row.get("namespace", ""),
                told,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}, line {number}: {type(error).__name__}: {error}", next_step=_SHAPE) from error
        if not case.transcript.is_file():
            raise BadInput(f"{path}, line {number}: {case.transcript} is not there")
        found.append(case)
    if not found:
        raise BadInput(f"{path} is empty", next_step=_SHAPE)
    return found


def measure_incidents(folder: Path) -> tuple[Json, Report]:
    judged = judge(folder)
    return totals([one.score for one in judged]), _report(judged)


def judge(folder: Path) -> list[Judged]:
    """Every case by itself; nothing of one is known when another is read."""
    from agent.reasoning.candidates import read_candidates
    from agent.transcript_look import diagnose_paste
    from tools.detectors.library import load_detectors
    from tools.transcript.reading import read_paste

    cases = read_cases(folder)
    listed = folder / "candidates.json"
    candidates = read_candidates(listed) if listed.is_file() else []
    detectors = load_detectors()
    found = []
    for case in cases:
        text = case.transcript.read_text(encoding="utf-8", errors="replace")
        began = time.perf_counter()
        reading = read_paste(text, namespace=case.namespace)
        answer = diagnose_paste(
            reading, detectors=detectors, candidates=candidates, question=case.question, namespace=case.namespace,
            began=began,
        )  # fmt: skip
        found.append(judged_of(case, answer.as_json()))
    return found


def judged_of(case: Case, told: Json) -> Judged:
    """``told`` is what `opsdesk diagnose --transcript FILE --json` prints."""
    rows: list[dict[str, Any]] = sorted(told["hypotheses"], key=lambda row: row["rank"])
    guesses = tuple(
        Guess(
            row["object"]["kind"], row["object"].get("namespace") or "", row["object"]["name"],
            (row["candidate"][0], row["candidate"][1]) if row.get("candidate") else None,
        )
        for row in rows
    )  # fmt: skip
    score = score_incident(guesses, case.answer, float(told["seconds"]))
    return Judged(case, guesses, score, float(rows[0]["confidence"]) if rows else 0.0)


def _report(judged: list[Judged]) -> Report:
    figures: Any = totals([one.score for one in judged])
    answers: list[Answered] = [(one.confidence, one.score.both1) for one in judged]
    per_taxonomy = []
    for name, count in sorted(Counter(one.case.answer.taxonomy for one in judged).items()):
        part: Any = totals([one.score for one in judged if one.case.answer.taxonomy == name])
        per_taxonomy.append(_row(name, count, part))
    bins = calibration(answers)
    return Report(
        name="incidents",
        title="Diagnosis of pasted incidents",
        intro=f"{len(judged)} incidents with a closed list of causes, without a model. p50 {figures['seconds']['p50']:.3f} s, "
        f"p95 {figures['seconds']['p95']:.3f} s.",
        parts=(
            Table("Figures", _HEADS, (_row("all", len(judged), figures), *per_taxonomy)),
            Table(
                "Calibration", ("confidence", "n", "said", "held"),
                (*((f"{one.low:.1f}–{one.high:.1f}", one.n, one.said, one.held) for one in bins),
                 ("expected error", len(answers), None, expected_calibration_error(answers))),
            ),
            Bars("Held per confidence bin (line: what was said)", tuple((f"{one.low:.1f}–{one.high:.1f}", one.held, one.said) for one in bins)),
            Lines("Misses, and what was said instead", tuple(_miss(one) for one in judged if not one.score.both1)),
        ),
    )  # fmt: skip


_HEADS = ("", "n", "object and cause top 1", "top 3", "cause top 1", "top 3")


def _row(name: str, count: int, part: Any) -> tuple[str | int, ...]:
    both, cause = part["object_and_cause"], part["cause"]
    return (name, count, percent(both["top1"]), percent(both["top3"]), percent(cause["top1"]), percent(cause["top3"]))


def _miss(one: Judged) -> str:
    said = "; ".join(
        f"{'/'.join(guess.candidate) if guess.candidate else '(not in the list)'} on {guess.kind}/{guess.name}"
        for guess in one.guesses[:3]
    )
    return f"{one.case.id}: true is {one.case.answer.cause} on {one.case.answer.object}. Said: {said or 'nothing'}"
