"""The desk as its people see it: my queue, what nobody has, and how old it all is against the service's targets. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from api.figures.judgements import accuracy_of
from api.figures.options import TargetsSettings
from api.figures.reports import AccuracyRow
from api.web.dossier import title_within
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.lifecycle import ENDS
from knowledge.vocabulary import ApprovalRequest, Incident, IncidentStatus, Noun, Principal, Role

MOST_OPEN = 2_000
SATISFACTION = timedelta(days=30)
SOON = 0.25
"""Of a target's time: when less than this is left, it runs out soon."""

Standing = Literal["met", "missed", "running", "soon", "late"]


class Target(Noun):
    """One promise. ``met`` and ``missed`` are past; ``running``, ``soon`` and ``late`` are not over. ``left_seconds`` is
    negative for what is late; None for what is past."""

    minutes: float
    due_at: datetime
    standing: Standing
    left_seconds: float | None


class DeskItem(Noun):
    incident: Incident
    age_seconds: float
    first_answer: Target
    resolve: Target


class Queue(Noun):
    """The most pressing first. ``total`` counts what there is."""

    items: tuple[DeskItem, ...]
    total: int


class DeskView(Noun):
    """``late`` and ``soon`` count open incidents with a target in that standing; ``open_is_cut``: there are more than were
    looked at. ``votes`` wait for this person; ``satisfaction`` is what people said in thirty days."""

    at: datetime
    mine: Queue
    unassigned: Queue
    others: Queue
    open: int
    open_is_cut: bool
    late: int
    soon: int
    votes: tuple[ApprovalRequest, ...]
    satisfaction: AccuracyRow


def desk_view(
    ledger: Ledger, principal: Principal, targets: TargetsSettings, now: datetime, *, limit: int = 50
) -> DeskView:
    """Everything open within the person's scope, sorted by what is pressing."""
    incidents = _open(ledger, principal)
    answered = ledger.figures.first_answers([one.id for one in incidents])
    items = [desk_item(one, answered.get(one.id), targets, now) for one in incidents]
    items.sort(key=_pressing)
    mine = [item for item in items if item.incident.assignee == principal.id]
    nobodys = [item for item in items if not item.incident.assignee]
    others = [item for item in items if item.incident.assignee not in {"", principal.id}]
    said = ledger.figures.feedback(principal.scope, now - SATISFACTION, now + timedelta(seconds=1))
    return DeskView(
        at=now,
        mine=_queue(mine, limit),
        unassigned=_queue(nobodys, limit),
        others=_queue(others, limit),
        open=len(items),
        open_is_cut=len(incidents) >= MOST_OPEN,
        late=_count(items, "late"),
        soon=_count(items, "soon"),
        votes=tuple(_votes(ledger, principal)),
        satisfaction=accuracy_of("", said),
    )


def desk_item(incident: Incident, answered_at: datetime | None, targets: TargetsSettings, now: datetime) -> DeskItem:
    answer, resolve = targets.minutes_of(incident.service, incident.severity)
    is_over = incident.status in {IncidentStatus.RESOLVED, IncidentStatus.CLOSED}
    return DeskItem(
        incident=incident,
        age_seconds=max((now - incident.opened_at).total_seconds(), 0.0),
        first_answer=target_of(incident.opened_at, answer, answered_at, now),
        resolve=target_of(incident.opened_at, resolve, incident.closed_at if is_over else None, now),
    )


def target_of(opened_at: datetime, minutes: float, done_at: datetime | None, now: datetime) -> Target:
    due = opened_at + timedelta(minutes=minutes)
    if done_at is not None:
        return Target(minutes=minutes, due_at=due, standing="met" if done_at <= due else "missed", left_seconds=None)
    left = (due - now).total_seconds()
    standing: Standing = "late" if left < 0 else "soon" if left < minutes * 60 * SOON else "running"
    return Target(minutes=minutes, due_at=due, standing=standing, left_seconds=round(left, 3))


def _open(ledger: Ledger, principal: Principal) -> list[Incident]:
    states = [status for status in IncidentStatus if status not in ENDS]
    found = ledger.incidents.list(principal.scope, status=states, limit=MOST_OPEN, reader=principal.id)
    return [title_within(principal, one) for one in found]


def _pressing(item: DeskItem) -> tuple[float, int, datetime]:
    """What runs out first, of those the severest, of those the oldest."""
    left = [one.left_seconds for one in (item.first_answer, item.resolve) if one.left_seconds is not None]
    return min(left, default=0.0), item.incident.severity.rank, item.incident.opened_at


def _queue(items: Sequence[DeskItem], limit: int) -> Queue:
    return Queue(items=tuple(items[:limit]), total=len(items))


def _count(items: Sequence[DeskItem], standing: Standing) -> int:
    return sum(standing in {item.first_answer.standing, item.resolve.standing} for item in items)


def _votes(ledger: Ledger, principal: Principal) -> list[ApprovalRequest]:
    """What this person may decide now: the requests that wait, less their own and those that they voted on."""
    if not principal.may(Role.APPROVER):
        return []
    waiting = ledger.approvals.waiting(principal.scope)
    return [one for one in waiting if ledger.outbox.may_vote(one.id, principal.id)]
