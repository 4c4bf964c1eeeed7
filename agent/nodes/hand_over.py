"""The end of every path that is not a recovery: a person takes over, and reads why in one sentence."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.vocabulary import IncidentStatus, Text


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    reason = handed_over_because(state)
    incident_id = state["incident_id"]
    shortened = Text(en=reason.en[:500], zh=reason.zh[:500])
    await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, IncidentStatus.HANDED_OVER, shortened)
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "hand_over", "opsdesk", reason, {})
    return {}


def handed_over_because(state: IncidentState) -> Text:
    """The latest stage that could not go on gives the reason."""
    error = state.get("error")
    if error:
        what = f"{error['title']}: {error['message']}" + (f" - {error['next_step']}" if error["next_step"] else "")
        return Text(en=f"{error['stage']} could not go on: {what}", zh=f"{error['stage']} 阶段无法继续：{what}")
    if state.get("undone"):
        ok = state["undone"] == "undone"
        return Text(
            en="The fix made things worse and was undone" if ok else "The fix made things worse and undoing it failed",
            zh="修复使情况变差，已撤销" if ok else "修复使情况变差，且撤销失败",
        )
    if state.get("verification"):
        return Text(
            en="Executed, but the symptom is still there; the change was kept, and undoing it is offered",
            zh="已执行，但症状仍在；变更已保留，可选择撤销",
        )
    if state.get("execution"):
        return Text(en=f"The execution ended as {state['execution']}", zh=f"执行结果为 {state['execution']}")
    if state.get("approval"):
        return Text(
            en=f"Not executed: the approval is {state['approval']}", zh=f"未执行：审批状态为 {state['approval']}"
        )
    if state.get("ruling") == "propose":
        return Text(
            en="A script is proposed; this cluster's mode leaves carrying it out to a person",
            zh="已给出建议脚本；该集群的模式要求由人工执行",
        )
    if state.get("ruling") in {"forbidden", "refused"}:
        return Text(en=f"The plan is {state['ruling']}: see the review", zh=f"方案审查结果为 {state['ruling']}：见审查")
    if state.get("plan_reason"):
        return Text(en=state["plan_reason"], zh=state["plan_reason"])
    return Text(en="A person has to decide", zh="需要人工决定")
