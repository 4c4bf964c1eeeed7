"""Everything about one incident, as its reader may see it: the API's answer and the page are made of the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from api.bootstrap import Desk
from api.web.deciding import MayDecide, may_decide
from api.web.scoping import names_beyond, names_outside, narrowed, sees_all
from knowledge.errors import NotFound
from knowledge.ledger.values import AlertRecord, Feedback
from knowledge.vocabulary import (
    ApprovalRequest,
    Diagnosis,
    Execution,
    Finding,
    Incident,
    Json,
    Lesson,
    Plan,
    Principal,
    Review,
    Scope,
    Text,
    Ticket,
    TimelineEntry,
    Verification,
)

MOST_ALERTS = 500
Value = TypeVar("Value", bound=BaseModel)


class AlertView(BaseModel):
    """An alert and what became of it."""

    alert_id: str
    name: str
    status: str
    fate: str
    severity: str
    summary: str
    source: str
    fingerprint: str
    cluster: str
    namespace: str
    service: str
    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str
    starts_at: datetime
    ends_at: datetime | None
    resends: int
    received_at: datetime
    seen_at: datetime


class Dossier(BaseModel):
    """``approval`` is the latest request for the latest plan; ``may_decide`` says whether the asker may vote on it."""

    incident: Incident
    alerts: list[AlertView]
    tickets: list[Ticket]
    diagnosis: Diagnosis | None
    diagnosis_is_hidden: bool
    """There is a diagnosis, but its cause lies outside the asker's scope."""
    findings: list[Finding]
    plan: Plan | None
    review: Review | None
    approval: ApprovalRequest | None
    may_decide: MayDecide | None
    execution: Execution | None
    verification: Verification | None
    lesson: Lesson | None
    feedback: list[Feedback]


def open_dossier(desk: Desk, principal: Principal, incident: Incident) -> Dossier:
    """Reads the ledger part by part. Blocking."""
    ledger = desk.ledger
    within = _Narrowing(principal.scope, incident.cluster, names_outside(desk, principal, incident))
    proposed, review, approval = latest_proposal(desk, incident)
    plan = within(proposed)
    executions = [one for one in ledger.executions.for_incident(incident.id) if plan and one.plan_id == plan.id]
    verifications = ledger.verifications.for_incident(incident.id)
    lessons = ledger.lessons.list(incident_id=incident.id, limit=1)
    diagnosis = ledger.diagnoses.latest(incident.id)
    shown = within(diagnosis)
    is_hidden = bool(diagnosis and diagnosis.chosen and not (shown and shown.chosen))
    alerts = ledger.alerts.list(MOST_ALERTS, incident_id=incident.id, reach=principal.scope)
    return Dossier(
        incident=within(incident) or incident,
        alerts=[alert_view(record) for record in alerts],
        tickets=within.each(ledger.tickets.for_incident(incident.id)),
        diagnosis=None if is_hidden else shown,
        diagnosis_is_hidden=is_hidden,
        findings=within.each(ledger.findings.for_incident(incident.id)),
        plan=plan,
        review=within(review),
        approval=within(approval),
        may_decide=may_decide(desk, principal, approval, incident) if approval else None,
        execution=within(executions[0]) if executions else None,
        verification=within(_of_execution(verifications, executions)),
        lesson=within(lessons[0]) if lessons else None,
        feedback=within.each(ledger.feedback.for_incident(incident.id)),
    )


def latest_proposal(desk: Desk, incident: Incident) -> tuple[Plan | None, Review | None, ApprovalRequest | None]:
    """The incident's latest plan, the review that stands for it, and the latest request for it. Unscoped."""
    ledger = desk.ledger
    plans = ledger.plans.for_incident(incident.id)
    if not plans:
        return None, None, None
    plan = plans[0]
    review, approval = ledger.reviews.latest_for_plan(plan.id), ledger.approvals.latest_for_plan(plan.id)
    if approval is not None and review is not None and approval.review_id != review.id:
        review = _review_of(desk, approval) or review
    return plan, review, approval


def timeline_within(
    desk: Desk, principal: Principal, incident: Incident, entries: list[TimelineEntry]
) -> list[TimelineEntry]:
    """The same lines, without what lies outside the reader's scope: in their data, and in what they say. Blocking."""
    return story_within(desk, principal.scope, incident, entries)


def story_within(desk: Desk, scope: Scope, incident: Incident, entries: list[TimelineEntry]) -> list[TimelineEntry]:
    """The same for whoever has that scope: a channel has one too. Blocking."""
    if not entries or sees_all(scope, incident.cluster):
        return entries
    outside = names_beyond(desk, scope, incident)
    return [_line_within(entry, scope, incident, outside) for entry in entries]


def title_within(principal: Principal, incident: Incident) -> Incident:
    """An incident as it stands in a list: its title and reason without what they name outside the reader's scope."""
    return headline_within(principal.scope, incident)


def headline_within(scope: Scope, incident: Incident) -> Incident:
    return _Narrowing(scope, incident.cluster, frozenset())(incident) or incident


def shown_within(desk: Desk, principal: Principal, incident: Incident, value: Value) -> Value:
    """A value of an incident as a route answers it, without what lies outside the reader's scope. Blocking."""
    if sees_all(principal.scope, incident.cluster):
        return value
    left = _Narrowing(principal.scope, incident.cluster, names_outside(desk, principal, incident))(value)
    if left is None:
        raise NotFound("it concerns what lies outside your scope")
    return left


def _line_within(entry: TimelineEntry, scope: Scope, incident: Incident, outside: frozenset[str]) -> TimelineEntry:
    said, data = (narrowed(part, scope, incident.cluster, outside) for part in (entry.summary.model_dump(), entry.data))
    return entry.model_copy(update={"summary": Text.model_validate(said), "data": data or {}})


def alert_view(record: AlertRecord) -> AlertView:
    alert = record.alert
    told: Json = alert.model_dump(include=set(AlertView.model_fields) & set(type(alert).model_fields))
    return AlertView(
        **told,
        summary=alert.summary,
        alert_id=record.alert_id,
        fate=record.fate.value,
        resends=record.resends,
        received_at=record.received_at,
        seen_at=record.seen_at,
    )


def _review_of(desk: Desk, approval: ApprovalRequest) -> Review | None:
    """An approver sees the review that the approval binds to, not a later one of the same plan."""
    try:
        return desk.ledger.reviews.get(approval.review_id)
    except NotFound:
        return None


def _of_execution(verifications: list[Verification], executions: list[Execution]) -> Verification | None:
    """The latest one; of an earlier run's execution it is not."""
    latest = verifications[0] if verifications else None
    if latest is None or not latest.execution_id:
        return latest
    return latest if executions and latest.execution_id == executions[0].id else None


@dataclass(frozen=True)
class _Narrowing:
    """What is shown, without what lies outside a reader's scope."""

    scope: Scope
    cluster: str
    outside: frozenset[str]

    def __call__(self, value: Value | None) -> Value | None:
        if value is None or sees_all(self.scope, self.cluster):
            return value
        left: Any = narrowed(value.model_dump(mode="json"), self.scope, self.cluster, self.outside)
        return None if left is None else type(value).model_validate(left)

    def each(self, values: Sequence[Value]) -> list[Value]:
        return [left for value in values if (left := self(value)) is not None]
