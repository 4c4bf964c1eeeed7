"""The end of every path that is not a recovery: a person takes over, and reads why in one sentence."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.vocabulary import ApprovalStatus, IncidentStatus, Text

APPROVALS = {
    "rejected": Text(en="Not executed: rejected", zh="未执行：审批人已拒绝"),
    "expired": Text(
        en="Not executed: nobody decided, or the approval was not used, in time; that is a no. Reopen it to ask again",
        zh="未执行：超时未审批或批准后未及时执行，按拒绝处理；如需重新申请请重新打开",
    ),
    "void": Text(
        en="Not executed: the approval became void. Reopen it to ask again",
        zh="未执行：审批已失效；如需重新申请请重新打开",
    ),
}


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    reason = handed_over_because(state)
    if state.get("approval") in {"rejected", "void"} and not state.get("error") and not state.get("execution"):
        reason = await asyncio.to_thread(_with_their_words, reason, state.get("approval_id", ""), deps)
    if state.get("execution_id") and not state.get("error") and not state.get("verification"):
        execution = await asyncio.to_thread(deps.ledger.executions.get, state["execution_id"])
        if execution.message:
            reason = Text(en=f"{reason.en}: {execution.message}", zh=f"{reason.zh}：{execution.message}")
    incident_id = state["incident_id"]
    shortened = Text(en=reason.en[:500], zh=reason.zh[:500])
    await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, IncidentStatus.HANDED_OVER, shortened)
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "hand_over", "opsdesk", reason, {})
    return {}


def _with_their_words(reason: Text, approval_id: str, deps: Deps) -> Text:
    """Who said no and why, or what made the approval void, in the words that were given."""
    request = deps.ledger.approvals.get(approval_id)
    said = request.reason
    if request.status is ApprovalStatus.REJECTED and request.votes:
        said = f"{request.votes[-1].principal}: {said}"
    return Text(en=f"{reason.en} ({said})", zh=f"{reason.zh}（{said}）") if said else reason


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
        return APPROVALS.get(state["approval"], Text(en="Not executed: not approved", zh="未执行：未获批准"))
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
