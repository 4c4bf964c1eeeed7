"""Names the cause. The offline diagnosis stands on its own; a chat model may re-rank, explain, and ask for more evidence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from agent.consult import DIAGNOSE_SCHEMA, MATERIAL_CHARACTERS, consult
from agent.deps import Deps
from agent.gathering import snapshot_of
from agent.prompts import prompt
from agent.reasoning.claims import check_claims
from agent.reasoning.diagnosis import conclude
from agent.reasoning.second_reading import weigh
from agent.state import IncidentState, JsonObject
from knowledge.vocabulary import Diagnosis, Evidence, RecalledCase, Text, Triage
from tools.snapshot import ClusterSnapshot

CASE_IDS = 5


@dataclass(frozen=True)
class Reading:
    diagnosis: Diagnosis
    use: JsonObject
    requests: list[JsonObject]


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    triage = Triage.model_validate(state["triage"])
    snapshot = await snapshot_of(incident_id, triage.focus, deps)
    offline = await _offline(state, triage, snapshot, deps)
    reading = await _second_reading(state, triage, offline, snapshot, deps)
    await asyncio.to_thread(deps.ledger.evidence.put_many, incident_id, list(snapshot.cited()))
    if not reading.requests:
        await asyncio.to_thread(deps.ledger.diagnoses.put, incident_id, reading.diagnosis)
        await asyncio.to_thread(
            deps.ledger.timeline.add,
            incident_id,
            "diagnose",
            "opsdesk",
            reading.diagnosis.summary,
            reading.diagnosis.model_dump(mode="json"),
        )
    else:
        summary = Text(
            en=f"The model asks for {len(reading.requests)} more pieces of evidence",
            zh=f"模型请求补充 {len(reading.requests)} 项证据",
        )
        await asyncio.to_thread(
            deps.ledger.timeline.add, incident_id, "diagnose", "model", summary, {"requests": reading.requests}
        )
    return {
        "diagnosis": small(reading.diagnosis),
        "evidence_requests": reading.requests,
        "model_use": reading.use,
    }


def small(diagnosis: Diagnosis) -> JsonObject:
    """What later nodes route and plan by; the whole is in the ledger."""
    chosen = diagnosis.chosen
    return {
        "verdict": diagnosis.verdict.value,
        "confidence": diagnosis.confidence,
        "fault": chosen.fault if chosen else "",
        "object": chosen.object.model_dump(mode="json") if chosen else None,
        "hypothesis_id": chosen.id if chosen else "",
    }


async def _offline(state: IncidentState, triage: Triage, snapshot: ClusterSnapshot, deps: Deps) -> Diagnosis:
    findings = await asyncio.to_thread(deps.ledger.findings.for_incident, state["incident_id"])
    recalled = [RecalledCase.model_validate(case) for case in state.get("recalled", [])]
    current = set(state.get("finding_ids", []))
    return await asyncio.to_thread(
        conclude,
        [finding for finding in findings if finding.id in current],
        snapshot,
        deps.detectors,
        focus=triage.focus,
        recalled=recalled,
    )


async def _second_reading(
    state: IncidentState, triage: Triage, offline: Diagnosis, snapshot: ClusterSnapshot, deps: Deps
) -> Reading:
    use = state.get("model_use")
    if deps.model is None:
        return Reading(offline, use or {}, [])
    rounds_left = deps.options.maximum_rounds - int(state.get("collected", {}).get("round", 1))
    shown = shown_evidence(snapshot.cited())
    hypotheses = [h for h in (offline.chosen, offline.runner_up, *offline.others) if h is not None]
    system, user = prompt(
        "diagnose",
        language=triage.language.value,
        question=triage.question[:2_000],
        hypotheses=hypotheses[:8],
        gaps=offline.gaps[:10],
        evidence=shown,
        rounds_left=max(rounds_left, 0),
    )
    reply = await consult(deps, use, system, user, schema=DIAGNOSE_SCHEMA)
    if reply.parsed is None:
        note = f"the offline diagnosis stands: {reply.note}"
        return Reading(offline.model_copy(update={"model_note": note}), reply.use, [])
    requests: list[Any] = reply.parsed.get("requests", []) if rounds_left > 0 else []
    claims = check_claims(reply.parsed.get("claims", []), {item.id: item for item in shown})
    diagnosis = weigh(offline, reply.parsed, claims)
    return Reading(diagnosis, reply.use, requests)


def shown_evidence(cited: Any) -> list[Evidence]:
    """As much of the cited evidence as fits the model's window, in the order in which it was cited."""
    shown: list[Evidence] = []
    characters = 0
    for item in cited:
        characters += len(item.text)
        if characters > MATERIAL_CHARACTERS and shown:
            break
        shown.append(item)
    return shown
