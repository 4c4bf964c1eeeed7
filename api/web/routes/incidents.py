"""Tickets in; incidents listed, read and handled."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Header, Path, Query
from pydantic import BaseModel, Field

from api.review_view import ReviewView
from api.web import acts
from api.web.access import DeskOf, Reader, Responder, incident_within, known_id
from api.web.dossier import AlertView, Dossier, alert_view, open_dossier, timeline_within, title_within
from api.web.reviewed import open_review
from api.web.routes.strict import api_router
from api.web.scoping import HIDDEN, evidence_within
from knowledge.errors import NotFound
from knowledge.ledger.values import Feedback
from knowledge.vocabulary import Evidence, Incident, IncidentStatus, Severity, TimelineEntry

router = api_router("incidents")
Item = TypeVar("Item")

Id = Annotated[str, Path(max_length=128)]
Limit = Annotated[int, Query(ge=1, le=200)]
Before = Annotated[str | None, Query(max_length=128, description="`next` of the page before.")]
Words = Annotated[str | None, Query(max_length=200)]


class Page(BaseModel, Generic[Item]):
    """Newest first. ``next`` is the cursor of the next page; null at the end."""

    items: list[Item]
    next: str | None = None


class Filters(BaseModel):
    status: list[IncidentStatus] = Field(default_factory=list)
    severity: Severity | None = None
    service: str | None = None
    cluster: str | None = None
    assignee: str | None = None
    text: str | None = None


@router.post("/tickets", status_code=201, summary="Open a ticket", tags=["tickets"])
def open_ticket(
    order: acts.TicketOrder,
    desk: DeskOf,
    principal: Responder,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Incident:
    """A person asks: a question, a report of trouble, or an order. Answers with the incident that it opened.

    The same `Idempotency-Key` of the same asker again: the incident of the first time.
    """
    return acts.open_ticket(desk, principal, order, idempotency_key or "")


@router.get("/tickets", summary="Incidents that tickets opened", tags=["tickets"])
def list_tickets(desk: DeskOf, principal: Reader, limit: Limit = 50, before: Before = None) -> Page[Incident]:
    found: list[Incident] = []
    cursor = before
    while len(found) <= limit:
        batch = desk.ledger.incidents.list(principal.scope, limit=200, before=cursor, reader=principal.id)
        found += [title_within(principal, incident) for incident in batch if incident.opened_by == "ticket"]
        if len(batch) < 200:
            break
        cursor = batch[-1].id
    return _page(found, limit)


@router.get("/incidents", summary="List incidents")
def list_incidents(
    desk: DeskOf,
    principal: Reader,
    status: Annotated[list[IncidentStatus] | None, Query()] = None,
    severity: Severity | None = None,
    service: Words = None,
    cluster: Words = None,
    assignee: Words = None,
    text: Annotated[str | None, Query(max_length=200, description="In id, title or reason.")] = None,
    limit: Limit = 50,
    before: Before = None,
) -> Page[Incident]:
    """Only what the asker's scope covers."""
    filters = Filters(
        status=status or [], severity=severity, service=service, cluster=cluster, assignee=assignee, text=text
    )
    return incident_page(desk, principal, filters, limit, before)


def incident_page(desk: DeskOf, principal: Reader, filters: Filters, limit: int, before: str | None) -> Page[Incident]:
    found = desk.ledger.incidents.list(
        principal.scope,
        status=filters.status or None,
        severity=filters.severity,
        service=_sought(filters.service),
        cluster=_sought(filters.cluster),
        assignee=_sought(filters.assignee),
        text=_sought(filters.text),
        limit=limit + 1,
        before=_sought(before),
        reader=principal.id,
    )
    page = _page([title_within(principal, incident) for incident in found], limit)
    return page.model_copy(update={"items": [one for one in page.items if _says(one, filters.text)]})


def _says(incident: Incident, text: str | None) -> bool:
    """Words that are hidden from the reader are not found by guessing them."""
    if not text or HIDDEN.en not in {incident.title, incident.reason, incident.reason_zh}:
        return True
    told = f"{incident.id} {incident.title} {incident.reason} {incident.reason_zh}".casefold()
    return (_sought(text) or "").strip().casefold() in told


def _sought(words: str | None) -> str | None:
    """What can be in a database; an empty box filters nothing."""
    return (words or "").replace("\x00", "").encode("utf-8", "replace").decode() or None


def _page(found: list[Incident], limit: int) -> Page[Incident]:
    return Page(items=found[:limit], next=found[limit - 1].id if len(found) > limit else None)


@router.get("/incidents/{incident_id}", summary="Everything about one incident")
def show(incident_id: Id, desk: DeskOf, principal: Reader) -> Dossier:
    """Its alerts with what became of each, diagnosis, plan, review, approval, execution, verification, lesson, feedback."""
    return open_dossier(desk, principal, incident_within(desk, principal, incident_id))


@router.get("/incidents/{incident_id}/review", summary="The review of its plan, in one look")
def review(incident_id: Id, desk: DeskOf, principal: Reader) -> ReviewView:
    """What will change, where, who feels it, what undoes it, which rules spoke, who has to agree until when, and how sure the
    diagnosis is: what every face draws. What lies outside the asker's scope is counted, not shown."""
    return open_review(desk, principal, incident_within(desk, principal, incident_id))


@router.get("/incidents/{incident_id}/timeline", summary="The incident's story")
def timeline(
    incident_id: Id,
    desk: DeskOf,
    principal: Reader,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> Page[TimelineEntry]:
    """Oldest first; `next` is the sequence to go on after."""
    incident = incident_within(desk, principal, incident_id)
    entries = desk.ledger.timeline.for_incident(incident.id, after, limit)
    following = str(entries[-1].sequence) if len(entries) == limit else None
    return Page(items=timeline_within(desk, principal, incident, entries), next=following)


@router.get("/incidents/{incident_id}/alerts", summary="What became of each alert")
def alerts(
    incident_id: Id, desk: DeskOf, principal: Reader, limit: Limit = 200, before: Before = None
) -> Page[AlertView]:
    incident = incident_within(desk, principal, incident_id)
    records = desk.ledger.alerts.list(limit + 1, before, incident_id=incident.id, reach=principal.scope)
    following = records[limit - 1].alert_id if len(records) > limit else None
    return Page(items=[alert_view(record) for record in records[:limit]], next=following)


@router.get("/incidents/{incident_id}/evidence", summary="What it rests on")
def evidence(
    incident_id: Id, desk: DeskOf, principal: Reader, limit: Limit = 100, after: Before = None
) -> Page[Evidence]:
    """In the order in which it was gathered, redacted, within the asker's scope."""
    incident = incident_within(desk, principal, incident_id)
    facts = desk.ledger.evidence.for_incident(incident.id, limit + 1, known_id(after, "evidence") if after else None)
    following = facts[limit - 1].id if len(facts) > limit else None
    return Page(items=evidence_within(principal.scope, facts[:limit]), next=following)


@router.get("/evidence/{evidence_id}", summary="One fact, raw", tags=["evidence"])
def one_fact(evidence_id: Id, desk: DeskOf, principal: Reader) -> Evidence:
    return fact_within(desk, principal, evidence_id)


def fact_within(desk: DeskOf, principal: Reader, evidence_id: str) -> Evidence:
    """A fact is seen by who may see one of the incidents that it is linked to, and the object that it is about."""
    fact = desk.ledger.evidence.get(known_id(evidence_id, "evidence"))
    if evidence_within(principal.scope, [fact]):
        for incident_id in desk.ledger.evidence.incidents_citing(fact.id):
            try:
                incident_within(desk, principal, incident_id)
            except NotFound:
                continue
            return fact
    raise NotFound(f"there is no evidence {evidence_id}", next_step="it may have been swept: see the retention setting")


@router.post("/incidents/{incident_id}/assign", summary="Give it to a person")
def assign(incident_id: Id, order: acts.AssignOrder, desk: DeskOf, principal: Responder) -> Incident:
    return title_within(principal, acts.assign(desk, principal, incident_id, order))


@router.post("/incidents/{incident_id}/merge", summary="Merge it into another")
def merge(incident_id: Id, order: acts.MergeOrder, desk: DeskOf, principal: Responder) -> Incident:
    """Answers with the incident that took it in."""
    return title_within(principal, acts.merge(desk, principal, incident_id, order))


@router.post("/incidents/{incident_id}/close", summary="Close it")
def close(incident_id: Id, order: acts.ReasonOrder, desk: DeskOf, principal: Responder) -> Incident:
    return title_within(principal, acts.close(desk, principal, incident_id, order))


@router.post("/incidents/{incident_id}/reopen", summary="Open it again: a new diagnosis begins")
def reopen(incident_id: Id, order: acts.ReasonOrder, desk: DeskOf, principal: Responder) -> Incident:
    return title_within(principal, acts.reopen(desk, principal, incident_id, order))


@router.post("/incidents/{incident_id}/feedback", status_code=201, summary="Say whether the diagnosis was right")
def feedback(incident_id: Id, order: acts.FeedbackOrder, desk: DeskOf, principal: Responder) -> Feedback:
    return acts.give_feedback(desk, principal, incident_id, order)
