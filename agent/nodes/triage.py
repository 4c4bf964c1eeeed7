"""Reads what came in: intent, severity, language, and where to look first."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.reasoning.triage import triage_alerts, triage_ticket
from agent.state import IncidentState
from knowledge.errors import WrongState
from knowledge.vocabulary import Incident, Text, Triage

INTENTS = {
    "fault": Text(en="a fault", zh="故障"),
    "question": Text(en="a question", zh="提问"),
    "report": Text(en="a report", zh="报告"),
    "change_request": Text(en="a change request", zh="变更请求"),
}


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident = await asyncio.to_thread(deps.ledger.incidents.get, state["incident_id"])
    triage = await asyncio.to_thread(_triage, incident, deps)
    await asyncio.to_thread(
        deps.ledger.incidents.update, incident.id, severity=triage.severity, language=triage.language
    )
    intent = INTENTS[triage.intent]
    where = ", ".join((*triage.focus.namespaces, *triage.focus.services))
    summary = Text(
        en=f"Read as {intent.en}, severity {triage.severity}; looking first at {where or 'the whole cluster'}",
        zh=f"识别为{intent.zh}，级别 {triage.severity}；首先查看 {where or '整个集群'}",
    )
    data = triage.model_dump(mode="json")
    await asyncio.to_thread(deps.ledger.timeline.add, incident.id, "triage", "opsdesk", summary, data)
    return {"triage": data}


def _triage(incident: Incident, deps: Deps) -> Triage:
    now, window = deps.clock.now(), deps.options.window_seconds
    tickets = deps.ledger.tickets.for_incident(incident.id)
    alerts = deps.ledger.alerts.for_incident(incident.id)
    if tickets and not alerts:
        # Others' tickets may have been merged in: what runs in the requester's name is what the requester asked for.
        own = [ticket for ticket in tickets if ticket.requester == incident.requester]
        ticket = (own or tickets)[-1]
        reach = deps.ledger.principals.by_id(ticket.requester).scope
        return triage_ticket(ticket, reach=reach, now=now, window_seconds=window)
    if not alerts:
        raise WrongState(f"incident {incident.id} has neither an alert nor a ticket")
    return triage_alerts(alerts, language=deps.options.language, now=now, window_seconds=window)
