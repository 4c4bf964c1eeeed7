"""Proposes the case that this incident teaches, and closes the story: resolved."""

from __future__ import annotations

import asyncio
import re

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.case_file import render_case
from knowledge.vocabulary import (
    Case,
    CaseKind,
    Diagnosis,
    Finding,
    Incident,
    IncidentStatus,
    Layer,
    Lesson,
    Plan,
    Remedy,
    Text,
)


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    lesson_id = await asyncio.to_thread(_propose, state, deps)
    reason = Text(en="recovered: the symptom is gone and stayed gone", zh="已恢复：症状消失且保持稳定")
    await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, IncidentStatus.RESOLVED, reason)
    deps.snapshots.drop(incident_id)
    summary = Text(
        en="Resolved" + ("; a case is proposed for a person to accept" if lesson_id else ""),
        zh="已解决" + ("；已提出案例，待人工采纳" if lesson_id else ""),
    )
    await asyncio.to_thread(
        deps.ledger.timeline.add, incident_id, "learn", "opsdesk", summary, {"lesson_id": lesson_id}
    )
    return {"lesson_id": lesson_id}


def _propose(state: IncidentState, deps: Deps) -> str:
    incident_id = state["incident_id"]
    diagnosis = deps.ledger.diagnoses.latest(incident_id)
    if diagnosis is None or diagnosis.chosen is None:
        return ""  # an ordered change teaches nothing about faults
    known = [case for case in state.get("recalled", []) if case.get("score", 0) >= 1]
    plan = deps.ledger.plans.get(state["plan_id"])
    if known and plan.written_by.startswith("case "):
        return ""  # the case that was applied is the lesson; its outcome is counted already
    incident = deps.ledger.incidents.get(incident_id)
    findings = deps.ledger.findings.for_incident(incident_id)
    case = lesson_case(
        incident, diagnosis, plan, findings, [a.name for a in deps.ledger.alerts.for_incident(incident_id)]
    )
    lesson = Lesson(
        id=f"lesson-{case.id}",
        incident_id=incident_id,
        case_id=case.id,
        markdown=render_case(case),
        created_at=deps.clock.now(),
    )
    return deps.ledger.lessons.propose(lesson).id


def lesson_case(
    incident: Incident, diagnosis: Diagnosis, plan: Plan, findings: list[Finding], alerts: list[str]
) -> Case:
    """The incident as a case. Names of this one incident stay in: the person who accepts it makes it general."""
    chosen = diagnosis.chosen
    assert chosen is not None
    own = [finding for finding in findings if finding.id in chosen.finding_ids]
    layer = own[0].layer if own else Layer.APPLICATION
    symptoms = own[1:] or own
    return Case(
        id=re.sub(r"[^a-z0-9-]+", "-", f"{chosen.fault}-{incident.id}".lower()).strip("-"),
        kind=CaseKind.FAULT,
        layer=layer,
        services=(incident.service,) if incident.service else (),
        faults=(chosen.fault,),
        alerts=tuple(dict.fromkeys(alerts)),
        title=chosen.title,
        symptoms=Text(
            en="; ".join(f.title.en for f in symptoms) or incident.title,
            zh="；".join(f.title.zh for f in symptoms) or incident.title,
        ),
        cause=chosen.explanation,
        ask_for=(),
        remedy=Remedy(script=plan.script, manual=tuple(step.instruction for step in plan.manual_steps)),
        verification=Text(
            en=f"No finding `{chosen.fault}` on {chosen.object.key} for the soak time",
            zh=f"在观察时间内，{chosen.object.key} 上不再出现 `{chosen.fault}`",
        ),
        sources=(f"incident {incident.id}",),
    )
