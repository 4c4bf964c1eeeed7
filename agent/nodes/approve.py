"""Waits for people. The ledger decides; this node only reads it, so that being woken twice does nothing twice."""

from __future__ import annotations

import asyncio

from langgraph.types import interrupt

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.vocabulary import ApprovalStatus, IncidentStatus, Text


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    approval_id = state.get("approval_id", "")
    if not approval_id:
        return {"approval": "not_needed"}
    request = await asyncio.to_thread(deps.ledger.approvals.get, approval_id)
    while request.status is ApprovalStatus.WAITING:  # a wake that finds nothing decided waits on
        interrupt({"waiting": "approval", "approval_id": approval_id})
        request = await asyncio.to_thread(deps.ledger.approvals.get, approval_id)
    return await _settled(state, deps, request.status, request.reason)


async def _settled(state: IncidentState, deps: Deps, status: ApprovalStatus, reason: str) -> IncidentState:
    incident_id = state["incident_id"]
    if status in {ApprovalStatus.APPROVED, ApprovalStatus.USED}:
        await asyncio.to_thread(
            deps.ledger.incidents.set_status,
            incident_id,
            IncidentStatus.EXECUTING,
            Text(en="approved; waiting for the executor", zh="已批准，等待执行器"),
        )
        return {"approval": "approved"}
    words = {
        ApprovalStatus.REJECTED: Text(en=f"Rejected: {reason}", zh=f"已被拒绝：{reason}"),
        ApprovalStatus.EXPIRED: Text(en="Nobody decided in time: that is a no", zh="审批超时无人决定：按拒绝处理"),
        ApprovalStatus.VOID: Text(en=f"The approval became void: {reason}", zh=f"审批已失效：{reason}"),
    }
    await asyncio.to_thread(
        deps.ledger.timeline.add, incident_id, "approve", "opsdesk", words[status], {"status": status.value}
    )
    settled = {ApprovalStatus.REJECTED: "rejected", ApprovalStatus.EXPIRED: "expired", ApprovalStatus.VOID: "void"}
    return {"approval": settled[status]}  # type: ignore[typeddict-item]
