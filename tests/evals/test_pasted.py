"""Own pastes in evals/pasted: other applications, other wordings and other lists than any that a rule was written from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.reasoning.candidates import read_candidates
from agent.transcript_look import diagnose_paste
from evals.measure.incidents import Case, judged_of, read_cases
from evals.scoring.incidents import Answer
from knowledge.vocabulary import Verdict
from tools.detectors.library import DetectorLibrary, load_detectors
from tools.transcript.reading import PasteReading, read_paste

FOLDER = Path(__file__).parents[2] / "evals" / "pasted"
LISTS = ("candidates.json", "candidates.snake.json", "candidates.camel.json", "candidates.chinese.json")
LEAST_FIRST, LEAST_THIRD = 0.90, 0.95


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return load_detectors()


@pytest.fixture(scope="module")
def readings() -> dict[str, tuple[Case, PasteReading]]:
    return {
        case.id: (case, read_paste(case.transcript.read_text(encoding="utf-8"), namespace=case.namespace))
        for case in read_cases(FOLDER)
    }


def translated(answer: Answer, name: str) -> Answer:
    """The lists say the same causes in the same order."""
    plain, other = (json.loads((FOLDER / each).read_text(encoding="utf-8")) for each in (LISTS[0], name))
    taxonomy, cause = other[[one[1] for one in plain].index(answer.cause)]
    return Answer(taxonomy, cause, answer.object)


@pytest.mark.parametrize("name", LISTS)
def test_pastes_are_put_into_the_words_of_the_list_whatever_its_style(
    name: str, library: DetectorLibrary, readings: dict[str, tuple[Case, PasteReading]]
) -> None:
    candidates = read_candidates(FOLDER / name)
    scores = []
    for case, reading in readings.values():
        told = diagnose_paste(reading, detectors=library, candidates=candidates, namespace=case.namespace).as_json()
        wanted = Case(case.id, case.transcript, case.question, case.namespace, translated(case.answer, name))
        scores.append(judged_of(wanted, told).score)
    assert sum(one.both1 for one in scores) / len(scores) >= LEAST_FIRST
    assert sum(one.both3 for one in scores) / len(scores) >= LEAST_THIRD


def healthy() -> list[Path]:
    return sorted((FOLDER / "healthy").glob("*.txt"))


@pytest.mark.parametrize("path", healthy(), ids=lambda path: path.stem)
def test_no_fault_is_said_of_a_healthy_cluster_with_scary_words(path: Path, library: DetectorLibrary) -> None:
    judged = diagnose_paste(read_paste(path.read_text(encoding="utf-8")), detectors=library)
    assert judged.diagnosis.verdict is Verdict.NO_FAULT
    assert judged.ranked == ()


def test_rivals_and_states_are_names_of_groups() -> None:
    from agent.reasoning.words import field_words

    words = field_words()
    heads = {group[0] for group in words["groups"]}
    assert {one for rivals in words["rivals"] for one in rivals} <= heads
    assert set(words["states"]) <= heads


def test_outputs_glued_together_without_prompts_are_told_apart() -> None:
    lines = (FOLDER / "readiness-port-0" / "transcript.txt").read_text(encoding="utf-8").replace("\r", "").splitlines()
    glued = [line.removeprefix("> ") for line in lines if line.strip() and "kubectl " not in line]
    pods = [item for item in read_paste("\n".join(glued)).objects if item["kind"] == "Pod"]
    assert 1 <= len(pods) <= 20
    assert not any(item["metadata"]["name"].endswith(":") for item in pods)
