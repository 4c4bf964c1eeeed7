"""What reports sum over, on both engines; and that diagnoses of before the narrow table are in it."""

from __future__ import annotations

import json
from datetime import timedelta

from alembic import command
from sqlalchemy import create_engine, text

from knowledge.ledger.connection import WRITES, connect, parse_url
from knowledge.ledger.ids import first_id, new_id
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.model_calls import ModelCall
from knowledge.ledger.schema import configuration
from knowledge.vocabulary import Diagnosis, Finding, Hypothesis, Layer, ObjectRef, Scope, Severity, Text, Verdict
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, ask, open_incident

BOTH = Text(en="so", zh="如此")
ABOUT = ObjectRef(cluster="prod", kind="Deployment", namespace="serving", name="vllm")
SERVING = Scope(namespaces=("serv*",), services=("vllm",))


def diagnosed(ledger: Ledger, incident_id: str, fault: str = "oom") -> None:
    chosen = Hypothesis(id="h", fault=fault, object=ABOUT, title=BOTH, explanation=BOTH, score=1.0)
    ledger.diagnoses.put(
        incident_id, Diagnosis(verdict=Verdict.FAULT, chosen=chosen, confidence=0.8, summary=BOTH, seconds=0.5)
    )
    finding = Finding(
        id=f"f-{fault}", fault=fault, layer=Layer.VLLM, severity=Severity.HIGH, object=ABOUT, title=BOTH,
        explanation=BOTH, evidence_ids=(),
    )  # fmt: skip
    ledger.findings.put_many(incident_id, [finding])


def test_rows_of_reports_are_those_of_the_time_and_the_scope(ledger: Ledger, clock: TestClock) -> None:
    since, until = clock.at - timedelta(days=1), clock.at + timedelta(days=1)
    _, request = ask(ledger)
    other = open_incident(ledger, "tkt-2", requester="li", namespace="secret", service="hidden")
    person = add_approver(ledger, "wei")
    for one in (request.incident_id, other.id):
        clock.advance(minutes=1)
        diagnosed(ledger, one)
        diagnosed(ledger, one, "kv_cache_full")
        ledger.feedback.add(one, person, "wrong")
        ledger.feedback.add(one, person, "right")
        ledger.model_calls.add(ModelCall(incident_id=one, profile="p", outcome="answered", cost=0.25))
    figures = ledger.figures
    (fact,) = figures.incidents(SERVING, since, until)
    assert fact.id == request.incident_id
    assert (fact.first and fact.first.fault, fact.last and fact.last.fault) == ("oom", "kv_cache_full")
    assert len(figures.incidents(Scope(), since, until)) == 2
    assert figures.incidents(Scope(), since - timedelta(days=9), since) == []
    (said,) = figures.feedback(SERVING, since, until)
    assert (said.verdict, said.last and said.last.fault) == ("right", "kv_cache_full")
    hits = {hit.fault: (hit.incidents, hit.lately) for hit in figures.hits(SERVING, since, until, until)}
    assert hits == {"oom": (1, 0), "kv_cache_full": (1, 0)}
    assert [one.request.id for one in figures.approvals(SERVING, since, until)] == [request.id]
    assert [one.cost for one in figures.model_calls(SERVING, since, until)] == [0.25]
    assert len(figures.model_calls(Scope(), since, until)) == 2
    assert set(figures.first_answers([request.incident_id, other.id, "inc-unknown"])) == {request.incident_id, other.id}


def test_first_id_parts_what_came_before_a_moment_from_what_came_after(clock: TestClock) -> None:
    before, after = new_id("x", clock.at - timedelta(seconds=1)), new_id("x", clock.at + timedelta(days=900))
    assert before < first_id("x", clock.at) <= after


def test_diagnoses_of_before_are_concluded_when_the_schema_is_upgraded(empty_url: str, clock: TestClock) -> None:
    upgrade_to(empty_url, "0008")
    chosen = {"fault": "oom", "object": {"kind": "Deployment", "namespace": "serving", "name": "vllm"}}
    payload = {
        "verdict": "fault",
        "confidence": 0.7,
        "seconds": 0.2,
        "chosen": chosen,
        "summary": {"en": "a", "zh": "b"},
    }
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        incident = {
            "id": "inc-1", "title": "t", "status": "resolved", "severity": "high", "cluster": "prod",
            "namespace": "serving", "service": "vllm", "language": "en", "opened_by": "alert", "requester": "",
            "assignee": "", "reason": "", "merged_into": "", "opened_at": clock.at.replace(tzinfo=None).isoformat(" "),
            "updated_at": clock.at.replace(tzinfo=None).isoformat(" "), "version": 0, "timeline_length": 0,
        }  # fmt: skip
        columns, values = ", ".join(incident), ", ".join(f":{name}" for name in incident)
        connection.execute(text(f"INSERT INTO incident ({columns}) VALUES ({values})"), incident)
        for name, told in (("dia-1", payload), ("dia-2", {"verdict": "unknown", "chosen": None, "confidence": 0.1})):
            row = {"id": name, "at": clock.at.replace(tzinfo=None).isoformat(" "), "payload": json.dumps(told)}
            connection.execute(
                text("INSERT INTO diagnosis (id, incident_id, at, payload) VALUES (:id, 'inc-1', :at, :payload)"), row
            )
    engine.dispose()
    Ledger.upgrade(empty_url)
    with Ledger.open(empty_url, clock) as ledger:
        (fact,) = ledger.figures.incidents(Scope(), clock.at - timedelta(days=1), clock.at + timedelta(days=1))
    assert fact.first is not None
    assert (fact.first.fault, fact.first.object_key, fact.first.confidence) == ("oom", "Deployment/serving/vllm", 0.7)
    assert fact.last is not None
    assert (fact.last.verdict, fact.last.fault) == ("unknown", "")


def upgrade_to(url: str, revision: str) -> None:
    engine = connect(parse_url(url), busy_seconds=60).execution_options(**{WRITES: True})
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
