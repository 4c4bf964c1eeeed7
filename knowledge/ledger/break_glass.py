"""Someone alone at three in the morning: what one approver may do without the others, and how they learn of it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from knowledge.errors import BreakGlassRefused, PlanChangedAfterApproval
from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.principals import known_principal
from knowledge.ledger.rows.desk import PrincipalRow
from knowledge.ledger.rows.work import ReviewRow
from knowledge.ledger.store import Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.voting import approver_of, outside_of, person_of
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    ApprovalVote,
    Decision,
    Principal,
    Review,
    Role,
    Text,
)

SHORTEST_REASON = 10


def broken(
    writing: Writing, request: ApprovalRequest, principal: Principal, reason: str, digest: str, hold_seconds: float
) -> ApprovalRequest:
    """The waiting request, approved by one person alone; told to the others within the same transaction."""
    if digest != request.digest:
        raise PlanChangedAfterApproval(
            f"{request.id} is for another plan than the one you looked at", next_step="look at the review again"
        )
    voter = approver_of(writing.session, principal.id, request)
    if len(reason.strip()) < SHORTEST_REASON:
        raise BreakGlassRefused(
            "breaking the glass needs a reason that others understand",
            next_step=f"say in at least {SHORTEST_REASON} characters why nobody else can be waited for",
        )
    row = writing.session.get(ReviewRow, request.review_id)
    lasting = None if row is None else what_stays(Review.model_validate(row.payload))
    if row is None or lasting:
        raise BreakGlassRefused(
            f"the glass is broken only for plans that can be taken back: {lasting or 'its review is gone'}",
            next_step="wait for the approvers that it needs",
        )
    told = _others(writing, request, voter)
    vote = ApprovalVote(
        principal=voter.id,
        person=person_of(voter),
        decision=Decision.APPROVE,
        reason=reason,
        digest=digest,
        at=writing.at,
        breaks_glass=True,
    )
    names = ", ".join(told)
    said = Text(
        en=f"GLASS BROKEN: {voter.id} approved alone: {reason} (shown to {names or 'nobody: there is no other approver'})",
        zh=f"紧急破窗：{voter.id} 单独批准：{reason}（已告知：{names or '没有其他审批人'}）",
    )
    done = request.model_copy(
        update={
            "votes": (*request.votes, vote),
            "status": ApprovalStatus.APPROVED,
            "approved_at": writing.at,
            "holds_until": writing.at + timedelta(seconds=hold_seconds),
            "told": told,
        }
    )
    incident = locked_incident(writing, request.incident_id)
    tell(writing, incident, "approve", voter.id, said, done.model_dump(mode="json"))
    happened(writing, HappeningKind.BREAK_GLASS, request.incident_id, request.id, said=said)
    writing.audit(
        voter.id, "approval.break_glass", request.id, person=vote.person, digest=digest, reason=reason, told=told
    )
    return done


def what_stays(review: Review) -> str:
    """The first change that its undo would not restore, in words; empty when all are restored. It fails closed: a plan
    without any change has nothing to restore."""
    changes = [step for step in review.steps if step.is_change]
    for step in changes:
        if not step.restores:
            return f"step {step.step.index + 1} ({step.step.text}) is {step.reversal.value}"
    return "" if changes else "it changes nothing"


def _others(writing: Writing, request: ApprovalRequest, voter: Principal) -> tuple[str, ...]:
    """Every other approver whose scope covers the request."""
    ids = writing.session.scalars(
        select(PrincipalRow.id).where(PrincipalRow.kind == "person").order_by(PrincipalRow.id)
    )
    others = [known_principal(writing.session, one) for one in ids]
    return tuple(
        one.id
        for one in others
        if one is not None and one.id != voter.id and one.may(Role.APPROVER) and not outside_of(one.scope, request)
    )
