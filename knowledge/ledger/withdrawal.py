"""What an incident leaves behind when it is closed, merged or begun anew: nothing that could still run."""

from __future__ import annotations

from sqlalchemy import select

from knowledge.errors import WrongState
from knowledge.ledger.approvals import LIVE, void
from knowledge.ledger.execution_rows import ENDED, LEASED, leave
from knowledge.ledger.rows.work import ApprovalRow, ExecutionRow
from knowledge.ledger.store import Writing
from knowledge.vocabulary import ExecutionStatus, Text

WITHDRAWN = Text(en="its incident was closed, merged or reopened", zh="事件已关闭、合并或重新打开")

_ENDS = {
    ExecutionStatus.REQUESTED: ExecutionStatus.CANCELLED,
    ExecutionStatus.RUNNING: ExecutionStatus.UNKNOWN,
    ExecutionStatus.UNDO_REQUESTED: ExecutionStatus.UNDO_FAILED,
    ExecutionStatus.UNDOING: ExecutionStatus.UNDO_FAILED,
}
"""What was in the middle when its executor fell silent is not known."""


def withdraw(writing: Writing, incident_id: str) -> None:
    """Voids its live approvals and ends what no executor has begun. WrongState while an executor is at it; one whose executor
    fell silent does not keep its incident open for ever."""
    query = select(ExecutionRow).where(ExecutionRow.incident_id == incident_id, ExecutionRow.status.not_in(ENDED))
    for row in writing.session.scalars(query.with_for_update()):
        if row.status in LEASED and row.leased_until is not None and row.leased_until > writing.at:
            raise WrongState(f"execution {row.id} is {row.status}", next_step="cancel it, or wait until it has ended")
        leave(writing, row, _ENDS[ExecutionStatus(row.status)], "its incident was closed, merged or reopened")
    live = select(ApprovalRow).where(ApprovalRow.incident_id == incident_id, ApprovalRow.status.in_(LIVE))
    for approval in writing.session.scalars(live.with_for_update()).all():
        void(writing, approval, WITHDRAWN)
