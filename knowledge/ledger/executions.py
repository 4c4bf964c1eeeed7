"""Executions: one per approval, ever; carried out by whoever holds the newest fencing token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, or_, select

from knowledge.errors import (
    ApprovalVoid,
    LeaseLost,
    NotAuthorised,
    NotFound,
    PlanChangedAfterApproval,
    PlanForbidden,
    WrongState,
)
from knowledge.ledger.approvals import locked_approval, take, void
from knowledge.ledger.execution_rows import (
    ENDED,
    LEASED,
    WAITS_FOR_WORKER,
    execution_of,
    keep_result,
    leave,
    new_row,
)
from knowledge.ledger.leases import is_held
from knowledge.ledger.overdue import overdue
from knowledge.ledger.plans import keep_review
from knowledge.ledger.rows.work import ApprovalRow, ExecutionRow, ExecutionStepRow, ExecutionTargetRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.switches import freeze_reason
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.voting import has_run_out, lost_ground, state_error
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    Execution,
    ExecutionStatus,
    IncidentStatus,
    Review,
    Ruling,
    StepOutcome,
    StepResult,
    Text,
)

_MAY_UNDO = frozenset(
    {
        ExecutionStatus.DONE,
        ExecutionStatus.FAILED,
        ExecutionStatus.UNKNOWN,
        ExecutionStatus.CANCELLED,
        ExecutionStatus.UNDO_FAILED,
    }
)


class Executions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def request(
        self, incident_id: str, plan_id: str, review: Review, approval_id: str = "", approvers: Sequence[str] = ()
    ) -> Execution:
        """The one execution of an approval (or of a review that needs none): asked for again, the same one.

        The approval is used up in the same transaction; one that ``approvals.use`` took before is fine while nothing
        runs on it. Who approved is read from its votes; ``approvers`` is kept for a review that needed none. An approver
        who has lost the role or the scope since voids the approval. Raises PlanForbidden, NotAuthorised (approval needed),
        PlanChangedAfterApproval, ApprovalExpired, ApprovalVoid, WrongState.
        """
        if review.approvers_needed < 0:
            raise PlanForbidden(f"{plan_id} is {review.ruling.value}: it never runs", next_step="change the script")
        if not approval_id and review.ruling is not Ruling.AUTO:
            raise NotAuthorised(f"{plan_id} needs {review.approvers_needed} approver(s)", next_step="ask for approval")
        if (review.plan_id, review.incident_id) != (plan_id, incident_id):
            raise WrongState(f"review {review.id} is of plan {review.plan_id}", next_step="use the plan's own review")
        with self._store.write() as writing:
            granted_by = approval_id or f"auto:{review.id}"
            writing.hold(f"execution {granted_by}")
            approval = locked_approval(writing, approval_id) if approval_id else None
            known = writing.session.scalars(select(ExecutionRow).where(ExecutionRow.granted_by == granted_by)).first()
            if known is not None:
                _check_same(known, plan_id, review)
                return execution_of(writing.session, known)
            _check_open(writing, incident_id)
            keep_review(writing, review)
            lost = _lost(writing, approval) if approval else None
            if lost is None:
                return _asked(writing, review, granted_by, approval, approvers)
        raise ApprovalVoid(
            f"{approval_id} is void: {lost.en}", next_step="ask for approval again"
        )  # voided for good: that transaction stands

    def claim_next(
        self, worker: str, lease_seconds: float, clusters: Collection[str] | None = None
    ) -> tuple[Execution, int] | None:
        """The oldest execution that waits, or whose worker fell silent, with its fencing token; None when there is none.

        ``clusters`` are those that the worker has hands in (None: all): another one's work is left to the other one. Nothing is handed out of a frozen cluster. One whose approval ran out before it began is cancelled instead.
        """
        with self._store.write() as writing:
            for row in writing.session.scalars(_claimable(writing.at, clusters)):
                if freeze_reason(writing.session, row.cluster) is not None:
                    continue
                stale = _stale(writing, row)
                if stale is not None:
                    leave(writing, row, ExecutionStatus.CANCELLED, stale)
                    continue
                return _claimed(writing, row, worker, lease_seconds)
            return None

    def renew(self, id: str, token: int, lease_seconds: float) -> None:
        with self._store.write() as writing:
            _held(writing, id, token).leased_until = writing.at + timedelta(seconds=lease_seconds)

    def record_intent(self, id: str, token: int, step: int, step_key: str, request_digest: str) -> None:
        """Write-ahead: call it before every write. WrongState when this step key has an outcome already: what was done
        is not done twice. LeaseLost with a stale token: then nothing may be sent."""
        with self._store.write() as writing:
            row = _held(writing, id, token)
            known = writing.session.get(ExecutionStepRow, (id, step_key))
            if known is not None and known.outcome not in {StepOutcome.PENDING, StepOutcome.INTENDED}:
                raise WrongState(f"step {step} of {id} is {known.outcome}", next_step="go on with the next step")
            intended = StepResult(step=step, step_key=step_key, outcome=StepOutcome.INTENDED, started_at=writing.at)
            keep_result(writing, row, intended, request_digest)
            writing.audit(row.holder, "execution.intend", id, step=step, key=step_key, request=request_digest)

    def record_result(self, id: str, token: int, result: StepResult) -> None:
        with self._store.write() as writing:
            row = _held(writing, id, token)
            keep_result(writing, row, result, request_digest=None)
            told = {"step": result.step, "key": result.step_key, "outcome": result.outcome, "message": result.message}
            writing.audit(row.holder, "execution.result", id, **told)

    def finish(self, id: str, token: int, status: ExecutionStatus, message: str) -> Execution:
        """Ends it and wakes the incident. WrongState for a status that is no end, LeaseLost with a stale token."""
        if status not in ENDED:
            raise WrongState(f"{status.value} does not end an execution", next_step="finish with an end status")
        with self._store.write() as writing:
            row = _held(writing, id, token)
            leave(writing, row, status, message)
            return execution_of(writing.session, row)

    def request_undo(self, id: str, actor: str) -> Execution:
        """Asks a worker to take back what was done; the plan's approval covered its inverses. WrongState while it runs."""
        with self._store.write() as writing:
            row = _locked(writing, id)
            if row.status not in _MAY_UNDO or row.token == 0:
                raise WrongState(f"{id} is {row.status}: nothing to undo now", next_step="wait until it has ended")
            row.status, row.is_cancelled, row.version = ExecutionStatus.UNDO_REQUESTED, False, row.version + 1
            row.payload = row.payload | {"undo_requested_at": writing.at.isoformat()}
            writing.audit(actor, "execution.undo", id)
            asked = Text(en=f"{actor} asked for the undo", zh=f"{actor} 请求撤销")
            if not is_held(writing.session, f"executor:{row.cluster}", writing.at):
                asked = _with_nobody_there(asked)
            tell(writing, locked_incident(writing, row.incident_id), "undo", actor, asked, {"execution": id})
            return execution_of(writing.session, row)

    def expire_waits(self, wait_seconds: float) -> list[Execution]:
        """Ends every wait for an executor that has lasted so long: one that nobody took, one whose executor fell silent in the
        middle and to which none came back, an undo that nobody took. Each wakes its incident and says so there."""
        with self._store.write() as writing:
            waits = select(ExecutionRow).where(ExecutionRow.status.in_(WAITS_FOR_WORKER | LEASED))
            ended = []
            for row in writing.session.scalars(waits.order_by(ExecutionRow.id).with_for_update(skip_locked=True)):
                over = overdue(writing, row, wait_seconds)
                if over is not None:
                    leave(writing, row, over[0], over[1].en, over[1].zh)
                    ended.append(execution_of(writing.session, row))
            return ended

    def cancel(self, id: str, actor: str) -> Execution:
        """Stops before the next step; one that nobody began ends at once. WrongState when it has ended."""
        with self._store.write() as writing:
            row = _locked(writing, id)
            if row.status in ENDED:
                raise WrongState(f"{id} is {row.status} already", next_step="ask for the undo if it did harm")
            row.is_cancelled, row.version = True, row.version + 1
            writing.audit(actor, "execution.cancel", id)
            if row.status == ExecutionStatus.REQUESTED:
                leave(writing, row, ExecutionStatus.CANCELLED, f"cancelled by {actor} before it began")
            return execution_of(writing.session, row)

    def is_cancelled(self, id: str) -> bool:
        """Read between steps."""
        with self._store.read() as session:
            row = session.get(ExecutionRow, id)
        return row is not None and row.is_cancelled

    def get(self, id: str) -> Execution:
        with self._store.read() as session:
            row = session.get(ExecutionRow, id)
            if row is None:
                raise _unknown(id)
            return execution_of(session, row)

    def for_incident(self, incident_id: str) -> list[Execution]:
        """Newest first."""
        with self._store.read() as session:
            query = select(ExecutionRow).where(ExecutionRow.incident_id == incident_id).order_by(ExecutionRow.id.desc())
            return [execution_of(session, row) for row in session.scalars(query).all()]

    def recent_for_target(self, target_key: str, since: datetime, cluster: str = "") -> list[Execution]:
        """Executions requested since then that change the target (``ObjectRef.key``), newest first: for rate limits."""
        query = (
            select(ExecutionRow)
            .join(ExecutionTargetRow, ExecutionTargetRow.execution_id == ExecutionRow.id)
            .where(ExecutionTargetRow.target_key == target_key, ExecutionRow.requested_at >= since)
            .order_by(ExecutionRow.id.desc())
        )
        if cluster:
            query = query.where(ExecutionTargetRow.cluster == cluster)
        with self._store.read() as session:
            return [execution_of(session, row) for row in session.scalars(query).all()]


def _used(writing: Writing, approval: ApprovalRow, review: Review) -> ApprovalRequest:
    """The approval, used. What ran out is left to ``expire_due``: this transaction must not half-succeed."""
    request = ApprovalRequest.model_validate(approval.payload)
    if (request.plan_id, request.digest) != (review.plan_id, review.digest):
        raise PlanChangedAfterApproval(
            f"{request.id} approved another plan than this", next_step="ask for approval again"
        )
    if has_run_out(request, writing.at):
        raise state_error(request.model_copy(update={"status": ApprovalStatus.EXPIRED}))
    return request if request.status is ApprovalStatus.USED else take(writing, approval, review.digest)


def _check_open(writing: Writing, incident_id: str) -> None:
    incident = locked_incident(writing, incident_id)
    if incident.status in {IncidentStatus.CLOSED, IncidentStatus.MERGED}:
        raise WrongState(f"{incident_id} is {incident.status}: nothing is run for it", next_step="reopen it first")


def _check_same(known: ExecutionRow, plan_id: str, review: Review) -> None:
    if known.plan_id != plan_id or known.payload["digest"] != review.digest:
        raise PlanChangedAfterApproval(f"{known.id} runs another plan than this", next_step="ask for approval again")


def _claimable(at: datetime, clusters: Collection[str] | None) -> Select[ExecutionRow]:
    silent = and_(ExecutionRow.status.in_(LEASED), ExecutionRow.leased_until <= at)
    waiting = or_(ExecutionRow.status.in_(WAITS_FOR_WORKER), silent)
    query = select(ExecutionRow).where(waiting)
    if clusters is not None:
        query = query.where(ExecutionRow.cluster.in_(sorted(clusters)))
    return query.order_by(ExecutionRow.id).with_for_update(skip_locked=True)


def _asked(
    writing: Writing, review: Review, granted_by: str, approval: ApprovalRow | None, approvers: Sequence[str]
) -> Execution:
    grant = _used(writing, approval, review) if approval else None
    who = [vote.principal for vote in grant.votes] if grant else list(approvers)
    approval_id = approval.id if approval else ""
    row = new_row(writing, review, granted_by, approval_id, who, grant.holds_until if grant else None)
    writing.audit("desk", "execution.request", row.id, plan=review.plan_id, digest=review.digest, approvers=who)
    asked = Text(en="execution requested", zh="已请求执行")
    tell(writing, locked_incident(writing, review.incident_id), "execute", "desk", asked, {"execution": row.id})
    return execution_of(writing.session, row)


def _lost(writing: Writing, approval: ApprovalRow) -> Text | None:
    """Voids an approval that its approvers no longer carry, and says why; None when they do, or when it is none that could
    run anyway."""
    request = ApprovalRequest.model_validate(approval.payload)
    if request.status not in {ApprovalStatus.APPROVED, ApprovalStatus.USED} or has_run_out(request, writing.at):
        return None
    lost = lost_ground(writing.session, request)
    if lost is not None:
        void(writing, approval, lost)
    return lost


def _stale(writing: Writing, row: ExecutionRow) -> str | None:
    """Why an execution that nobody has begun may not begin any more."""
    if row.status != ExecutionStatus.REQUESTED:
        return None
    if row.starts_before is not None and row.starts_before <= writing.at:
        return "the approval ran out before the execution began"
    approval_id = row.payload["approval_id"]
    approval = writing.session.get(ApprovalRow, approval_id) if approval_id else None
    lost = lost_ground(writing.session, ApprovalRequest.model_validate(approval.payload)) if approval else None
    return f"the approval is void: {lost.en}" if lost else None


def _with_nobody_there(asked: Text) -> Text:
    return Text(
        en=f"{asked.en}; no executor is running in this cluster: start one with `opsdesk executor`, or take it back by hand",
        zh=f"{asked.zh}；该集群没有运行中的执行器：请用 `opsdesk executor` 启动，或人工撤销",
    )


def _claimed(writing: Writing, row: ExecutionRow, worker: str, lease_seconds: float) -> tuple[Execution, int]:
    undoes = row.status in {ExecutionStatus.UNDO_REQUESTED, ExecutionStatus.UNDOING}
    row.status = ExecutionStatus.UNDOING if undoes else ExecutionStatus.RUNNING
    row.holder, row.token, row.version = worker, row.token + 1, row.version + 1
    row.leased_until = writing.at + timedelta(seconds=lease_seconds)
    row.payload = row.payload | {"started_at": row.payload["started_at"] or writing.at.isoformat()}
    writing.audit(worker, "execution.claim", row.id, token=row.token, status=row.status)
    writing.session.flush()
    return execution_of(writing.session, row), row.token


def _held(writing: Writing, id: str, token: int) -> ExecutionRow:
    row = _locked(writing, id)
    if row.token != token or row.status not in LEASED:
        raise LeaseLost(f"{id} is no longer yours (token {token})", next_step="stop: send nothing more")
    return row


def _locked(writing: Writing, id: str) -> ExecutionRow:
    row = writing.session.get(ExecutionRow, id, with_for_update=True)
    if row is None:
        raise _unknown(id)
    return row


def _unknown(id: str) -> NotFound:
    return NotFound(f"there is no execution {id}", next_step="opsdesk incident show lists them")
