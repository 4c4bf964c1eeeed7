"""Hands the approved plan to the executor process and waits for its result. Writes nothing to any cluster itself."""

from __future__ import annotations

import asyncio

from langgraph.types import interrupt

from agent.deps import Deps
from agent.state import IncidentState
from agent.waiting import look_again, tell_when_left_alone, wait_for_ticks
from knowledge.errors import WrongState
from knowledge.vocabulary import ApprovalRequest, Execution, ExecutionStatus, IncidentStatus, Mode, Review, Text

READ = Text(en="read as asked", zh="已按要求读取")
WATCHING = Text(en="done; watching the recovery", zh="已完成，正在观察恢复情况")
UNFINISHED = frozenset(
    {ExecutionStatus.REQUESTED, ExecutionStatus.RUNNING, ExecutionStatus.UNDO_REQUESTED, ExecutionStatus.UNDOING}
)


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    review = await asyncio.to_thread(deps.ledger.reviews.get, state["review_id"])
    if not review.steps:
        await _manual_steps_done(state, deps)
        return {"execution_id": "", "execution": ExecutionStatus.DONE.value}
    execution = await asyncio.to_thread(_requested, state, review, deps)
    while (execution := await _not_overdue(execution, deps)).status in UNFINISHED:
        if execution.status is not ExecutionStatus.REQUESTED:
            await tell_when_left_alone(execution, deps)
        await look_again(state["incident_id"], deps)
        interrupt({"waiting": "executor", "execution_id": execution.id, "status": execution.status.value})
        execution = await asyncio.to_thread(deps.ledger.executions.get, execution.id)
    data = execution.model_dump(mode="json")
    await asyncio.to_thread(
        deps.ledger.timeline.add, state["incident_id"], "execute", "executor", _summary(execution), data
    )
    if execution.status is ExecutionStatus.DONE and not review.has_changes:
        await _told(state["incident_id"], execution, deps)
        return {"execution_id": execution.id, "execution": "answered"}
    if execution.status is ExecutionStatus.DONE:
        await _watch_recovery(state["incident_id"], deps)
    return {"execution_id": execution.id, "execution": execution.status.value}


async def _manual_steps_done(state: IncidentState, deps: Deps) -> None:
    """A plan of manual steps alone waits until a person has ticked them all. Beside a script they are advice for the time
    after: the recovery is watched at once, and they stay on the list."""
    incident_id = state["incident_id"]
    plan = await asyncio.to_thread(deps.ledger.plans.get, state["plan_id"])
    while not all(step.done_by for step in plan.manual_steps):
        await wait_for_ticks(plan, deps)
        interrupt({"waiting": "manual_steps", "plan_id": plan.id})
        plan = await asyncio.to_thread(deps.ledger.plans.get, state["plan_id"])
    await _watch_recovery(incident_id, deps)


async def _told(incident_id: str, execution: Execution, deps: Deps) -> None:
    """A script that only reads ends with what it read: there is nothing to verify."""
    output = "\n".join(result.output for result in execution.results)[:4_000] or "(nothing)"
    answer = Text(en=output, zh=output)
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "answer", "opsdesk", answer, {"text": output})
    await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, IncidentStatus.ANSWERED, READ)


async def _watch_recovery(incident_id: str, deps: Deps) -> None:
    await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, IncidentStatus.VERIFYING, WATCHING)


def _requested(state: IncidentState, review: Review, deps: Deps) -> Execution:
    """The execution of this approval: asked for once, found again after a restart."""
    approval_id = state.get("approval_id", "")
    approvers: tuple[str, ...] = ()
    if approval_id:
        request: ApprovalRequest = deps.ledger.approvals.get(approval_id)
        approvers = tuple(vote.principal for vote in request.votes)
    _check_mode(state, review, approval_id, deps)
    return deps.ledger.executions.request(state["incident_id"], state["plan_id"], review, approval_id, approvers)


def _check_mode(state: IncidentState, review: Review, approval_id: str, deps: Deps) -> None:
    """The cluster's mode of this moment counts, not that of the review. What an executor was asked for already is waited for."""
    mode = deps.mode(review.cluster)
    if mode is Mode.EXECUTE or not review.has_changes:
        return
    asked = deps.ledger.executions.for_incident(state["incident_id"])
    if not any((one.plan_id, one.approval_id) == (review.plan_id, approval_id) for one in asked):
        raise WrongState(
            f"the mode of {review.cluster} is {mode.value} by now: nothing is executed there",
            next_step="carry the script out by hand, or set the mode and reopen the incident",
        )


async def _not_overdue(execution: Execution, deps: Deps) -> Execution:
    """The execution, ended when its time was up: an executor that never comes, or comes back, is told to a human, not waited
    for silently."""
    if execution.status not in UNFINISHED:
        return execution
    await asyncio.to_thread(deps.ledger.executions.expire_waits, deps.options.executor_wait_seconds)
    return await asyncio.to_thread(deps.ledger.executions.get, execution.id)


def _summary(execution: Execution) -> Text:
    done = sum(result.outcome.value == "done" for result in execution.results)
    total = len(execution.results)
    words = {
        ExecutionStatus.DONE: Text(
            en=f"Executed: {done} of {total} steps done", zh=f"已执行：{total} 步中完成 {done} 步"
        ),
        ExecutionStatus.CANCELLED: Text(en="Execution cancelled", zh="执行已取消"),
        ExecutionStatus.UNKNOWN: Text(
            en="A write got no answer and its outcome could not be told: a human has to look",
            zh="有一次写入没有得到应答且无法判定结果：需要人工查看",
        ),
        ExecutionStatus.UNDONE: Text(en="A step failed; what was done was undone", zh="有步骤失败；已执行的部分已撤销"),
        ExecutionStatus.UNDO_FAILED: Text(
            en="A step failed and undoing failed too: a human is needed now",
            zh="步骤失败且撤销也失败：立即需要人工处理",
        ),
    }
    text = words.get(execution.status, Text(en=f"Execution {execution.status}", zh=f"执行结果：{execution.status}"))
    if not execution.message:
        return text
    return Text(en=f"{text.en} ({execution.message})", zh=f"{text.zh}（{execution.message}）")
