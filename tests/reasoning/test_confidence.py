"""The confidence: a monotone map of facts that a person can read, with numbers that say where they come from."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.reasoning.confidence import FILE, RISING, Calibration, calibration, read_calibration
from agent.reasoning.diagnosis import conclude
from knowledge.vocabulary import ConfidencePart, Focus, Gap, Verdict
from tests.shared_library import shared_library
from tools.detectors.specimen import CLUSTER, NOW, snapshot_of

TOLD: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
MISSING = "RuntimeError: CUDA error: out of memory"


def parts_of(numbers: Calibration, verdict: str, facts: dict[str, float]) -> list[ConfidencePart]:
    return [numbers.part(verdict, name, value, "") for name, value in facts.items()]


def facts_of(verdict: str) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({name: st.floats(0, 1) for name in RISING[verdict]})


@pytest.mark.parametrize("verdict", RISING)
@given(data=st.data())
def test_confidence_moves_in_the_direction_of_each_fact_and_stays_in_bounds(verdict: str, data: st.DataObject) -> None:
    numbers = calibration()
    facts = data.draw(facts_of(verdict))
    name = data.draw(st.sampled_from(sorted(facts)))
    raised = {**facts, name: data.draw(st.floats(facts[name], 1))}
    before = numbers.confidence(verdict, parts_of(numbers, verdict, facts))
    after = numbers.confidence(verdict, parts_of(numbers, verdict, raised))
    assert (after - before) * RISING[verdict][name] >= 0
    assert numbers.lowest <= before <= numbers.highest


def test_numbers_in_force_say_where_they_come_from() -> None:
    source = TOLD["provenance"]
    assert source["fitted_by"] == "python -m evals.calibrate --write"
    assert source["looks"] > source["scenarios"] > 100


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("fault", "weights", "symptom"), 0.5, "against its direction"),
        (("no_fault", "weights", "moon"), 0.5, "no fact is called moon"),
        (("bounds", "lowest"), 0.99, "do not lie"),
    ],
)
def test_numbers_are_refused_when_they_would_break_a_promise(
    path: tuple[str, ...], value: float, complaint: str
) -> None:
    told = copy.deepcopy(TOLD)
    place = told
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=complaint):
        read_calibration(told)


def crashing() -> dict[str, Any]:
    return {"pods": {"llm-1": "crashing"}, "logs": [{"pod": "llm-1", "previous": True, "text": MISSING}]}


def test_parts_that_a_person_reads_make_up_the_confidence() -> None:
    snapshot = snapshot_of(crashing())
    diagnosis = conclude(shared_library().detect(snapshot), snapshot, shared_library())
    assert diagnosis.confidence == calibration().confidence("fault", diagnosis.confidence_parts)
    assert {part.name for part in diagnosis.confidence_parts} == set(RISING["fault"])
    assert all(part.because for part in diagnosis.confidence_parts)


def test_cause_is_less_certain_when_logs_could_not_be_read() -> None:
    whole, partly = snapshot_of(crashing()), snapshot_of(crashing())
    partly.add_gap(Gap(source="logs", query="logs default/llm-1 main", reason="access denied"))
    sure, less = (conclude(shared_library().detect(one), one, shared_library()) for one in (whole, partly))
    assert less.confidence < sure.confidence


def test_no_fault_is_less_certain_when_something_was_unseen_or_somebody_names_a_service() -> None:
    def said(*, focus: Focus | None = None, has_gap: bool = False) -> float:
        snapshot = snapshot_of({"pods": {"web-1": "well"}})
        if has_gap:
            snapshot.add_gap(Gap(source="events", query="events", reason="access denied"))
        diagnosis = conclude(shared_library().detect(snapshot), snapshot, shared_library(), focus=focus)
        assert diagnosis.verdict is Verdict.NO_FAULT
        return diagnosis.confidence

    named = Focus(cluster=CLUSTER, services=("web",), since=NOW, until=NOW)
    assert said() > said(focus=named)
    assert said() > said(has_gap=True)
