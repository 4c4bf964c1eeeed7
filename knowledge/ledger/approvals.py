"""Approvals: a wait for people that always ends. Every decision is one row changed under its lock, once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update

from knowledge.errors import NotFound, PlanChangedAfterApproval, PlanForbidden, WrongState
from knowledge.ledger.break_glass import broken
from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.ids import new_id
from knowledge.ledger.plans import keep_review
from knowledge.ledger.principals import person_behind
from knowledge.ledger.rows.work import ApprovalRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.values import WakeReason
from knowledge.ledger.voting import (
    EVERY_NAMESPACE,
    check_waiting,
    has_run_out,
    outside_of,
    person_of,
    state_error,
    voter_of,
)
from knowledge.ledger.wakes import add_wake
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    ApprovalVote,
    Decision,
    Principal,
    Review,
    Scope,
    Text,
)

LIVE = (ApprovalStatus.WAITING, ApprovalStatus.APPROVED)


class Approvals:
    def __init__(self, store: Store) -> None:
        self._store = store

    def ask(
        self,
        incident_id: str,
        plan_id: str,
        review: Review,
        needed: int,
        requester: str,
        namespaces: Sequence[str] = (),
        services: Sequence[str] = (),
        wait_seconds: float = 4 * 3600.0,
        reason: str = "",
    ) -> ApprovalRequest:
        """A new wait; an older live one of the plan is void. Keeps the review if it is new.

        ``namespaces`` and ``services`` are what an approver's scope must cover; those that the review's changes reach into
        and that feel them are added, and ``*`` for objects that have no namespace: they are the whole cluster's.
        ``needed`` may be stricter than the review, never laxer. PlanForbidden when no approval could let the plan run.
        """
        if review.approvers_needed < 0:
            raise PlanForbidden(f"{plan_id} is {review.ruling.value}, whoever approves", next_step="change the script")
        if (review.plan_id, review.incident_id) != (plan_id, incident_id):
            raise WrongState(
                f"review {review.id} is of plan {review.plan_id}", next_step="ask with the plan's own review"
            )
        felt = {service.rpartition("/")[2] for service in review.blast.services}
        with self._store.write() as writing:
            incident = locked_incident(writing, incident_id)
            keep_review(writing, review)
            _void_live(writing, plan_id)
            request = ApprovalRequest(
                id=new_id("apr", writing.at),
                incident_id=incident_id,
                plan_id=plan_id,
                review_id=review.id,
                digest=review.digest,
                needed=max(1, needed, review.approvers_needed),
                status=ApprovalStatus.WAITING,
                requester=requester,
                cluster=review.cluster,
                namespaces=tuple(sorted(_touched(review) | set(namespaces))),
                services=tuple(sorted(felt | set(services))),
                approvers=review.approvers,
                asked_at=writing.at,
                expires_at=writing.at + timedelta(seconds=wait_seconds),
                reason=reason,
            )
            writing.session.add(_row(request))
            count = request.needed
            waits = Text(en=f"waits for {count} approver(s)", zh=f"等待 {count} 位审批人")
            tell(writing, incident, "approve", "desk", waits, request.model_dump(mode="json"))
            happened(writing, HappeningKind.WAITING_FOR_APPROVAL, incident_id, request.id, said=waits)
            writing.audit(requester or "desk", "approval.ask", request.id, plan=plan_id, digest=request.digest)
            return request

    def get(self, id: str) -> ApprovalRequest:
        with self._store.read() as session:
            row = session.get(ApprovalRow, id)
        if row is None:
            raise _unknown(id)
        return _request(row)

    def waiting(self, reach: Scope, limit: int = 200) -> list[ApprovalRequest]:
        """What waits for a vote within ``reach``, oldest first."""
        with self._store.read() as session:
            query = select(ApprovalRow).where(
                ApprovalRow.status == ApprovalStatus.WAITING, ApprovalRow.expires_at > self._store.now()
            )
            requests = [_request(row) for row in session.scalars(query.order_by(ApprovalRow.id))]
        return [request for request in requests if not outside_of(reach, request)][:limit]

    def latest_for_plan(self, plan_id: str) -> ApprovalRequest | None:
        with self._store.read() as session:
            query = select(ApprovalRow).where(ApprovalRow.plan_id == plan_id).order_by(ApprovalRow.id.desc()).limit(1)
            row = session.scalars(query).first()
        return None if row is None else _request(row)

    def vote(
        self, id: str, principal: Principal, decision: Decision, reason: str, digest: str, hold_seconds: float = 900.0
    ) -> ApprovalRequest:
        """Counts one person's vote. Enough yes: approved, for ``hold_seconds``; one no: rejected. Either wakes.

        Roles and scope are the ledger's own of this moment, whatever ``principal`` carries. Raises WrongState,
        ApprovalExpired, PlanChangedAfterApproval, NotAuthorised, ApproverIsRequester; then nothing was counted.
        """
        with self._store.write() as writing:
            row, request = _locked(writing, id)
            ran_out = has_run_out(request, writing.at)
            if ran_out:
                request = _expire(writing, row, request)
            else:
                check_waiting(request)
                voter = voter_of(writing.session, principal, request, digest)
                request = _count(writing, request, voter, decision, reason, hold_seconds)
                _save(writing, row, request)
                _tell_vote(writing, request)
        if ran_out:
            raise state_error(request)
        return request

    def break_glass(
        self, id: str, principal: Principal, reason: str, digest: str, hold_seconds: float = 900.0
    ) -> ApprovalRequest:
        """One approver alone, who may be the one who asked: only for a plan whose every change is restored by its undo, with a
        reason, and with every other approver of it told. BreakGlassRefused otherwise, and what ``vote`` raises."""
        with self._store.write() as writing:
            row, request = _locked(writing, id)
            ran_out = has_run_out(request, writing.at)
            if ran_out:
                request = _expire(writing, row, request)
            else:
                check_waiting(request)
                request = broken(writing, request, principal, reason, digest, hold_seconds)
                _save(writing, row, request)
                add_wake(writing, request.incident_id, WakeReason.APPROVAL_DECIDED)
        if ran_out:
            raise state_error(request)
        return request

    def glass_broken(self, reach: Scope, since: datetime, limit: int = 50) -> list[ApprovalRequest]:
        """Where one person alone approved since then, within ``reach``, newest first: what every approver is shown."""
        with self._store.read() as session:
            ended = select(ApprovalRow).where(ApprovalRow.holds_until >= since).order_by(ApprovalRow.id.desc())
            requests = [_request(row) for row in session.scalars(ended)]
        return [one for one in requests if one.is_glass_broken and not outside_of(reach, one)][:limit]

    def expire_due(self) -> list[ApprovalRequest]:
        """Ends every wait and every hold that ran out; each wakes its incident."""
        with self._store.write() as writing:
            due = or_(
                and_(ApprovalRow.status == ApprovalStatus.WAITING, ApprovalRow.expires_at <= writing.at),
                and_(ApprovalRow.status == ApprovalStatus.APPROVED, ApprovalRow.holds_until <= writing.at),
            )
            rows = writing.session.scalars(
                select(ApprovalRow).where(due).order_by(ApprovalRow.id).with_for_update()
            ).all()
            return [_expire(writing, row, _request(row)) for row in rows]

    def use(self, id: str, digest: str) -> ApprovalRequest:
        """Takes an approval, exactly once ever. Raises ApprovalAlreadyUsed, ApprovalExpired, PlanChangedAfterApproval,
        WrongState (not approved). ``executions.request`` does the same within its own transaction."""
        with self._store.write() as writing:
            row, request = _locked(writing, id)
            ran_out = has_run_out(request, writing.at)
            request = _expire(writing, row, request) if ran_out else take(writing, row, digest)
        if ran_out:
            raise state_error(request)
        return request


def take(writing: Writing, row: ApprovalRow, digest: str) -> ApprovalRequest:
    """approved -> used, by compare-and-swap, for a locked row that has not run out."""
    request = _request(row)
    if request.status is not ApprovalStatus.APPROVED:
        raise state_error(request)
    if request.digest != digest:
        raise PlanChangedAfterApproval(f"{row.id} approved another plan than this", next_step="ask for approval again")
    request = request.model_copy(update={"status": ApprovalStatus.USED})
    _save(writing, row, request)
    writing.audit("desk", "approval.use", row.id, plan=request.plan_id, digest=digest)
    return request


def _count(
    writing: Writing, request: ApprovalRequest, voter: Principal, decision: Decision, reason: str, hold_seconds: float
) -> ApprovalRequest:
    person = person_of(voter)
    vote = ApprovalVote(
        principal=voter.id, person=person, decision=decision, reason=reason, digest=request.digest, at=writing.at
    )
    votes = (*request.votes, vote)
    writing.audit(voter.id, f"approval.{decision.value}", request.id, person=person, digest=vote.digest, reason=reason)
    if decision is Decision.REJECT:
        return request.model_copy(update={"votes": votes, "status": ApprovalStatus.REJECTED, "reason": reason})
    if len({person_behind(writing.session, each.principal) for each in votes}) < request.needed:
        return request.model_copy(update={"votes": votes})
    return request.model_copy(
        update={
            "votes": votes,
            "status": ApprovalStatus.APPROVED,
            "approved_at": writing.at,
            "holds_until": writing.at + timedelta(seconds=hold_seconds),
        }
    )


def _tell_vote(writing: Writing, request: ApprovalRequest) -> None:
    vote = request.votes[-1]
    is_yes = vote.decision is Decision.APPROVE
    count = f"{len(request.votes)}/{request.needed}"
    said = Text(
        en=f"approved by {vote.principal} ({count})" if is_yes else f"rejected by {vote.principal}: {vote.reason}",
        zh=f"{vote.principal} 已批准（{count}）" if is_yes else f"{vote.principal} 已拒绝：{vote.reason}",
    )
    incident = locked_incident(writing, request.incident_id)
    tell(writing, incident, "approve", vote.principal, said, request.model_dump(mode="json"))
    if request.status is not ApprovalStatus.WAITING:
        add_wake(writing, request.incident_id, WakeReason.APPROVAL_DECIDED)
        happened(writing, HappeningKind.DECIDED, request.incident_id, request.id, said=said)


def _expire(writing: Writing, row: ApprovalRow, request: ApprovalRequest) -> ApprovalRequest:
    was_approved = request.status is ApprovalStatus.APPROVED
    request = request.model_copy(update={"status": ApprovalStatus.EXPIRED})
    _save(writing, row, request)
    said = Text(
        en="the approval was not used in time" if was_approved else "nobody decided in time: that is a no",
        zh="批准后未在有效期内执行" if was_approved else "超时未审批，视为拒绝",
    )
    tell(writing, locked_incident(writing, request.incident_id), "approve", "desk", said, {"approval": request.id})
    add_wake(writing, request.incident_id, WakeReason.APPROVAL_EXPIRED)
    happened(writing, HappeningKind.APPROVAL_EXPIRED, request.incident_id, request.id, said=said)
    writing.audit("desk", "approval.expire", request.id, plan=request.plan_id)
    return request


ASKED_ANEW = Text(en="approval was asked for anew", zh="已重新申请审批")


def _void_live(writing: Writing, plan_id: str) -> None:
    live = select(ApprovalRow).where(ApprovalRow.plan_id == plan_id, ApprovalRow.status.in_(LIVE))
    for row in writing.session.scalars(live.with_for_update()).all():
        void(writing, row, ASKED_ANEW)


def void(writing: Writing, row: ApprovalRow, why: Text) -> None:
    """Ends a locked wait, or an approval that nothing has run on: nobody can vote on it, nothing runs on it, and its incident
    says why."""
    change = {"status": ApprovalStatus.VOID, "reason": why.en}
    _save(writing, row, _request(row).model_copy(update=change))
    said = Text(en=f"the approval is void: {why.en}", zh=f"审批失效：{why.zh}")
    incident = locked_incident(writing, row.incident_id)
    tell(writing, incident, "approve", "desk", said, {"approval": row.id, "status": ApprovalStatus.VOID})
    add_wake(writing, row.incident_id, WakeReason.APPROVAL_DECIDED)
    writing.audit("desk", "approval.void", row.id, plan=row.plan_id, reason=why.en)


def _save(writing: Writing, row: ApprovalRow, request: ApprovalRequest) -> None:
    """Compare-and-swap on the version: whoever comes second changes nothing."""
    writing.session.flush()
    swap = (
        update(ApprovalRow)
        .where(ApprovalRow.id == row.id, ApprovalRow.version == row.version)
        .values(
            status=request.status,
            holds_until=request.holds_until,
            version=row.version + 1,
            payload=request.model_dump(mode="json"),
        )
    )
    if writing.session.connection().execute(swap).rowcount != 1:
        raise WrongState(f"{row.id} was decided by somebody else just now", next_step="read it again")
    writing.session.refresh(row)


def locked_approval(writing: Writing, id: str) -> ApprovalRow:
    row = writing.session.get(ApprovalRow, id, with_for_update=True)
    if row is None:
        raise _unknown(id)
    return row


def _locked(writing: Writing, id: str) -> tuple[ApprovalRow, ApprovalRequest]:
    row = locked_approval(writing, id)
    return row, _request(row)


def _row(request: ApprovalRequest) -> ApprovalRow:
    return ApprovalRow(
        id=request.id,
        incident_id=request.incident_id,
        plan_id=request.plan_id,
        review_id=request.review_id,
        digest=request.digest,
        status=request.status,
        cluster=request.cluster,
        expires_at=request.expires_at,
        holds_until=None,
        version=0,
        payload=request.model_dump(mode="json"),
    )


def _request(row: ApprovalRow) -> ApprovalRequest:
    return ApprovalRequest.model_validate(row.payload)


_NAMESPACED = re.compile(r"/namespaces/([^/]+)/")


def _touched(review: Review) -> set[str]:
    """The namespaces that a plan's changes reach into: of targets, and of whatever their requests name besides (the pods that
    a drain evicts). ``*`` when one of its targets is the cluster's own."""
    found: set[str] = set()
    for step in review.steps:
        if not step.is_change or step.target is None:
            continue
        found.add(step.target.namespace or EVERY_NAMESPACE)
        for request in (*step.requests, *step.inverse):
            found.update(_NAMESPACED.findall(f"{request.path}/"))
    return found


def _unknown(id: str) -> NotFound:
    return NotFound(f"there is no approval request {id}", next_step="opsdesk review lists what waits")
