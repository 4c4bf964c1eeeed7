"""Recalls cases: by the findings' faults and the alerts' names, which needs no embedding; by free text only for a ticket
that no detector understood."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.errors import Temporary
from knowledge.vocabulary import Intent, RecalledCase, Text, Triage

MOST = 5


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    triage = Triage.model_validate(state["triage"])
    findings = await asyncio.to_thread(deps.ledger.findings.for_incident, incident_id)
    alerts = await asyncio.to_thread(deps.ledger.alerts.for_incident, incident_id)
    faults = list(dict.fromkeys(finding.fault for finding in findings))
    names = list(dict.fromkeys(alert.name for alert in alerts))
    recalled = await asyncio.to_thread(deps.library.recall, faults, names, triage.focus.services)
    note = ""
    if not recalled and triage.question and (not alerts or triage.intent is Intent.QUESTION):
        try:
            found = await asyncio.to_thread(deps.library.search, triage.question, limit=MOST, collections=("cases",))
            recalled = [item for item in found if isinstance(item, RecalledCase)]
        except Temporary as error:
            note = error.message
    recalled = recalled[:MOST]
    counts = await asyncio.to_thread(deps.ledger.outcomes.counts, [case.case_id for case in recalled])
    recalled = [case.model_copy(update={"outcomes": counts.get(case.case_id, (0, 0))}) for case in recalled]
    summary = Text(
        en=f"{len(recalled)} cases recalled" + (f" ({note})" if note else ""),
        zh=f"召回 {len(recalled)} 个案例" + (f"（{note}）" if note else ""),
    )
    data = [case.model_dump(mode="json") for case in recalled]
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "retrieve", "opsdesk", summary, {"cases": data})
    return {"recalled": data}
