"""The chat about one incident: why, on what evidence, what was tried, what comes next, who approves.

Everything is made of the dossier that the asker may see; what lies outside its scope is not in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from agent.chat.asking import Asking, answered, headline, marks, said
from agent.chat.reply import Citation, Part, ProposedScript, Reference, Rows
from agent.chat.understood import Understood
from api.bootstrap import Desk
from api.web.dossier import Dossier, open_dossier
from api.web.scoping import evidence_within
from knowledge.errors import NotFound
from knowledge.ledger.lifecycle import ENDS
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    Evidence,
    Execution,
    Hypothesis,
    Incident,
    IncidentStatus,
    Plan,
    Principal,
    Ruling,
    Text,
)

MOST_LISTED = 20
MOST_CITED = 8
_NEXT = {
    IncidentStatus.OPEN: Text(en="It waits for a worker; the diagnosis begins at once.", zh="正在等待处理，诊断即将开始。"),
    IncidentStatus.INVESTIGATING: Text(en="The diagnosis is running: evidence, detectors, cases, cause, plan.", zh="诊断进行中：证据、检测、案例、原因、方案。"),
    IncidentStatus.AWAITING_APPROVAL: Text(en="The plan waits for its approvals; then the executor carries it out step by step.", zh="方案等待审批；批准后由执行器逐步执行。"),
    IncidentStatus.EXECUTING: Text(en="The plan is being carried out; it is verified afterwards.", zh="方案正在执行；执行后将验证。"),
    IncidentStatus.VERIFYING: Text(en="The symptom is watched: it has to go away and stay away.", zh="正在观察症状：需消失并保持。"),
    IncidentStatus.HANDED_OVER: Text(en="A person has it in hand; the desk does nothing more by itself.", zh="已交由人工处理；系统不会再自动操作。"),
    IncidentStatus.ANSWERED: Text(en="It was answered; nothing more happens.", zh="已答复，不再有后续操作。"),
    IncidentStatus.RESOLVED: Text(en="It is resolved; a lesson may wait for a person.", zh="已解决；可能有经验待人确认。"),
    IncidentStatus.CLOSED: Text(en="It is closed.", zh="已关闭。"),
    IncidentStatus.MERGED: Text(en="It was merged into another incident.", zh="已合并到其他事件。"),
}  # fmt: skip


def reference_to(incident: Incident) -> Reference:
    return Reference(incident_id=incident.id, title=incident.title, status=incident.status.value)


async def answer_about(
    asked: Understood, asking: Asking, desk: Desk, principal: Principal, incident: Incident
) -> AsyncIterator[Part]:
    dossier = await asyncio.to_thread(open_dossier, desk, principal, incident)
    asking.places.add("*")
    told = {
        "why": _why,
        "evidence": _evidence,
        "tried": _tried,
        "next": _next,
        "approvers": _approvers,
    }.get(asked.aspect, _summary)
    facts = await asyncio.to_thread(_facts, desk, principal, dossier)
    for part in told(dossier, facts, asking):
        yield part


def _facts(desk: Desk, principal: Principal, dossier: Dossier) -> dict[str, Evidence]:
    """What the diagnosis cites, as far as the asker may read it."""
    chosen = dossier.diagnosis.chosen if dossier.diagnosis else None
    found = []
    for one in chosen.evidence_ids[:MOST_LISTED] if chosen else ():
        try:
            found.append(desk.ledger.evidence.get(one))
        except NotFound:
            continue
    return {fact.id: fact for fact in evidence_within(principal.scope, found)}


def _citations(facts: dict[str, Evidence]) -> list[Citation]:
    return [Citation(kind="evidence", id=one.id, title=headline(one.text)) for one in list(facts.values())[:MOST_CITED]]


def _undiagnosed(dossier: Dossier, asking: Asking) -> list[Part]:
    if dossier.diagnosis_is_hidden:
        return [
            said(
                asking.text(
                    "There is a diagnosis, but its cause lies outside your scope.",
                    "已有诊断，但其原因超出您的权限范围。",
                ),
                tone="warning",
            )
        ]
    text = asking.text("There is no diagnosis yet.", "尚无诊断结论。")
    return [said(f"{text} {asking.of(_NEXT[dossier.incident.status])}", tone="warning")]


def _why(dossier: Dossier, facts: dict[str, Evidence], asking: Asking) -> list[Part]:
    diagnosis = dossier.diagnosis
    if diagnosis is None:
        return _undiagnosed(dossier, asking)
    citations = _citations(facts)
    sure = asking.text(f"Confidence {diagnosis.confidence:.0%}.", f"置信度 {diagnosis.confidence:.0%}。")
    parts: list[Part] = [said(f"{asking.of(diagnosis.summary)} {marks(len(citations))} {sure}", citations)]
    chosen = diagnosis.chosen
    if chosen is not None:
        if asking.of(chosen.explanation):
            parts.append(said(asking.of(chosen.explanation)))
        parts.append(answered(_score(chosen, asking)))
    others = [one for one in (diagnosis.runner_up, *diagnosis.others) if one is not None][:3]
    if others:
        told = "; ".join(f"{asking.of(one.title)} ({one.object.key}, {one.score:.2f})" for one in others)
        parts.append(said(asking.text(f"It could also be: {told}.", f"也可能是：{told}。")))
    if diagnosis.ruled_out:
        told = "; ".join(asking.of(one) for one in diagnosis.ruled_out[:4])
        parts.append(said(asking.text(f"Ruled out: {told}", f"已排除：{told}")))
    if diagnosis.model_order:
        told = ", ".join(diagnosis.model_order[:4])
        parts.append(
            said(
                asking.text(f"The model orders the causes differently: {told}", f"模型给出的排序不同：{told}"),
                tone="warning",
            )
        )
    return parts


def _score(chosen: Hypothesis, asking: Asking) -> Rows:
    columns = asking.text("part,value,weight,because", "组成,得分,权重,理由").split(",")
    rows = tuple((one.name, f"{one.value:.2f}", f"{one.weight:.2f}", one.because) for one in chosen.parts)
    return Rows(title=asking.text("Why this cause ranks first", "为何该原因排第一"), columns=tuple(columns), rows=rows)


def _evidence(dossier: Dossier, facts: dict[str, Evidence], asking: Asking) -> list[Part]:
    if dossier.diagnosis is None:
        return _undiagnosed(dossier, asking)
    if not facts:
        return [
            said(
                asking.text("The diagnosis cites no fact that you may read.", "该诊断没有引用您可见的证据。"),
                tone="warning",
            )
        ]
    citations = _citations(facts)
    columns = asking.text("no.,sort,object,source,when,fact", "编号,类型,对象,来源,时间,内容").split(",")
    rows = tuple(
        (f"[{number}]", one.kind.value, one.object.key if one.object else "–", one.source, asking.at(one.observed_at), headline(one.text, 240))
        for number, one in enumerate(facts.values(), start=1)
    )  # fmt: skip
    text = asking.text(
        f"The diagnosis rests on {len(facts)} facts {marks(len(citations))}.",
        f"诊断依据 {len(facts)} 条证据 {marks(len(citations))}。",
    )
    parts: list[Part] = [
        said(text, citations),
        answered(Rows(title=asking.text("Evidence", "证据"), columns=tuple(columns), rows=rows)),
    ]
    if dossier.diagnosis.gaps:
        told = "; ".join(f"{gap.source}: {gap.reason}" for gap in dossier.diagnosis.gaps[:4])
        parts.append(said(asking.text(f"Not seen: {told}", f"未能查看：{told}"), tone="warning"))
    return parts


def _tried(dossier: Dossier, facts: dict[str, Evidence], asking: Asking) -> list[Part]:
    del facts
    execution = dossier.execution
    if execution is None:
        text = asking.text("Nothing has been carried out.", "尚未执行任何操作。")
        if dossier.plan is not None:
            text += asking.text(" A plan was written and has not run.", "已有方案，尚未执行。")
        return [said(f"{text} {asking.of(_NEXT[dossier.incident.status])}")]
    by = ", ".join(execution.approvers) or asking.text("nobody needed", "无需审批")
    parts: list[Part] = [
        said(asking.text(
            f"The plan's execution is {execution.status.value} (approved by {by}). {execution.message}",
            f"方案执行状态：{execution.status.value}（审批：{by}）。{execution.message}",
        )),
        answered(_steps(execution, dossier.plan, asking)),
    ]  # fmt: skip
    if dossier.verification is not None:
        tone = {"better": "good", "worse": "bad"}.get(dossier.verification.outcome, "warning")
        parts.append(said(asking.of(dossier.verification.summary), tone=tone))
    else:
        parts.append(said(asking.text("It has not been verified yet.", "尚未验证。")))
    return parts


def _steps(execution: Execution, plan: Plan | None, asking: Asking) -> Rows:
    lines = {step.index: step.text for step in plan.steps} if plan else {}
    columns = asking.text("step,outcome,message", "步骤,结果,说明").split(",")
    rows = tuple((lines.get(one.step, str(one.step)), one.outcome.value, one.message) for one in execution.results)
    return Rows(title=asking.text("Steps", "步骤"), columns=tuple(columns), rows=rows)


def _next(dossier: Dossier, facts: dict[str, Evidence], asking: Asking) -> list[Part]:
    del facts
    parts: list[Part] = [said(asking.of(_NEXT[dossier.incident.status]))]
    if dossier.incident.status not in ENDS and dossier.plan is not None:
        parts += _plan_told(dossier, asking)
    if dossier.incident.reason:
        reason = asking.text(dossier.incident.reason, dossier.incident.reason_zh or dossier.incident.reason)
        parts.append(said(asking.text(f"Why it stands so: {reason}", f"当前状态的原因：{reason}")))
    return parts


def _plan_told(dossier: Dossier, asking: Asking) -> list[Part]:
    plan, review = dossier.plan, dossier.review
    assert plan is not None
    parts: list[Part] = []
    if plan.script:
        ruling = review.ruling if review else Ruling.TWO
        reasons = (
            tuple(
                dict.fromkeys(
                    f"{one.rule}: {asking.of(one.message)}" for one in review.verdicts if one.ruling is ruling
                )
            )
            if review
            else ()
        )
        parts.append(answered(ProposedScript(script=plan.script, ruling=ruling, reasons=reasons[:6])))
    if plan.manual_steps:
        told = "; ".join(("✓ " if step.done_by else "") + asking.of(step.instruction) for step in plan.manual_steps)
        parts.append(said(asking.text(f"By hand: {told}", f"人工步骤：{told}")))
    return parts


def _approvers(dossier: Dossier, facts: dict[str, Evidence], asking: Asking) -> list[Part]:
    del facts
    approval = dossier.approval
    if approval is None:
        review = dossier.review
        if review is not None and review.approvers_needed == 0:
            return [
                said(
                    asking.text("Nobody: the rules let this plan run without approval.", "无需审批：规则允许直接执行。")
                )
            ]
        text = asking.text("Nothing waits for an approval here.", "此处没有等待审批的内容。")
        return [said(f"{text} {asking.of(_NEXT[dossier.incident.status])}")]
    parts: list[Part] = [
        said(_approval_text(approval, asking), tone="warning" if approval.status is ApprovalStatus.WAITING else "plain")
    ]
    if approval.votes:
        columns = asking.text("who,vote,reason,when", "谁,表决,理由,时间").split(",")
        rows = tuple((one.principal, one.decision.value, one.reason, asking.at(one.at)) for one in approval.votes)
        parts.append(answered(Rows(title=asking.text("Votes", "表决"), columns=tuple(columns), rows=rows)))
    if dossier.may_decide is not None:
        why = asking.of(dossier.may_decide.why_not) if dossier.may_decide.why_not else ""
        parts.append(
            said(
                asking.text("You may vote on it.", "您可以审批。")
                if dossier.may_decide.may
                else asking.text(f"You may not: {why}.", f"您不能审批：{why}。")
            )
        )
    return parts


def _approval_text(approval: ApprovalRequest, asking: Asking) -> str:
    groups = "; ".join(" / ".join(group) for group in approval.approvers)
    who = groups or asking.text(
        "any approver whose scope covers its targets, but not who asked for it",
        "权限范围覆盖其目标的任一审批人（申请人除外）",
    )
    left = _left(approval.expires_at, asking)
    return asking.text(
        f"It needs {approval.needed} approvals and has {len(approval.votes)} votes ({approval.status.value}). Who may: {who}. {left}",
        f"需要 {approval.needed} 人审批，已有 {len(approval.votes)} 票（{approval.status.value}）。可审批者：{who}。{left}",
    )


def _left(until: datetime, asking: Asking) -> str:
    minutes = int((until - asking.now).total_seconds() // 60)
    if minutes <= 0:
        return asking.text("Its time is over.", "已过期。")
    return asking.text(
        f"It waits until {asking.at(until)} ({minutes} minutes left); then it is a no.",
        f"等待至 {asking.at(until)}（剩余 {minutes} 分钟），逾期视为拒绝。",
    )


def _summary(dossier: Dossier, facts: dict[str, Evidence], asking: Asking) -> list[Part]:
    incident = dossier.incident
    reason = asking.text(incident.reason, incident.reason_zh or incident.reason)
    opened = asking.at(incident.opened_at)
    text = asking.text(
        f"{incident.title}: {incident.status.value}, severity {incident.severity.value}, opened {opened}, {incident.assignee or 'nobody'} assigned. {reason}",
        f"{incident.title}：{incident.status.value}，级别 {incident.severity.value}，{opened} 打开，负责人 {incident.assignee or '无'}。{reason}",
    )
    parts: list[Part] = [said(text), answered(reference_to(incident))]
    if dossier.diagnosis is not None:
        citations = _citations(facts)[:4]
        parts.append(said(f"{asking.of(dossier.diagnosis.summary)} {marks(len(citations))}", citations))
    parts.append(said(asking.of(_NEXT[incident.status])))
    return parts
