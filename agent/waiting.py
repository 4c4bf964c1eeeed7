"""Waiting for the executor, looked at again from time to time because a process that died wakes nobody; and for people who
tick manual steps. Either has an end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from agent.deps import Deps
from knowledge.errors import WaitedTooLong
from knowledge.vocabulary import Execution, IncidentStatus, Plan, Text

LOOK_AGAIN_SECONDS = 30.0
EXECUTOR_WAIT = "executor_wait"
MANUAL_WAIT = "manual_steps_wait"


async def look_again(incident_id: str, deps: Deps) -> None:
    """Asks to be woken after a while, whatever else happens; a wake that finds the wait over does nothing."""
    seconds = min(LOOK_AGAIN_SECONDS, deps.options.executor_wait_seconds)
    due = deps.clock.now() + timedelta(seconds=seconds)
    await asyncio.to_thread(deps.ledger.wakes.add, incident_id, EXECUTOR_WAIT, due)


async def tell_when_left_alone(execution: Execution, deps: Deps) -> None:
    """Says once that an execution stands in the middle and nobody is at it: whoever comes in time goes on."""
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


async def wait_for_ticks(plan: Plan, deps: Deps) -> None:
    """Says once until when the manual steps are waited for, and asks to be woken then. Each tick gives the rest as much time
    again. Raises WaitedTooLong when it is over: that is a no."""
    left = sum(not step.done_by for step in plan.manual_steps)
    patience = timedelta(seconds=deps.options.manual_steps_wait_seconds)
    began = await asyncio.to_thread(_began, plan, deps)
    until = max([began, *(step.done_at for step in plan.manual_steps if step.done_at)]) + patience
    if deps.clock.now() >= until:
        raise WaitedTooLong(
            f"{left} of {len(plan.manual_steps)} manual steps were not ticked within {patience.total_seconds():.0f} s: "
            "that is a no",
            next_step="reopen the incident to have it looked at anew, or close it",
        )
    waits = Text(
        en=f"{left} manual steps to tick, until {until:%Y-%m-%d %H:%M} UTC",
        zh=f"还有 {left} 个人工步骤待确认，截至 {until:%Y-%m-%d %H:%M} UTC",
    )
    ledger = deps.ledger
    await asyncio.to_thread(ledger.incidents.set_status, plan.incident_id, IncidentStatus.EXECUTING, waits)
    await asyncio.to_thread(ledger.wakes.add, plan.incident_id, MANUAL_WAIT, until)


def _began(plan: Plan, deps: Deps) -> datetime:
    """When the ticks were first asked for: read from the timeline, so that a restart begins no new wait."""
    for entry in deps.ledger.timeline.for_incident(plan.incident_id, limit=100_000):
        if entry.data.get(MANUAL_WAIT) == plan.id:
            return entry.at
    seconds = deps.options.manual_steps_wait_seconds
    asked = Text(
        en=f"waits for {len(plan.manual_steps)} manual steps to be ticked, {seconds / 3600:.1f} h after the last tick at most",
        zh=f"等待确认 {len(plan.manual_steps)} 个人工步骤，最长等待至上次确认后 {seconds / 3600:.1f} 小时",
    )
    told = {MANUAL_WAIT: plan.id}
    return deps.ledger.timeline.add(plan.incident_id, "execute", "opsdesk", asked, told).at
