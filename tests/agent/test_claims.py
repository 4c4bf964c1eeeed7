"""A model's claims are checked by code against the evidence that they cite."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.reasoning.claims import check_claims
from agent.reasoning.second_reading import weigh
from knowledge.vocabulary import Diagnosis, Evidence, EvidenceKind, Hypothesis, ObjectRef, Text, Verdict

POD = ObjectRef(cluster="lab", kind="Pod", namespace="ai", name="web-1")
SHOWN = Evidence(
    id="ev-1",
    kind=EvidenceKind.OBJECT,
    cluster="lab",
    source="kubernetes",
    query="get pod",
    observed_at=datetime(2026, 11, 21, tzinfo=UTC),
    object=POD,
    text="web-1 phase Pending, restarts 4",
    body={"status": {"phase": "Pending", "containerStatuses": [{"restartCount": 4, "ready": False}]}},
)


def claim(object: str, predicate: str, value: str, evidence_id: str = "ev-1") -> dict[str, str]:
    return {"object": object, "predicate": predicate, "value": value, "evidence_id": evidence_id}


@pytest.mark.parametrize(
    ("given", "standing"),
    [
        (claim("Pod/ai/web-1", "status.phase", "Pending"), "holds"),
        (claim("Pod/ai/web-1", "restartCount", "4.0"), "holds"),
        (claim("Pod/ai/web-1", "containerStatuses[*].ready", "false"), "holds"),
        (claim("Pod/ai/web-1", "status.phase", "Running"), "contradicted"),
        (claim("Pod/ai/web-2", "status.phase", "Pending"), "contradicted"),
        (claim("Pod/ai/web-1", "status.phase", "Pending", "ev-9"), "opinion"),
        (claim("Pod/ai/web-1", "mood", "bad"), "opinion"),
        ({"object": "Pod/ai/web-1"}, "opinion"),
    ],
)
def test_a_claim_stands_as_its_evidence_shows(given: dict[str, str], standing: str) -> None:
    (checked,) = check_claims([given], {"ev-1": SHOWN})
    assert checked.standing == standing


def hypothesis(name: str, score: float) -> Hypothesis:
    text = Text(en=name, zh=name)
    return Hypothesis(id=name, fault=name, object=POD, title=text, explanation=text, score=score)


def offline(confidence: float) -> Diagnosis:
    return Diagnosis(
        verdict=Verdict.FAULT,
        chosen=hypothesis("h1", 0.6),
        runner_up=hypothesis("h2", 0.5),
        confidence=confidence,
        summary=Text(en="h1", zh="h1"),
    )


SECOND = {"ranking": [{"id": "h2", "why": "because"}, {"id": "h1", "why": ""}], "explanation": "h2 did it"}


def test_a_model_s_order_is_shown_but_decides_nothing_when_its_claims_do_not_hold() -> None:
    contradicted = check_claims([claim("Pod/ai/web-1", "status.phase", "Running")], {"ev-1": SHOWN})
    diagnosis = weigh(offline(0.5), SECOND, contradicted)
    assert diagnosis.chosen is not None
    assert diagnosis.chosen.id == "h1"
    assert diagnosis.model_order == ("h2", "h1")
    assert "1 contradicted" in diagnosis.model_note


def test_a_model_s_choice_becomes_ours_when_its_claims_hold_and_we_were_unsure() -> None:
    held = check_claims([claim("Pod/ai/web-1", "status.phase", "Pending")], {"ev-1": SHOWN})
    diagnosis = weigh(offline(0.5), SECOND, held)
    assert diagnosis.chosen is not None
    assert diagnosis.runner_up is not None
    assert (diagnosis.chosen.id, diagnosis.runner_up.id) == ("h2", "h1")


def test_a_sure_offline_diagnosis_is_only_contradicted_in_the_open() -> None:
    held = check_claims([claim("Pod/ai/web-1", "status.phase", "Pending")], {"ev-1": SHOWN})
    diagnosis = weigh(offline(0.9), SECOND, held)
    assert diagnosis.chosen is not None
    assert diagnosis.chosen.id == "h1"
    assert diagnosis.model_order == ("h2", "h1")


def test_invented_hypotheses_are_left_out_of_the_order() -> None:
    diagnosis = weigh(offline(0.5), {"ranking": [{"id": "h99", "why": ""}], "explanation": ""}, ())
    assert diagnosis.model_order == ()
