"""Whether a reader may vote on an approval request, told before they try. The ledger decides again when they do."""

from __future__ import annotations

from pydantic import BaseModel

from api.bootstrap import Desk
from knowledge.errors import NotFound
from knowledge.ledger.break_glass import what_stays
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.principals import folded
from knowledge.ledger.voting import outside_of
from knowledge.vocabulary import ApprovalRequest, ApprovalStatus, Incident, Principal, Role, Text


class MayDecide(BaseModel):
    """``why_not`` is None when the reader may vote. ``may_break_glass``: alone, with a reason, since the plan restores."""

    may: bool
    why_not: Text | None = None
    may_break_glass: bool = False


NOT_WAITING = Text(en="this request is not waiting for a vote", zh="该审批请求当前不在等待表决")
NOT_APPROVER = Text(en="your roles do not include approver", zh="您没有审批人角色")
NOT_PERSON = Text(en="only persons approve, not machines", zh="只有人可以审批，机器身份不可以")
OUT_OF_SCOPE = Text(en="it touches what lies outside your scope", zh="它涉及您权限范围之外的对象")
NOT_NAMED = Text(en="the service's profile names other approvers", zh="该服务档案指定了其他审批人")
IS_REQUESTER = Text(en="you asked for this change: another person has to approve it", zh="您是申请人：须由其他人审批")
HAS_VOTED = Text(en="you have voted already; another person has to decide", zh="您已表决，须由其他人决定")


def may_decide(desk: Desk, principal: Principal, request: ApprovalRequest, incident: Incident) -> MayDecide:
    why_not = _why_not(desk.ledger, principal, request, incident)
    return MayDecide(
        may=why_not is None, why_not=why_not, may_break_glass=_may_break(desk, principal, request, why_not)
    )


def _may_break(desk: Desk, principal: Principal, request: ApprovalRequest, why_not: Text | None) -> bool:
    """Where one voice is not enough, or is the requester's own; for what its undo restores, if the policy has it."""
    is_stuck = why_not in {IS_REQUESTER, HAS_VOTED} or (why_not is None and request.needed - len(request.votes) > 1)
    if not is_stuck or desk.deps.policy.break_glass == "never" or not principal.may(Role.APPROVER):
        return False
    return not what_stays(desk.ledger.reviews.get(request.review_id))


def _why_not(ledger: Ledger, principal: Principal, request: ApprovalRequest, incident: Incident) -> Text | None:
    if request.status is not ApprovalStatus.WAITING:
        return NOT_WAITING
    if not principal.may(Role.APPROVER):
        return NOT_APPROVER
    if principal.kind != "person":
        return NOT_PERSON
    if outside_of(principal.scope, request):
        return OUT_OF_SCOPE
    if not principal.fits(request.approvers):
        return NOT_NAMED
    tickets = {ticket.requester for ticket in ledger.tickets.for_incident(incident.id)}
    if _asked_for_it(ledger, principal, {request.requester, incident.requester, *tickets}):
        return IS_REQUESTER
    if any(vote.person == _person(principal) for vote in request.votes):
        return HAS_VOTED
    return None


def _asked_for_it(ledger: Ledger, principal: Principal, requesters: set[str]) -> bool:
    for requester in filter(None, map(folded, requesters)):
        if requester in {principal.id, _person(principal)}:
            return True
        try:
            if _person(ledger.principals.by_id(requester)) == _person(principal):
                return True
        except NotFound:
            continue
    return False


def _person(principal: Principal) -> str:
    return principal.person or principal.id
