"""Gathers evidence once per incident; in later rounds, only what the model asked for on top of it."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.gathering import gather_for, serve_requests
from agent.state import IncidentState
from agent.steering import hints_in
from knowledge.vocabulary import Text, Triage


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    triage = Triage.model_validate(state["triage"])
    requests = state.get("evidence_requests", [])
    round_number = int(state.get("collected", {}).get("round", 0)) + 1
    snapshot = deps.snapshots.get(incident_id) if requests else None
    if snapshot is None:
        snapshot = await gather_for(incident_id, triage.focus, deps)
    served = await serve_requests(requests, snapshot, triage.focus, deps) if requests else 0
    counted = {kind: len(snapshot.of_kind(kind)) for kind in snapshot.kinds()}
    summary = (
        Text(
            en=f"Round {round_number}: {served} requested pieces of evidence",
            zh=f"第 {round_number} 轮：补充 {served} 项证据",
        )
        if requests
        else Text(
            en=f"Gathered {sum(counted.values())} objects, {len(snapshot.logs)} logs; {len(snapshot.gaps)} gaps",
            zh=f"已采集 {sum(counted.values())} 个对象、{len(snapshot.logs)} 份日志；{len(snapshot.gaps)} 处缺口",
        )
    )
    data = {
        "round": round_number,
        "objects": sum(counted.values()),
        "gaps": len(snapshot.gaps),
        "taken_at": snapshot.taken_at.isoformat(),
        "hints": hints_in(snapshot),
    }
    gaps = [gap.model_dump(mode="json") for gap in snapshot.gaps[:50]]
    await asyncio.to_thread(
        deps.ledger.timeline.add,
        incident_id,
        "collect",
        "opsdesk",
        summary,
        {**data, "kinds": counted, "missing": gaps},
    )
    return {"collected": data, "evidence_requests": []}
