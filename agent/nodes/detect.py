"""Judges what was gathered: every detector over one snapshot. What a finding cites is redacted and stored, nothing else."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.gathering import snapshot_of
from agent.state import IncidentState
from knowledge.vocabulary import Text, Triage


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    snapshot = await snapshot_of(incident_id, Triage.model_validate(state["triage"]).focus, deps)
    findings = await asyncio.to_thread(deps.detectors.detect, snapshot)
    await asyncio.to_thread(deps.ledger.evidence.put_many, incident_id, list(snapshot.cited()))
    await asyncio.to_thread(deps.ledger.findings.put_many, incident_id, findings)
    titles = {finding.fault: finding.title for finding in findings}
    shown = list(titles.values())[:5]
    summary = Text(
        en=f"{len(findings)} findings" + (": " + "; ".join(title.en for title in shown) if shown else ""),
        zh=f"{len(findings)} 个发现" + ("：" + "；".join(title.zh for title in shown) if shown else ""),
    )
    data = {"findings": [f.model_dump(mode="json", exclude={"explanation"}) for f in findings[:40]]}
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "detect", "opsdesk", summary, data)
    return {"finding_ids": [finding.id for finding in findings][:200]}
