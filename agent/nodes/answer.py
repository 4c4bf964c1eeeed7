"""Says what was found to whoever asked, with citations. Ends questions, reports and healthy clusters; a fault goes on."""

from __future__ import annotations

import asyncio

from agent.consult import MATERIAL_CHARACTERS, consult
from agent.deps import Deps
from agent.prompts import prompt
from agent.reasoning.wording import diagnosis_answer, passages_answer
from agent.state import IncidentState
from knowledge.errors import Temporary
from knowledge.vocabulary import Answer, Diagnosis, IncidentStatus, Intent, Passage, RecalledCase, Text, Triage, Verdict

MOST = 6


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    triage = Triage.model_validate(state["triage"])
    diagnosis = await asyncio.to_thread(deps.ledger.diagnoses.latest, incident_id)
    if diagnosis is None:
        raise AssertionError("diagnose writes the diagnosis before answer runs")
    if triage.intent is Intent.QUESTION:
        answer = await _to_question(state, triage, diagnosis, deps)
    else:
        answer = diagnosis_answer(diagnosis, triage.language)
    summary = Text(en=answer.text, zh=answer.text)
    await asyncio.to_thread(
        deps.ledger.timeline.add, incident_id, "answer", "opsdesk", summary, answer.model_dump(mode="json")
    )
    goes_on = triage.intent is Intent.FAULT and diagnosis.verdict is Verdict.FAULT
    if not goes_on:
        status, reason = _ending(triage, diagnosis)
        await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, status, reason)
        deps.snapshots.drop(incident_id)
    return {"answered": True}


def _ending(triage: Triage, diagnosis: Diagnosis) -> tuple[IncidentStatus, str]:
    if triage.intent is not Intent.FAULT:
        return IncidentStatus.ANSWERED, "answered"
    if diagnosis.verdict is Verdict.NO_FAULT:
        return IncidentStatus.ANSWERED, "no fault now"
    return IncidentStatus.HANDED_OVER, "not enough evidence: a person has to fill the gaps"


async def _to_question(state: IncidentState, triage: Triage, diagnosis: Diagnosis, deps: Deps) -> Answer:
    """From the library and the live findings; a model, where there is one, only words it."""
    note = ""
    found: list[RecalledCase | Passage] = []
    try:
        found = await asyncio.to_thread(deps.library.search, triage.question, limit=MOST)
    except Temporary as error:
        note = error.message
    offline = passages_answer(found, diagnosis, triage.language, note)
    if deps.model is None:
        return offline
    material = [
        {"id": item.case_id, "text": item.title.within(triage.language) + " " + item.why}
        if isinstance(item, RecalledCase)
        else {"id": item.document_id, "text": item.text[: MATERIAL_CHARACTERS // MOST]}
        for item in found
    ]
    finding = diagnosis.summary.within(triage.language)
    system, user = prompt(
        "answer", language=triage.language.value, question=triage.question, finding=finding, material=material
    )
    reply = await consult(deps, state.get("model_use"), system, user)
    if not reply.text.strip():
        return offline
    known = {row["id"] for row in material}
    cited = tuple(name for name in sorted(known) if f"[{name}]" in reply.text)
    if material and not cited:
        return offline  # prose that cites nothing of its material is an opinion; the desk's own answer stands
    return Answer(text=reply.text.strip(), language=triage.language, citations=cited, written_by="model")
