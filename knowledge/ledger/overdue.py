"""Waits for an executor that have lasted too long. Every one ends, with what is known and what a person should do now."""

from __future__ import annotations

from datetime import datetime, timedelta

from knowledge.ledger.execution_rows import execution_of
from knowledge.ledger.rows.work import ExecutionRow
from knowledge.ledger.store import Writing
from knowledge.ledger.switches import freeze_reason
from knowledge.vocabulary import ExecutionStatus, StepOutcome, Text

START_ONE = "start one with `opsdesk executor` (see `opsdesk doctor`)"
START_ONE_ZH = "请用 `opsdesk executor` 启动执行器（参见 `opsdesk doctor`）"
THAW, THAW_ZH = "end the freeze (`opsdesk unfreeze`)", "请解除冻结（`opsdesk unfreeze`）"


def overdue(writing: Writing, row: ExecutionRow, wait_seconds: float) -> tuple[ExecutionStatus, Text] | None:
    """How an execution ends that has waited longer than ``wait_seconds``, None while it may go on waiting.

    One that nobody took is withdrawn; one whose executor fell silent in the middle is given up as unknown, since nobody can
    say what its last write came to.
    """
    since = _waits_since(row)
    if since is None or writing.at - since < timedelta(seconds=wait_seconds):
        return None
    waited = f"{wait_seconds:.0f} s"
    frozen = freeze_reason(writing.session, row.cluster)
    why, why_zh, mend, mend_zh = (
        f"no executor took it within {waited}",
        f"{waited} 内没有执行器接手",
        START_ONE,
        START_ONE_ZH,
    )
    if frozen is not None:
        why, why_zh = (
            f"{row.cluster} is frozen ({frozen}): not begun within {waited}",
            f"{row.cluster} 已冻结（{frozen}）",
        )
        mend, mend_zh = THAW, THAW_ZH
    match ExecutionStatus(row.status):
        case ExecutionStatus.REQUESTED:
            return ExecutionStatus.CANCELLED, Text(
                en=f"{why}, and nothing was done: {mend}, then reopen the incident",
                zh=f"{why_zh}，未做任何变更：{mend_zh}，然后重新打开该事件",
            )
        case ExecutionStatus.UNDO_REQUESTED:
            return ExecutionStatus.UNDO_FAILED, Text(
                en=f"the undo: {why}, and nothing was taken back: {mend} and ask again, or take it back by hand",
                zh=f"撤销：{why_zh}，未撤销任何变更：{mend_zh}后再次请求，或人工撤销",
            )
        case ExecutionStatus.UNDOING:
            return ExecutionStatus.UNDO_FAILED, Text(
                en=f"its executor fell silent in the undo; {why}: {_left(writing, row)}",
                zh=f"执行器在撤销过程中失联；{why_zh}：请检查目标对象",
            )
        case _:
            return ExecutionStatus.UNKNOWN, Text(
                en=f"its executor fell silent in the middle; {why}: {_left(writing, row)}",
                zh=f"执行器在执行过程中失联；{why_zh}：请检查目标对象，或请求撤销",
            )


def _waits_since(row: ExecutionRow) -> datetime | None:
    """Since when nobody is at it; None while somebody is, and for what has ended."""
    match ExecutionStatus(row.status):
        case ExecutionStatus.REQUESTED:
            return row.requested_at
        case ExecutionStatus.UNDO_REQUESTED:
            return datetime.fromisoformat(row.payload.get("undo_requested_at") or row.requested_at.isoformat())
        case ExecutionStatus.RUNNING | ExecutionStatus.UNDOING:
            return row.leased_until
        case _:
            return None


def _left(writing: Writing, row: ExecutionRow) -> str:
    results = execution_of(writing.session, row).results
    done = sum(one.outcome is StepOutcome.DONE for one in results)
    undone = sum(one.outcome is StepOutcome.UNDONE for one in results)
    still_open = [one.step_key for one in results if one.outcome is StepOutcome.INTENDED]
    told = f"{done} done, {undone} taken back"
    if still_open:
        told += f", and what became of {', '.join(still_open)} is not known"
    return f"{told}: look at the targets, then ask for the undo or take it back by hand"
