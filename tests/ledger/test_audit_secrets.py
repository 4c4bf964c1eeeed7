"""Whatever a writer is handed, no secret stands in the audit: all of them go through one door, and it redacts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Decision,
    ExecutionStatus,
    IncidentStatus,
    Lesson,
    ManualStep,
    Role,
    Scope,
    Severity,
    StepOutcome,
    StepResult,
    Text,
)
from tests.ledger.conftest import TestClock
from tests.ledger.makers import NOON, add_approver, claimed, make_plan, make_review, make_ticket, open_incident
from tools.redaction import redact_text

PLANTED = {
    "ghp_" + "a1B2" * 9,
    "sk-" + "Zx9Q" * 8,
    "hf_" + "k7Lm" * 7,
    "AKIAIOSFODNN7EXAMPLE",
    "hunter2-Zq81",
    "s3cr3tPassw0rd",
}
TOLD = (
    "token ghp_" + "a1B2" * 9 + " key sk-" + "Zx9Q" * 8 + " hf_" + "k7Lm" * 7 + " AKIAIOSFODNN7EXAMPLE "
    "password=hunter2-Zq81 postgres://app:s3cr3tPassw0rd@db:5432/shop"
)
SAID = Text(en=TOLD, zh=f"密码：hunter2-Zq81 {TOLD}")


@pytest.fixture
def guarded(url: str, clock: TestClock) -> Iterator[Ledger]:
    with Ledger.open(url, clock, redact=redact_text) as opened:
        yield opened


def everything_in_the_audit(ledger: Ledger) -> str:
    with ledger._store.read() as session:
        return str(session.execute(text("SELECT * FROM audit ORDER BY sequence")).all())


def write_with_every_part(ledger: Ledger) -> None:
    """Each of the ledger's writers once, with secrets wherever a person or a machine may put words."""
    root = ledger.principals.add("root", [Role.ADMIN, Role.APPROVER], Scope(namespaces=(TOLD,)), actor=TOLD)
    wei = add_approver(ledger, "wei")
    token = ledger.principals.issue_token("wei", TOLD, actor=TOLD)
    ledger.principals.revoke_token("wei", TOLD, actor=TOLD)
    ledger.principals.set_roles("root", [Role.ADMIN], Scope(services=(TOLD,)), actor=TOLD)
    ledger.principals.disable("root", actor=TOLD)
    ledger.sources.add("am", "alertmanager", "bearer", "hunter2-Zq81-hunter2-Zq81", actor=TOLD)
    ledger.sources.remove("am", actor=TOLD)
    ledger.switches.freeze("prod", TOLD, TOLD)
    ledger.switches.unfreeze("prod", TOLD)
    ledger.audit.append(TOLD, "note", TOLD, {"said": TOLD, TOLD: [{"deep": TOLD}], "token": token})
    incident = ledger.tickets.open(make_ticket("tkt-9", requester="mei", text=TOLD), TOLD, Severity.HIGH)
    ledger.incidents.set_status(incident.id, IncidentStatus.EXECUTING, SAID)
    ledger.incidents.assign(incident.id, TOLD, TOLD)
    plan = make_plan(incident.id).model_copy(
        update={
            "script": f"kubectl -n serving create configmap app --from-literal=password={TOLD}\n",
            "written_by": TOLD,
            "manual_steps": (ManualStep(index=0, instruction=SAID),),
        }
    )
    ledger.plans.put(plan)
    ledger.plans.tick(plan.id, 0, root)
    review = make_review(plan)
    asked = ledger.approvals.ask(incident.id, plan.id, review, 1, TOLD, ["serving"], ["vllm"], reason=TOLD)
    ledger.approvals.vote(asked.id, wei, Decision.APPROVE, TOLD, asked.digest)
    ledger.executions.request(incident.id, plan.id, review, asked.id)
    execution, fence = claimed(ledger)
    ledger.executions.record_intent(execution.id, fence, 0, "k", TOLD)
    result = StepResult(step=0, step_key="k", outcome=StepOutcome.FAILED, message=TOLD, output=TOLD)
    ledger.executions.record_result(execution.id, fence, result)
    ledger.executions.cancel(execution.id, TOLD)
    ledger.executions.finish(execution.id, fence, ExecutionStatus.FAILED, TOLD)
    ledger.executions.request_undo(execution.id, TOLD)
    again, fence = claimed(ledger)
    ledger.executions.finish(again.id, fence, ExecutionStatus.UNDO_FAILED, TOLD)
    ledger.lessons.propose(Lesson(id="les-1", incident_id=incident.id, case_id=TOLD, markdown=TOLD, created_at=NOON))
    ledger.lessons.decide("les-1", "rejected", wei, TOLD)
    ledger.feedback.add(incident.id, wei, "wrong", TOLD)
    ledger.outcomes.record(TOLD, held=False, fault=TOLD, execution_id=TOLD)
    ledger.evidence.sweep(NOON - timedelta(days=1))
    ledger.incidents.close(incident.id, TOLD, TOLD)
    ledger.incidents.reopen(incident.id, TOLD, TOLD)
    other = open_incident(ledger, "tkt-10")
    ledger.incidents.merge(other.id, incident.id, TOLD)


def test_audit_holds_no_secret_whoever_wrote_it(guarded: Ledger) -> None:
    write_with_every_part(guarded)
    told = everything_in_the_audit(guarded)
    assert {secret for secret in PLANTED if secret in told} == set()
    assert "[redacted" in told
    assert guarded.audit.verify()[1] is None


def test_audit_export_holds_no_secret(guarded: Ledger) -> None:
    write_with_every_part(guarded)
    told = "\n".join(entry.model_dump_json() for entry in guarded.audit.export())
    assert {secret for secret in PLANTED if secret in told} == set()


def test_audit_would_show_the_planted_secrets_if_nothing_took_them_out(ledger: Ledger) -> None:
    write_with_every_part(ledger)
    told = everything_in_the_audit(ledger)
    assert {secret for secret in PLANTED if secret not in told} == set()
