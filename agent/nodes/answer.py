"""Says what was found to whoever asked, with citations. Ends questions, reports and healthy clusters; a fault goes on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from agent.consult import MATERIAL_CHARACTERS, consult
from agent.deps import Deps
from agent.prompts import prompt
from agent.reasoning.wording import diagnosis_answer, passages_answer
from agent.state import IncidentState, JsonObject
from knowledge.errors import Temporary
from knowledge.vocabulary import (
    Answer,
    Diagnosis,
    IncidentStatus,
    Intent,
    Language,
    Passage,
    RecalledCase,
    Text,
    Triage,
    Verdict,
)
from tools.redaction import redact_text

MOST = 6
LONGEST_ANSWER = 6_000
CITATION = re.compile(r"\[([^\[\]\n]{2,300})\]")
ID_LIKE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+|finding", re.IGNORECASE)


@dataclass(frozen=True)
class Worded:
    """An answer, what the model's part in it cost, and what became of that part."""

    answer: Answer
    use: JsonObject | None = None
    note: str = ""


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    triage = Triage.model_validate(state["triage"])
    diagnosis = await asyncio.to_thread(deps.ledger.diagnoses.latest, incident_id)
    if diagnosis is None:
        raise AssertionError("diagnose writes the diagnosis before answer runs")
    if triage.intent is Intent.QUESTION:
        worded = await _to_question(state, triage, diagnosis, deps)
    else:
        worded = Worded(diagnosis_answer(diagnosis, triage.language))
    answer = worded.answer
    data = answer.model_dump(mode="json")
    if worded.use is not None or worded.note:
        data |= {"model_use": worded.use or {}, "model_note": worded.note}
    summary = Text(en=answer.text, zh=answer.text)
    if triage.intent is not Intent.QUESTION:
        told = {language: diagnosis_answer(diagnosis, language).text for language in Language}
        summary = Text(en=told[Language.EN], zh=told[Language.ZH])
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "answer", "opsdesk", summary, data)
    is_fault = triage.intent is Intent.FAULT and diagnosis.verdict is Verdict.FAULT
    goes_on = is_fault and diagnosis.rests_on == "cluster"
    if not goes_on:
        status, reason = _ending(triage, diagnosis)
        await asyncio.to_thread(deps.ledger.incidents.set_status, incident_id, status, reason)
        deps.snapshots.drop(incident_id)
    return {"answered": True, "model_use": worded.use} if worded.use is not None else {"answered": True}


def _ending(triage: Triage, diagnosis: Diagnosis) -> tuple[IncidentStatus, Text]:
    if triage.intent is not Intent.FAULT:
        return IncidentStatus.ANSWERED, Text(en="answered", zh="已答复")
    if diagnosis.verdict is Verdict.NO_FAULT:
        return IncidentStatus.ANSWERED, Text(en="no fault now", zh="当前没有故障")
    if diagnosis.verdict is Verdict.FAULT:
        return IncidentStatus.HANDED_OVER, Text(
            en="diagnosed from what was pasted, which the cluster as it is now does not confirm: a person has to act",
            zh="诊断仅依据粘贴的内容，集群当前状态未能证实：需要人工处理",
        )
    return IncidentStatus.HANDED_OVER, Text(
        en="not enough evidence: a person has to fill the gaps", zh="证据不足：需要人工补齐缺口"
    )


async def _to_question(state: IncidentState, triage: Triage, diagnosis: Diagnosis, deps: Deps) -> Worded:
    """From the library and the live findings; a model, where there is one, only words it."""
    note = ""
    found: list[RecalledCase | Passage] = []
    try:
        found = await asyncio.to_thread(deps.library.search, triage.question, limit=MOST)
    except Temporary as error:
        note = error.message
    offline = passages_answer(found, diagnosis, triage.language, note)
    if deps.model is None:
        return Worded(offline)
    material = [_material(item, triage.language) for item in found]
    chosen = diagnosis.chosen
    if chosen is not None:
        ids = " ".join(f"[{one}]" for one in chosen.evidence_ids[:MOST])
        material.append({"id": "finding", "text": f"{chosen.explanation.within(triage.language)} {ids}"})
    known = {row["id"] for row in material} - {"finding"} | set(chosen.evidence_ids if chosen else ())
    if not known:
        return Worded(offline, note="the model was not asked: there is nothing that it could cite")
    system, user = prompt(
        "answer",
        language=triage.language.value,
        question=triage.question[:2_000],
        finding=diagnosis.summary.within(triage.language),
        material=material,
    )
    use, incident_id = state.get("model_use"), state["incident_id"]
    reply = await consult(deps, use, system, user, incident_id=incident_id, purpose="answer")
    if not reply.text.strip():
        return Worded(offline, reply.use, reply.note or "the model gave an empty answer")
    text, cited, invented = held_to(known, redact_text(reply.text.strip())[:LONGEST_ANSWER])
    if not cited:
        why = "the model's answer cites nothing of its material: it is an opinion, and the desk's own answer stands"
        return Worded(offline, reply.use, why)
    answer = Answer(text=text, language=triage.language, citations=cited, written_by="model")
    return Worded(answer, reply.use, f"{invented} invented citations were taken out" if invented else "")


def _material(item: RecalledCase | Passage, language: Language) -> dict[str, str]:
    if isinstance(item, RecalledCase):
        return {"id": item.case_id, "text": f"{item.title.within(language)} {item.why}"}
    return {"id": item.document_id, "text": item.text[: MATERIAL_CHARACTERS // MOST]}


def held_to(known: set[str], text: str) -> tuple[str, tuple[str, ...], int]:
    """The text without citations that nobody gave, the ids that it cites, and how many were invented."""
    cited: dict[str, None] = {}
    invented = 0

    def judged(match: re.Match[str]) -> str:
        nonlocal invented
        names = _names(match.group(1))
        right = [name for name in names if name in known]
        cited.update(dict.fromkeys(right))
        invented += len(names) - len(right)
        return f"[{', '.join(right)}]" if right else ""

    kept = CITATION.sub(lambda match: judged(match) if _cites(match.group(1), known) else match.group(0), text)
    return kept, tuple(sorted(cited)), invented


def _cites(inside: str, known: set[str]) -> bool:
    """Whether brackets hold a citation rather than an array index or a redaction."""
    names = _names(inside)
    return any(name in known for name in names) or all(ID_LIKE.fullmatch(name) for name in names)


def _names(inside: str) -> list[str]:
    return [name.strip() for name in re.split(r"[,;，；、]", inside)]
