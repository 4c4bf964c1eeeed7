"""Approvals, manual steps and executions: what people decide and do about a plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel

from api.bootstrap import Desk, utc_now
from api.web import acts
from api.web.access import Approver, DeskOf, Reader, Responder, incident_within
from api.web.deciding import MayDecide, may_decide
from api.web.dossier import Value, shown_within, title_within
from api.web.routes.incidents import Id, Page
from api.web.routes.strict import api_router
from knowledge.errors import NotFound
from knowledge.vocabulary import ApprovalRequest, Execution, Incident, Plan, Principal, Role

DAYS_SHOWN = 7
router = api_router("approvals")


class Waiting(BaseModel):
    """A request that waits, the incident it is about, and whether the asker may vote on it."""

    approval: ApprovalRequest
    incident: Incident
    may_decide: MayDecide


def waiting_for(desk: Desk, principal: Principal) -> list[Waiting]:
    """What waits within the asker's scope: first what they may decide, the oldest first."""
    found = []
    for request in desk.ledger.approvals.waiting(principal.scope):
        try:
            incident = incident_within(desk, principal, request.incident_id)
        except NotFound:
            continue
        verdict = may_decide(desk, principal, request, incident)
        told = title_within(principal, incident)
        found.append(Waiting(approval=request, incident=told, may_decide=verdict))
    return sorted(found, key=lambda one: not one.may_decide.may)


def glass_broken_for(desk: Desk, principal: Principal) -> list[ApprovalRequest]:
    """Where somebody approved alone lately, within the reader's scope: approvers are shown it until it is a week old."""
    if not principal.may(Role.APPROVER):
        return []
    since = utc_now() - timedelta(days=DAYS_SHOWN)
    return desk.ledger.approvals.glass_broken(principal.scope, since)


@router.get("/approvals/broken-glass", summary="What one person alone approved lately")
def glass_broken(desk: DeskOf, principal: Approver) -> Page[ApprovalRequest]:
    """Of the last seven days, within the asker's scope, newest first; `told` names who is shown it."""
    return Page(items=glass_broken_for(desk, principal))


@router.get("/approvals", summary="What waits for approval")
def waiting(desk: DeskOf, principal: Reader) -> Page[Waiting]:
    """Within the asker's scope; `may_decide` says whether they may vote, and if not, why."""
    return Page(items=waiting_for(desk, principal))


@router.get("/approvals/{approval_id}", summary="One approval request")
def one(approval_id: Id, desk: DeskOf, principal: Reader) -> ApprovalRequest:
    return _shown(desk, principal, acts.approval_within(desk, principal, approval_id))


@router.post("/approvals/{approval_id}", summary="Approve or reject")
def decide(approval_id: Id, order: acts.DecisionOrder, desk: DeskOf, principal: Reader) -> ApprovalRequest:
    """One vote of one person, on exactly the digest that was shown. The requester of a change never decides on it."""
    return acts.decide(desk, principal, approval_id, order)


@router.post("/plans/{plan_id}/manual-steps/{index}", summary="Tick a manual step", tags=["plans"])
def tick(plan_id: Id, index: Annotated[int, Path(ge=0, le=10_000)], desk: DeskOf, principal: Responder) -> Plan:
    return _shown(desk, principal, acts.tick(desk, principal, plan_id, index))


@router.get("/executions/{execution_id}", summary="One execution", tags=["executions"])
def execution(execution_id: Id, desk: DeskOf, principal: Reader) -> Execution:
    return _shown(desk, principal, acts.execution_within(desk, principal, execution_id))


@router.post("/executions/{execution_id}/cancel", summary="Stop before the next step", tags=["executions"])
def cancel(execution_id: Id, desk: DeskOf, principal: Responder) -> Execution:
    return _shown(desk, principal, acts.cancel(desk, principal, execution_id))


@router.post("/executions/{execution_id}/undo", summary="Take the change back", tags=["executions"])
def undo(execution_id: Id, desk: DeskOf, principal: Responder) -> Execution:
    """Carries out the inverse that was approved with the plan, while the target still holds what was written."""
    return _shown(desk, principal, acts.undo(desk, principal, execution_id))


def _shown(desk: Desk, principal: Principal, value: Value) -> Value:
    """An approval, a plan or an execution without what lies outside the asker's scope."""
    incident = desk.ledger.incidents.get(value.incident_id)  # type: ignore[attr-defined]  # all three have one
    return shown_within(desk, principal, incident, value)
