"""Waiting for the executor: looked at again from time to time, because a process that died wakes nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from agent.deps import Deps
from knowledge.vocabulary import Execution, Text

LOOK_AGAIN_SECONDS = 30.0
EXECUTOR_WAIT = "executor_wait"


async def look_again(incident_id: str, deps: Deps) -> None:
    """Asks to be woken after a while, whatever else happens; a wake that finds the wait over does nothing."""
    seconds = min(LOOK_AGAIN_SECONDS, deps.options.executor_wait_seconds)
    due = deps.clock.now() + timedelta(seconds=seconds)
    await asyncio.to_thread(deps.ledger.wakes.add, incident_id, EXECUTOR_WAIT, due)


async def tell_when_left_alone(execution: Execution, deps: Deps) -> None:
    """Says once that an execution stands in the middle and nobody is at it. It is not given up: whoever comes goes on."""
    if await asyncio.to_thread(deps.ledger.leases.is_held, f"executor:{execution.cluster}"):
        return
    told = Text(
        en=f"execution {execution.id} is {execution.status.value} and no executor answers: look at its targets, and start "
        "an executor (`opsdesk executor`), which goes on where it stopped",
        zh=f"执行 {execution.id} 处于 {execution.status.value} 状态，但没有执行器应答：请检查其目标，并启动执行器"
        "（`opsdesk executor`），它会从中断处继续",
    )
    ledger = deps.ledger
    incident = await asyncio.to_thread(ledger.incidents.get, execution.incident_id)
    if incident.reason != told.en:
        await asyncio.to_thread(ledger.incidents.set_status, incident.id, incident.status, told)
        await asyncio.to_thread(ledger.timeline.add, incident.id, "execute", "opsdesk", told, {})
