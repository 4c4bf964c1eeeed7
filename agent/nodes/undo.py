"""Takes back what made things worse. The undo was approved with the plan; the executor carries it out."""

from __future__ import annotations

import asyncio

from langgraph.types import interrupt

from agent.deps import Deps
from agent.state import IncidentState
from agent.waiting import look_again, tell_when_left_alone
from knowledge.vocabulary import ExecutionStatus, Text

WAITING = frozenset({ExecutionStatus.UNDO_REQUESTED, ExecutionStatus.UNDOING})


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    execution_id = state["execution_id"]
    execution = await asyncio.to_thread(deps.ledger.executions.get, execution_id)
    if execution.status is ExecutionStatus.DONE:
        execution = await asyncio.to_thread(deps.ledger.executions.request_undo, execution_id, "opsdesk")
    while execution.status in WAITING:
        await asyncio.to_thread(deps.ledger.executions.expire_waits, deps.options.executor_wait_seconds)
        execution = await asyncio.to_thread(deps.ledger.executions.get, execution_id)
        if execution.status not in WAITING:
            break
        await tell_when_left_alone(execution, deps)
        await look_again(state["incident_id"], deps)
        interrupt({"waiting": "executor", "execution_id": execution_id, "status": execution.status.value})
        execution = await asyncio.to_thread(deps.ledger.executions.get, execution_id)
    undone = execution.status is ExecutionStatus.UNDONE
    summary = (
        Text(en="The change was taken back: it had made things worse", zh="变更使情况变差，已撤销")
        if undone
        else Text(
            en=f"Undo ended as {execution.status}: a human is needed", zh=f"撤销结果为 {execution.status}：需要人工处理"
        )
    )
    data = execution.model_dump(mode="json")
    await asyncio.to_thread(deps.ledger.timeline.add, state["incident_id"], "undo", "executor", summary, data)
    return {"undone": execution.status.value}
