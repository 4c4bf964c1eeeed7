"""Nouns for the ledger's tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Alert,
    ApiRequest,
    ApprovalRequest,
    Decision,
    Evidence,
    EvidenceKind,
    Execution,
    FrozenStep,
    Incident,
    Language,
    ObjectRef,
    Plan,
    Principal,
    ReversalKind,
    Review,
    Role,
    Ruling,
    Scope,
    Severity,
    Step,
    Ticket,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_alert(
    fingerprint: str = "f1",
    status: Literal["firing", "resolved"] = "firing",
    *,
    name: str = "ModelDown",
    severity: Severity = Severity.HIGH,
    cluster: str = "prod",
    namespace: str = "serving",
    service: str = "vllm",
    starts_at: datetime = NOON,
    ends_at: datetime | None = None,
    summary: str = "the model is down",
) -> Alert:
    return Alert(
        source="alertmanager",
        fingerprint=fingerprint,
        status=status,
        name=name,
        severity=severity,
        cluster=cluster,
        namespace=namespace,
        service=service,
        annotations={"summary": summary},
        starts_at=starts_at,
        ends_at=ends_at,
    )


def make_ticket(id: str = "tkt-1", *, requester: str = "mei", cluster: str = "prod", **more: Any) -> Ticket:
    defaults = {
        "text": "模型服务很慢",
        "language": Language.ZH,
        "namespace": "serving",
        "service": "vllm",
        "opened_at": NOON,
    }
    return Ticket.model_validate({"id": id, "requester": requester, "cluster": cluster} | defaults | more)


def open_incident(ledger: Ledger, id: str = "tkt-1", *, requester: str = "mei", **more: Any) -> Incident:
    return ledger.tickets.open(make_ticket(id, requester=requester, **more), "vllm is slow", Severity.MEDIUM)


def make_evidence(text: str, cluster: str = "prod") -> Evidence:
    address = Evidence.address(EvidenceKind.LOG, cluster, "pods", "logs", "", text)
    return Evidence(
        id=address, kind=EvidenceKind.LOG, cluster=cluster, source="pods", query="logs", observed_at=NOON, text=text
    )


def make_plan(incident_id: str, id: str = "pln-1", *, requester: str = "", cluster: str = "prod") -> Plan:
    return Plan(
        id=id,
        incident_id=incident_id,
        cluster=cluster,
        script="kubectl -n serving rollout restart deployment/vllm\n",
        written_by="desk",
        requester=requester,
        created_at=NOON,
    )


def make_review(plan: Plan, ruling: Ruling = Ruling.ONE, *, id: str = "rev-1", digest: str = "sha256:one") -> Review:
    target = ObjectRef(cluster=plan.cluster, kind="Deployment", namespace="serving", name="vllm")
    step = Step(index=0, action="rollout_restart", is_read=False, parameters={}, text=plan.script, line=1)
    request = ApiRequest(cluster=plan.cluster, method="PATCH", path="/apis/apps/v1/namespaces/serving/deployments/vllm")
    frozen = FrozenStep(step=step, target=target, requests=(request,), reversal=ReversalKind.SELF_HEALS)
    return Review(
        id=id,
        plan_id=plan.id,
        incident_id=plan.incident_id,
        cluster=plan.cluster,
        digest=digest,
        ruling=ruling,
        steps=(frozen,),
        reviewed_at=NOON,
    )


def add_approver(ledger: Ledger, name: str, scope: Scope | None = None, *, person: str = "") -> Principal:
    return ledger.principals.add(name, [Role.APPROVER], scope or Scope(), person=person)


def ask(
    ledger: Ledger, ruling: Ruling = Ruling.ONE, *, requester: str = "mei", **more: Any
) -> tuple[Review, ApprovalRequest]:
    """A fresh incident, its plan, and the request for its approval."""
    incident = open_incident(ledger, requester=requester)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    review = make_review(plan, ruling)
    request = ledger.approvals.ask(
        incident.id, plan.id, review, review.approvers_needed, requester, ["serving"], ["vllm"], **more
    )
    return review, request


def approved(ledger: Ledger) -> tuple[Review, str]:
    review, request = ask(ledger)
    ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.APPROVE, "", request.digest, 900)
    return review, request.id


def requested(ledger: Ledger) -> Execution:
    review, approval_id = approved(ledger)
    return ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)


def claimed(ledger: Ledger, worker: str = "w1", lease_seconds: float = 30) -> tuple[Execution, int]:
    claim = ledger.executions.claim_next(worker, lease_seconds)
    assert claim is not None
    return claim
