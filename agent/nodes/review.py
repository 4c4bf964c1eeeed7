"""Has the plan reviewed, and asks the people whom the verdict needs.

Where an executor is at hand it reviews with its own identity (permissions, server-side dry run); else the review is done
here without them, and says that they are open.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from langgraph.types import interrupt

from agent.deps import Deps
from agent.enabled import with_enabled
from agent.limits import with_limits
from agent.state import IncidentState
from agent.waiting import look_again
from knowledge.ledger.rehearsals import Rehearsal
from knowledge.vocabulary import IncidentStatus, Mode, Plan, Review, Ruling, Text
from tools.review import review_plan

RULINGS = {
    Ruling.AUTO: Text(en="may run without approval", zh="无需审批即可执行"),
    Ruling.ONE: Text(en="needs one approver", zh="需要一名审批人"),
    Ruling.TWO: Text(en="needs two approvers", zh="需要两名审批人"),
    Ruling.FORBIDDEN: Text(en="is forbidden", zh="被禁止"),
    Ruling.REFUSED: Text(en="is refused", zh="被拒绝"),
}


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    plan = await asyncio.to_thread(deps.ledger.plans.get, state["plan_id"])
    mode = deps.mode(plan.cluster)
    executes = mode is Mode.EXECUTE and bool(plan.steps)
    review = await _rehearsed(plan, deps) if executes else None
    if review is None:
        reader = deps.cluster(plan.cluster).reader
        review = await review_plan(
            plan,
            reader=reader,
            writer=None,
            policy=deps.policy,
            clock=deps.clock,
            topology_keys=keys_of(plan),
        )
        review = await with_limits(review, plan, deps.ledger, deps.policy, deps.clock.now())
        review = with_enabled(review, deps.cluster(plan.cluster).actions)
        await asyncio.to_thread(deps.ledger.reviews.put, review)
    words = RULINGS[review.ruling]
    summary = Text(en=f"The plan {words.en}", zh=f"该方案{words.zh}")
    await asyncio.to_thread(
        deps.ledger.timeline.add, incident_id, "review", "opsdesk", summary, review.model_dump(mode="json")
    )
    if review.ruling in {Ruling.FORBIDDEN, Ruling.REFUSED}:
        return {"review_id": review.id, "ruling": review.ruling.value, "approval_id": ""}
    if mode is not Mode.EXECUTE and plan.steps:
        return {"review_id": review.id, "ruling": "propose", "approval_id": ""}
    approval_id = await _asked(plan, review, deps) if review.ruling is not Ruling.AUTO else ""
    return {"review_id": review.id, "ruling": review.ruling.value, "approval_id": approval_id}


def keys_of(plan: Plan) -> frozenset[str] | None:
    return None if plan.topology_keys is None else frozenset(plan.topology_keys)


async def _rehearsed(plan: Plan, deps: Deps) -> Review | None:
    """The review by the executor, or None where none is running. The request is found again after a restart."""
    if not await asyncio.to_thread(deps.ledger.leases.is_held, f"executor:{plan.cluster}"):
        return None
    rehearsal = await asyncio.to_thread(deps.ledger.rehearsals.request, plan.id)
    while not rehearsal.is_done:
        if _takes_too_long(rehearsal, deps):
            summary = Text(
                en="The executor did not review in time: reviewed without its rights and dry run",
                zh="执行器未在时限内完成审查：已在无其权限检查与试运行的情况下审查",
            )
            await asyncio.to_thread(deps.ledger.timeline.add, plan.incident_id, "review", "opsdesk", summary, {})
            return None
        await look_again(plan.incident_id, deps)
        interrupt({"waiting": "rehearsal", "plan_id": plan.id})
        rehearsal = await asyncio.to_thread(deps.ledger.rehearsals.request, plan.id)
    if rehearsal.error:
        summary = Text(
            en=f"The executor could not review: {rehearsal.error}", zh=f"执行器无法完成审查：{rehearsal.error}"
        )
        await asyncio.to_thread(deps.ledger.timeline.add, plan.incident_id, "review", "executor", summary, {})
        return None
    return await asyncio.to_thread(deps.ledger.reviews.get, rehearsal.review_id)


def _takes_too_long(rehearsal: Rehearsal, deps: Deps) -> bool:
    """Every wait ends: an executor that is there but never comes to it is not waited for beyond its time."""
    asked_at = rehearsal.requested_at
    return asked_at is not None and deps.clock.now() - asked_at > timedelta(seconds=deps.options.executor_wait_seconds)


async def _asked(plan: Plan, review: Review, deps: Deps) -> str:
    request_id = await _request(plan, review, deps)
    count = review.approvers_needed
    reason = Text(en=f"waiting for {count} approver(s)", zh=f"等待 {count} 位审批人")
    await asyncio.to_thread(
        deps.ledger.incidents.set_status, plan.incident_id, IncidentStatus.AWAITING_APPROVAL, reason
    )
    return request_id


async def _request(plan: Plan, review: Review, deps: Deps) -> str:
    live = await asyncio.to_thread(deps.ledger.approvals.latest_for_plan, plan.id)
    if live is not None and live.digest == review.digest and live.status in {"waiting", "approved"}:
        return live.id  # asked before a restart: a vote that came meanwhile is not thrown away
    request = await asyncio.to_thread(
        deps.ledger.approvals.ask,
        plan.incident_id,
        plan.id,
        review,
        needed=review.approvers_needed,
        requester=plan.requester,
        namespaces=tuple(dict.fromkeys(s.target.namespace for s in review.steps if s.target and s.target.namespace)),
        services=(),
        wait_seconds=deps.options.approval_wait_seconds,
    )
    return request.id
