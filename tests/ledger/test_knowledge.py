"""What the desk knows and learns: evidence, conclusions, plans, lessons, and the library's truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from knowledge.errors import BadInput, NotFound, WrongState
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Diagnosis,
    Finding,
    IncidentStatus,
    Layer,
    Lesson,
    ManualStep,
    ObjectRef,
    Principal,
    Ruling,
    Severity,
    Text,
    Verdict,
    Verification,
)
from tests.ledger.conftest import TestClock
from tests.ledger.makers import NOON, make_evidence, make_plan, make_review, open_incident

WEI = Principal(id="wei", name="Wei", roles=frozenset())
SAID = Text(en="said", zh="说")


def make_finding(id: str, fault: str = "image_not_found") -> Finding:
    pod = ObjectRef(cluster="prod", kind="Pod", namespace="serving", name="vllm-0")
    return Finding(
        id=id,
        fault=fault,
        layer=Layer.IMAGE,
        severity=Severity.HIGH,
        object=pod,
        title=SAID,
        explanation=SAID,
        evidence_ids=("ev-1",),
    )


def make_lesson(incident_id: str, id: str = "les-1") -> Lesson:
    return Lesson(id=id, incident_id=incident_id, case_id="case-1", markdown="# case", created_at=NOON)


def test_evidence_is_stored_once_when_two_incidents_cite_it(ledger: Ledger) -> None:
    first, second = open_incident(ledger, "tkt-1"), open_incident(ledger, "tkt-2")
    fact = make_evidence("OOMKilled")
    ledger.evidence.put_many(first.id, [fact, fact])
    ledger.evidence.put_many(second.id, [fact.model_copy(update={"observed_at": NOON + timedelta(hours=1)})])
    with ledger._store.read() as session:
        assert session.scalar(text("SELECT count(*) FROM evidence")) == 1
    assert ledger.evidence.get(fact.id) == fact
    assert ledger.evidence.for_incident(first.id) == ledger.evidence.for_incident(second.id) == [fact]
    assert ledger.evidence.incidents_citing(fact.id) == sorted([first.id, second.id])


def test_evidence_pages_in_the_order_of_gathering(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    facts = [make_evidence(f"fact {number}") for number in range(7)]
    ledger.evidence.put_many(incident.id, facts[:4])
    ledger.evidence.put_many(incident.id, facts[2:])
    first = ledger.evidence.for_incident(incident.id, limit=4)
    rest = ledger.evidence.for_incident(incident.id, limit=4, after=first[-1].id)
    assert first + rest == facts


def test_evidence_is_whole_when_collectors_write_at_once(ledger: Ledger) -> None:
    incidents = [open_incident(ledger, f"tkt-{number}") for number in range(4)]
    facts = [make_evidence(f"fact {number}") for number in range(10)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.evidence.put_many(incidents[n % 4].id, facts), range(16)))
    for incident in incidents:
        assert ledger.evidence.for_incident(incident.id) == facts


def test_sweep_forgets_old_facts_but_keeps_what_open_incidents_cite(ledger: Ledger, clock: TestClock) -> None:
    open_one, ended = open_incident(ledger, "tkt-1"), open_incident(ledger, "tkt-2")
    shared, old = make_evidence("shared"), make_evidence("old")
    ledger.evidence.put_many(open_one.id, [shared])
    ledger.evidence.put_many(ended.id, [shared, old])
    ledger.incidents.set_status(ended.id, IncidentStatus.RESOLVED, "")
    clock.advance(days=31)
    fresh = make_evidence("fresh")
    ledger.evidence.put_many(ended.id, [fresh])
    assert ledger.evidence.sweep(clock.at - timedelta(days=30)) == 1
    assert ledger.evidence.for_incident(ended.id) == [shared, fresh]
    with pytest.raises(NotFound):
        ledger.evidence.get(old.id)
    ledger.incidents.close(open_one.id, "wei", "")
    assert ledger.evidence.sweep(clock.at - timedelta(days=30)) == 1
    assert ledger.evidence.for_incident(open_one.id) == []


def test_finding_replaces_its_earlier_self(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    ledger.findings.put_many(incident.id, [make_finding("f1"), make_finding("f2")])
    ledger.findings.put_many(incident.id, [make_finding("f1", "registry_down"), make_finding("f3")])
    found = ledger.findings.for_incident(incident.id)
    assert [(finding.id, finding.fault) for finding in found] == [
        ("f1", "registry_down"),
        ("f2", "image_not_found"),
        ("f3", "image_not_found"),
    ]


def test_latest_diagnosis_stands_and_earlier_ones_are_kept(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    assert ledger.diagnoses.latest(incident.id) is None
    first = Diagnosis(verdict=Verdict.UNKNOWN, confidence=0.1, summary=SAID)
    second = Diagnosis(verdict=Verdict.NO_FAULT, confidence=0.9, summary=SAID)
    ledger.diagnoses.put(incident.id, first)
    ledger.diagnoses.put(incident.id, second)
    assert ledger.diagnoses.latest(incident.id) == second
    assert ledger.diagnoses.for_incident(incident.id) == [second, first]


def test_plan_and_review_are_written_once(ledger: Ledger) -> None:
    plan = make_plan(open_incident(ledger).id)
    ledger.plans.put(plan)
    ledger.plans.put(plan)
    with pytest.raises(WrongState):
        ledger.plans.put(plan.model_copy(update={"script": "kubectl delete ns prod"}))
    assert ledger.plans.get(plan.id) == plan
    assert ledger.plans.for_incident(plan.incident_id) == [plan]
    review = make_review(plan)
    ledger.reviews.put(review)
    ledger.reviews.put(review)
    with pytest.raises(WrongState):
        ledger.reviews.put(review.model_copy(update={"ruling": Ruling.AUTO}))
    later = make_review(plan, id="rev-2").model_copy(update={"reviewed_at": NOON + timedelta(minutes=1)})
    ledger.reviews.put(later)
    assert ledger.reviews.get("rev-1") == review
    assert ledger.reviews.latest_for_plan(plan.id) == later
    with pytest.raises(NotFound):
        ledger.reviews.put(review.model_copy(update={"id": "rev-3", "plan_id": "pln-none"}))
    with pytest.raises(WrongState):
        ledger.reviews.put(review.model_copy(update={"id": "rev-3", "cluster": "test"}))


def test_manual_step_is_ticked_once(ledger: Ledger, clock: TestClock) -> None:
    plan = make_plan(open_incident(ledger).id).model_copy(
        update={"manual_steps": (ManualStep(index=1, instruction=SAID),)}
    )
    ledger.plans.put(plan)
    [step] = ledger.plans.tick(plan.id, 1, WEI).manual_steps
    assert (step.done_by, step.done_at) == ("wei", clock.at)
    with pytest.raises(WrongState):
        ledger.plans.tick(plan.id, 1, WEI)
    with pytest.raises(NotFound):
        ledger.plans.tick(plan.id, 2, WEI)
    assert ledger.timeline.for_incident(plan.incident_id)[-1].stage == "manual_step"


def test_verification_belongs_to_an_execution_of_its_incident(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    execution = ledger.executions.request(incident.id, plan.id, make_review(plan, Ruling.AUTO))
    verification = Verification(
        execution_id=execution.id, outcome="better", summary=SAID, soak_seconds=60, verified_at=NOON
    )
    ledger.verifications.put(incident.id, verification)
    assert ledger.verifications.latest(incident.id) == verification
    with pytest.raises(NotFound):
        ledger.verifications.put(incident.id, verification.model_copy(update={"execution_id": "exe-none"}))


def test_lesson_is_decided_once(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    proposed = ledger.lessons.propose(make_lesson(incident.id))
    assert ledger.lessons.propose(proposed) == proposed
    assert ledger.lessons.list("proposed") == [proposed]
    accepted = ledger.lessons.decide("les-1", "accepted", WEI, "# better words")
    assert (accepted.status, accepted.decided_by, accepted.markdown) == ("accepted", "wei", "# better words")
    assert ledger.lessons.list("proposed") == []
    assert ledger.lessons.list(incident_id=incident.id) == [accepted]
    with pytest.raises(WrongState):
        ledger.lessons.decide("les-1", "rejected", WEI)
    with pytest.raises(NotFound):
        ledger.lessons.decide("les-none", "accepted", WEI)


def test_feedback_is_kept_in_order(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    ledger.feedback.add(incident.id, WEI, "wrong", "it was the disk")
    ledger.feedback.add(incident.id, WEI, "right")
    assert [(said.verdict, said.text) for said in ledger.feedback.for_incident(incident.id)] == [
        ("wrong", "it was the disk"),
        ("right", ""),
    ]
    verdict: Any = "maybe"
    with pytest.raises(BadInput):
        ledger.feedback.add(incident.id, WEI, verdict)


def test_outcome_is_counted_once_per_execution(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.outcomes.record("case-1", True, execution_id="exe-1")
    ledger.outcomes.record("case-1", False, execution_id="exe-2")
    ledger.outcomes.record("case-2", True)
    ledger.outcomes.record("case-2", True)
    assert ledger.outcomes.counts(["case-1", "case-2", "case-3"]) == {
        "case-1": (1, 1),
        "case-2": (2, 0),
        "case-3": (0, 0),
    }
    ledger.outcomes.record("case-1", False, execution_id="exe-1")
    assert ledger.outcomes.counts(["case-1"]) == {"case-1": (0, 2)}
    assert ledger.outcomes.counts([]) == {}


def test_library_entry_is_replaced_whole(ledger: Ledger) -> None:
    store = ledger.library_store
    store.put_entry("cases", "c1", "old", "en", {"layer": "gpu"}, [(0, "a", b"\x00\x01"), (1, "b", b"\xff")], "d1")
    store.put_entry("cases", "c1", "新", "zh", {"faults": ["x"]}, [(0, "甲", b"\x02")], "d2")
    entry = store.get("cases", "c1")
    assert entry is not None
    assert (entry.text, entry.language, entry.metadata, entry.digest) == ("新", "zh", {"faults": ["x"]}, "d2")
    assert [(chunk.chunk_no, chunk.text, chunk.vector) for chunk in entry.chunks] == [(0, "甲", b"\x02")]
    assert store.get("documents", "c1") is None
    assert store.delete("cases", "c1")
    assert not store.delete("cases", "c1")
    assert store.counts() == {}


def test_library_keeps_the_old_entry_when_the_new_one_cannot_be_written(ledger: Ledger) -> None:
    store = ledger.library_store
    store.put_entry("cases", "c1", "old", "en", {}, [(0, "a", b"\x01")], "d1")
    with pytest.raises(BadInput, match="two chunks"):
        store.put_entry("cases", "c1", "new", "en", {}, [(0, "a", b"\x01"), (0, "same number", b"\x02")], "d2")
    old = store.get("cases", "c1")
    assert old is not None
    unwritable: Any = object()
    good, bad = (
        old.model_copy(update={"text": "new"}),
        old.model_copy(update={"id": "c2", "metadata": {"x": unwritable}}),
    )
    with pytest.raises(Exception, match="not JSON serializable"):
        store.put_entries([good, bad])
    assert store.get("cases", "c1") == old
    assert store.get("cases", "c2") is None


def test_library_iterates_over_everything_in_batches(ledger: Ledger) -> None:
    store = ledger.library_store
    for number in range(3):
        store.put_entry("documents", f"d{number}", "t", "en", {}, [(0, "t", b"")], "d")
    template = store.get("documents", "d0")
    assert template is not None
    store.put_entries(
        [template.model_copy(update={"collection": "cases", "id": f"c{number:03}"}) for number in range(450)]
    )
    assert [entry.id for entry in store.iterate("cases")] == [f"c{number:03}" for number in range(450)]
    assert store.counts() == {"cases": 450, "documents": 3}
    assert store.digests("documents") == {"d0": "d", "d1": "d", "d2": "d"}
