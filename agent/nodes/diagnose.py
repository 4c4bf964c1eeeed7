"""Names the cause. The offline diagnosis stands on its own; a chat model may re-rank, explain, and ask for more evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from agent.consult import DIAGNOSE_SCHEMA, consult, shown_evidence
from agent.deps import Deps
from agent.gathering import snapshot_of
from agent.pasted import diagnosis_of_paste
from agent.prompts import prompt
from agent.reasoning.claims import check_claims
from agent.reasoning.diagnosis import conclude
from agent.reasoning.evidence_requests import MOST, kept
from agent.reasoning.second_reading import unread, weigh
from agent.state import IncidentState, JsonObject
from agent.steering import MOST_LOOKS, unread_steers
from knowledge.vocabulary import Diagnosis, Evidence, Hypothesis, RecalledCase, Text, Triage
from tools.snapshot import ClusterSnapshot

MOST_HYPOTHESES = 8
FROM_PASTE = Text(en="the model was not asked: this rests on a paste", zh="未询问模型：结论仅依据粘贴内容")
NO_MODEL = Text(en="no model is configured", zh="未配置模型")


@dataclass(frozen=True)
class Reading:
    diagnosis: Diagnosis
    use: JsonObject
    requests: list[JsonObject]


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    triage = Triage.model_validate(state["triage"])
    snapshot = await snapshot_of(incident_id, triage.focus, deps)
    offline = await _offline(state, snapshot, deps)
    hearsay = await diagnosis_of_paste(incident_id, triage, offline, deps)
    if hearsay is not None:
        reading = Reading(unread(hearsay, FROM_PASTE.within(triage.language), triage.language), {}, [])
    else:
        reading = await _second_reading(state, triage, offline, snapshot, deps)
    await asyncio.to_thread(deps.ledger.evidence.put_many, incident_id, list(snapshot.cited()))
    collected = state.get("collected", {})
    may_look_again = int(collected.get("round", 1)) < MOST_LOOKS
    hints = await unread_steers(incident_id, int(collected.get("hints", 0)), deps) if may_look_again else 0
    if hints:
        await _tell_of_hints(incident_id, hints, deps)
    elif not reading.requests:
        await asyncio.to_thread(deps.ledger.diagnoses.put, incident_id, reading.diagnosis)
        await asyncio.to_thread(
            deps.ledger.timeline.add,
            incident_id,
            "diagnose",
            "opsdesk",
            reading.diagnosis.summary,
            {**reading.diagnosis.model_dump(mode="json"), "model_use": reading.use},
        )
    else:
        summary = Text(
            en=f"The model asks for {len(reading.requests)} more pieces of evidence",
            zh=f"模型请求补充 {len(reading.requests)} 项证据",
        )
        await asyncio.to_thread(
            deps.ledger.timeline.add,
            incident_id,
            "diagnose",
            "model",
            summary,
            {"requests": reading.requests, "model_use": reading.use},
        )
    return {
        "diagnosis": {**small(reading.diagnosis), "looks_again": bool(hints)},
        "evidence_requests": reading.requests,
        "model_use": reading.use,
    }


async def _tell_of_hints(incident_id: str, hints: int, deps: Deps) -> None:
    """What came in while the desk was looking is looked at before anything is concluded."""
    summary = Text(en=f"{hints} new hints: looking again", zh=f"收到 {hints} 条新线索：重新查看")
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "diagnose", "opsdesk", summary, {"hints": hints})


def small(diagnosis: Diagnosis) -> JsonObject:
    """What later nodes route and plan by; the whole is in the ledger."""
    chosen = diagnosis.chosen
    return {
        "verdict": diagnosis.verdict.value,
        "rests_on": diagnosis.rests_on,
        "confidence": diagnosis.confidence,
        "fault": chosen.fault if chosen else "",
        "object": chosen.object.model_dump(mode="json") if chosen else None,
        "hypothesis_id": chosen.id if chosen else "",
    }


async def _offline(state: IncidentState, snapshot: ClusterSnapshot, deps: Deps) -> Diagnosis:
    findings = await asyncio.to_thread(deps.ledger.findings.for_incident, state["incident_id"])
    recalled = [RecalledCase.model_validate(case) for case in state.get("recalled", [])]
    current = set(state.get("finding_ids", []))
    return await asyncio.to_thread(
        conclude,
        [finding for finding in findings if finding.id in current],
        snapshot,
        deps.detectors,
        focus=snapshot.focus,
        recalled=recalled,
    )


async def _second_reading(
    state: IncidentState, triage: Triage, offline: Diagnosis, snapshot: ClusterSnapshot, deps: Deps
) -> Reading:
    language = triage.language
    if deps.model is None:
        return Reading(unread(offline, NO_MODEL.within(language), language), state.get("model_use") or {}, [])
    round_number = int(state.get("collected", {}).get("round", 1))
    rounds_left = max(deps.options.maximum_rounds - (round_number - 1), 0)
    hypotheses = [h for h in (offline.chosen, offline.runner_up, *offline.others) if h is not None][:MOST_HYPOTHESES]
    shown = shown_evidence(_worth_showing(snapshot.cited(), hypotheses, is_first=round_number == 1))
    system, user = prompt(
        "diagnose",
        language=language.value,
        question=triage.question[:2_000],
        hypotheses=[
            {
                "id": h.id,
                "title": h.title.within(language),
                "key": h.object.key,
                "score": h.score,
                "explanation": h.explanation.within(language),
            }
            for h in hypotheses
        ],
        gaps=offline.gaps[-10:],
        evidence=shown,
        rounds_left=rounds_left,
    )
    use, incident_id = state.get("model_use"), state["incident_id"]
    reply = await consult(deps, use, system, user, schema=DIAGNOSE_SCHEMA, incident_id=incident_id, purpose="diagnose")
    if reply.parsed is None:
        return Reading(unread(offline, reply.note, language), reply.use, [])
    requests = kept(reply.parsed.get("requests", [])) if rounds_left else []
    claims = check_claims(reply.parsed.get("claims", []), {item.id: item for item in shown})
    return Reading(weigh(offline, reply.parsed, claims, language), reply.use, requests)


def _worth_showing(cited: Sequence[Evidence], hypotheses: Sequence[Hypothesis], *, is_first: bool) -> list[Evidence]:
    """What the hypotheses rest on, then the rest. After the first round the newest goes before all: it was asked for."""
    ids = [evidence_id for hypothesis in hypotheses for evidence_id in hypothesis.evidence_ids]
    by_id = {item.id: item for item in cited}
    newest = [] if is_first else list(cited)[: -MOST - 1 : -1]
    return [*newest, *(by_id[one] for one in ids if one in by_id), *cited]
