"""Takes the incident up: its cluster has to be one we know, and a person sees that work has begun."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.errors import WrongState
from knowledge.vocabulary import IncidentStatus, Text

GATHERING = Text(en="gathering evidence", zh="正在收集证据")
ENDED = frozenset({IncidentStatus.CLOSED, IncidentStatus.MERGED})


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident = await asyncio.to_thread(deps.ledger.incidents.get, state["incident_id"])
    if incident.status in ENDED:
        raise WrongState(f"incident {incident.id} is {incident.status}", next_step="reopen it first")
    deps.cluster(incident.cluster)
    await asyncio.to_thread(deps.ledger.incidents.set_status, incident.id, IncidentStatus.INVESTIGATING, GATHERING)
    summary = Text(
        en=f"Investigation started in cluster {incident.cluster}", zh=f"开始在集群 {incident.cluster} 中调查"
    )
    await asyncio.to_thread(deps.ledger.timeline.add, incident.id, "intake", "opsdesk", summary, {"run": state["run"]})
    return {}
