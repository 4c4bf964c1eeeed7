"""Who may vote on an approval request, checked inside the transaction that counts the vote. It fails closed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.errors import (
    ApprovalAlreadyUsed,
    ApprovalExpired,
    ApprovalVoid,
    ApproverIsRequester,
    NotAuthorised,
    OpsdeskError,
    PlanChangedAfterApproval,
    WrongState,
)
from knowledge.ledger.principals import folded, known_principal, person_behind
from knowledge.ledger.rows.intake import IncidentRow, TicketRow
from knowledge.ledger.rows.work import PlanRow
from knowledge.vocabulary import ApprovalRequest, ApprovalStatus, Decision, Principal, Role, Scope, Text

EVERY_NAMESPACE = "*"
"""What a request names in place of a namespace when it touches objects that have none (nodes, volumes, classes)."""


def person_of(principal: Principal) -> str:
    """The human behind a principal; an identity that is linked to nobody is its own."""
    return principal.person or principal.id


def voter_of(session: Session, principal: Principal, request: ApprovalRequest, digest: str) -> Principal:
    """The principal as the ledger knows it now, entitled to vote; raises the first reason why not."""
    if digest != request.digest:
        raise PlanChangedAfterApproval(
            f"{request.id} is for another plan than the one you looked at", next_step="look at the review again"
        )
    voter = approver_of(session, principal.id, request)
    _check_not_requester(session, voter, request)
    if person_of(voter) in {person_behind(session, vote.principal) for vote in request.votes}:
        raise WrongState(
            f"{person_of(voter)} has voted on {request.id} already", next_step="another person must decide"
        )
    return voter


def approver_of(session: Session, id: str, request: ApprovalRequest) -> Principal:
    """The principal as the ledger knows it now, if it is a person with the role and the scope; else NotAuthorised."""
    voter = known_principal(session, id)
    if voter is None or voter.kind != "person" or not voter.may(Role.APPROVER):
        raise NotAuthorised(f"{id} is not an approver", next_step="ask a person with the role approver")
    _check_scope(voter, request)
    if not voter.fits(request.approvers):
        named = "; ".join(", ".join(group) for group in request.approvers)
        raise NotAuthorised(
            f"{voter.id} is none of the approvers of this service: {named}", next_step="ask one of them"
        )
    return voter


def lost_ground(session: Session, request: ApprovalRequest) -> Text | None:
    """Why the yes votes no longer carry an approval, None when they do: roles, scope and persons are those of now, since
    somebody may have lost one, or two identities may have turned out to be one person."""
    persons = set()
    for vote in request.votes:
        if vote.decision is not Decision.APPROVE:
            continue
        try:
            voter = approver_of(session, vote.principal, request)
            if not request.is_glass_broken:
                _check_not_requester(session, voter, request)
        except (NotAuthorised, ApproverIsRequester) as error:
            return Text(en=error.message, zh=f"{vote.principal} 已不再具备审批资格")
        persons.add(person_of(voter))
    needed = 1 if request.is_glass_broken else request.needed
    if len(persons) < needed:
        return Text(
            en=f"{len(persons)} of {needed} persons stand behind it",
            zh=f"需 {needed} 人，现仅 {len(persons)} 人有效",
        )
    return None


def check_waiting(request: ApprovalRequest) -> None:
    if request.status is not ApprovalStatus.WAITING:
        raise state_error(request)


def state_error(request: ApprovalRequest) -> OpsdeskError:
    """Why a request that is past waiting or approval can no longer be voted on or used."""
    if request.status is ApprovalStatus.EXPIRED:
        return ApprovalExpired(f"{request.id} ran out: that is a no", next_step="ask for approval again")
    if request.status is ApprovalStatus.USED:
        return ApprovalAlreadyUsed(f"{request.id} was used: an approval runs once", next_step="ask for approval again")
    if request.status is ApprovalStatus.VOID:
        return ApprovalVoid(f"{request.id} is void: {request.reason}", next_step="ask for approval again")
    return WrongState(
        f"{request.id} is {request.status.value}", next_step="opsdesk incident show tells what it waits for"
    )


def has_run_out(request: ApprovalRequest, at: datetime) -> bool:
    """True for a wait past its end, and for an approval past its hold."""
    if request.status is ApprovalStatus.WAITING:
        return request.expires_at <= at
    return request.status is ApprovalStatus.APPROVED and request.holds_until is not None and request.holds_until <= at


def outside_of(scope: Scope, request: ApprovalRequest) -> str:
    """The first place of a request that a scope does not cover, empty when it covers all. It fails closed: a plan that
    touches the cluster's own objects is no matter for who has some namespaces of it, and one of an unknown service none for
    who has some services."""
    for namespace in request.namespaces or (EVERY_NAMESPACE,):
        if namespace == EVERY_NAMESPACE and EVERY_NAMESPACE not in scope.namespaces:
            return f"{request.cluster} as a whole"
        if not request.services and "*" not in scope.services:
            return "/".join(part for part in (request.cluster, namespace, "a service that is not known") if part)
        for service in request.services or ("",):
            if not scope.allows(cluster=request.cluster, namespace=namespace, service=service):
                return "/".join(part for part in (request.cluster, namespace, service) if part)
    return ""


def _check_scope(voter: Principal, request: ApprovalRequest) -> None:
    if place := outside_of(voter.scope, request):
        raise NotAuthorised(f"{place} is outside {voter.id}'s scope", next_step="ask an approver of that scope")


def _check_not_requester(session: Session, voter: Principal, request: ApprovalRequest) -> None:
    incident = session.get(IncidentRow, request.incident_id)
    plan = session.get(PlanRow, request.plan_id)
    asked = {request.requester, incident.requester if incident else "", plan.payload["requester"] if plan else ""}
    tickets = select(TicketRow.requester).where(TicketRow.incident_id == request.incident_id)
    asked |= set(session.scalars(tickets))  # after a merge there may be others' orders in it
    me = {voter.id, folded(voter.name), person_of(voter)}
    for requester in filter(None, map(folded, asked)):
        if requester in me or person_behind(session, requester) in me:
            raise ApproverIsRequester(
                f"{voter.id} asked for this and cannot approve it", next_step="ask another approver"
            )
