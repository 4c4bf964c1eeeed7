"""How an execution lies in its tables: the noun is put together from its row and the rows of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.ids import new_id
from knowledge.ledger.remedies import lasting_key
from knowledge.ledger.rows.work import ExecutionRow, ExecutionStepRow, ExecutionTargetRow
from knowledge.ledger.store import Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.values import WakeReason
from knowledge.ledger.wakes import add_wake
from knowledge.vocabulary import Execution, ExecutionStatus, IncidentStatus, Review, StepResult, Text

WAITS_FOR_WORKER = frozenset({ExecutionStatus.REQUESTED, ExecutionStatus.UNDO_REQUESTED})
LEASED = frozenset({ExecutionStatus.RUNNING, ExecutionStatus.UNDOING})
ENDED = frozenset(ExecutionStatus) - WAITS_FOR_WORKER - LEASED
NEEDS_A_PERSON = frozenset({ExecutionStatus.UNKNOWN, ExecutionStatus.UNDO_FAILED})
"""Ends that a person has to look at now, even where the incident had ended well."""

_CHINESE = {
    ExecutionStatus.DONE: "执行完成",
    ExecutionStatus.FAILED: "执行失败",
    ExecutionStatus.UNKNOWN: "执行结果未知",
    ExecutionStatus.CANCELLED: "执行已取消",
    ExecutionStatus.UNDONE: "已撤销",
    ExecutionStatus.UNDO_FAILED: "撤销失败",
}

_HAPPENED = {
    ExecutionStatus.DONE: HappeningKind.EXECUTED,
    ExecutionStatus.FAILED: HappeningKind.FAILED,
    ExecutionStatus.UNKNOWN: HappeningKind.FAILED,
    ExecutionStatus.CANCELLED: HappeningKind.FAILED,
    ExecutionStatus.UNDONE: HappeningKind.UNDONE,
    ExecutionStatus.UNDO_FAILED: HappeningKind.FAILED,
}


def new_row(
    writing: Writing,
    review: Review,
    granted_by: str,
    approval_id: str,
    approvers: Sequence[str],
    starts_before: datetime | None,
) -> ExecutionRow:
    """The row of a fresh execution, and one per target that it changes."""
    execution = Execution(
        id=new_id("exe", writing.at),
        incident_id=review.incident_id,
        plan_id=review.plan_id,
        review_id=review.id,
        approval_id=approval_id,
        cluster=review.cluster,
        digest=review.digest,
        status=ExecutionStatus.REQUESTED,
        approvers=tuple(approvers),
        requested_at=writing.at,
    )
    row = ExecutionRow(
        id=execution.id,
        incident_id=review.incident_id,
        plan_id=review.plan_id,
        review_id=review.id,
        granted_by=granted_by,
        cluster=review.cluster,
        status=execution.status,
        is_cancelled=False,
        holder="",
        token=0,
        leased_until=None,
        starts_before=starts_before,
        requested_at=writing.at,
        version=0,
        payload=execution.model_dump(mode="json"),
    )
    writing.session.add(row)
    writing.session.flush()
    changed = [step.target for step in review.steps if step.target is not None and step.is_change]
    targets = {key for target in changed for key in (target.key, lasting_key(target))}
    writing.session.add_all(
        ExecutionTargetRow(execution_id=row.id, target_key=key, cluster=review.cluster) for key in sorted(targets)
    )
    return row


def execution_of(session: Session, row: ExecutionRow) -> Execution:
    query = select(ExecutionStepRow).where(ExecutionStepRow.execution_id == row.id).order_by(ExecutionStepRow.position)
    results = [step.payload for step in session.scalars(query)]
    return Execution.model_validate(row.payload | {"results": results, "status": row.status, "version": row.version})


def keep_result(writing: Writing, row: ExecutionRow, result: StepResult, request_digest: str | None) -> None:
    """Writes what is known of one step key; the time of its intent stays when the result brings none."""
    step = writing.session.get(ExecutionStepRow, (row.id, result.step_key))
    if step is None:
        of_execution = ExecutionStepRow.execution_id == row.id
        last = writing.session.scalar(select(func.max(ExecutionStepRow.position)).where(of_execution)) or 0
        step = ExecutionStepRow(
            execution_id=row.id, step_key=result.step_key, position=last + 1, outcome="", request_digest="", payload={}
        )
        writing.session.add(step)
    payload = result.model_dump(mode="json")
    payload["started_at"] = payload["started_at"] or step.payload.get("started_at")
    step.outcome, step.payload = result.outcome, payload
    step.request_digest = step.request_digest if request_digest is None else request_digest
    row.version += 1
    writing.session.flush()


def leave(writing: Writing, row: ExecutionRow, status: ExecutionStatus, message: str, message_zh: str = "") -> None:
    """Ends a locked execution within a running transaction: status, timeline, wake, audit."""
    actor = row.holder or "desk"
    row.status, row.holder, row.leased_until, row.version = status, "", None, row.version + 1
    row.payload = row.payload | {"message": message, "finished_at": writing.at.isoformat()}
    writing.session.flush()
    incident = locked_incident(writing, row.incident_id)
    if status in NEEDS_A_PERSON and incident.status in {IncidentStatus.RESOLVED, IncidentStatus.ANSWERED}:
        incident.status, incident.reason = (
            IncidentStatus.HANDED_OVER,
            f"execution {row.id} is {status.value}: {message}",
        )
        incident.reason_zh, incident.version = f"{_CHINESE[status]}：{message_zh or message}", incident.version + 1
    ended = Text(en=f"execution {status.value}: {message}", zh=f"{_CHINESE[status]}：{message_zh or message}")
    stage = "undo" if status in {ExecutionStatus.UNDONE, ExecutionStatus.UNDO_FAILED} else "execute"
    tell(writing, incident, stage, actor, ended, execution_of(writing.session, row).model_dump(mode="json"))
    add_wake(writing, row.incident_id, WakeReason.EXECUTION_FINISHED)
    happened(writing, _HAPPENED[status], row.incident_id, row.id, said=ended, is_page=status in NEEDS_A_PERSON)
    writing.audit(actor, "execution.finish", row.id, status=status, message=message)
