"""What a ticket's paste tells, beside what the cluster tells. Hearsay: said with its evidence, never acted on by itself."""

from __future__ import annotations

import asyncio

from agent.deps import Deps
from agent.reasoning.triage import split_paste
from agent.transcript_look import PasteDiagnosis, diagnose_paste
from knowledge.vocabulary import Diagnosis, Text, Triage, Verdict
from tools.transcript.reading import read_paste


async def diagnosis_of_paste(incident_id: str, triage: Triage, live: Diagnosis, deps: Deps) -> Diagnosis | None:
    """Diagnoses the paste in the ticket, writes it to the timeline, and gives it back when it tells of a fault that the
    cluster does not: None when nothing was pasted, nothing was wrong in it, or the cluster itself tells of a fault."""
    tickets = await asyncio.to_thread(deps.ledger.tickets.for_incident, incident_id)
    words, pasted = next((split for one in reversed(tickets) if (split := split_paste(one.text))[1]), ("", ""))
    if not pasted:
        return None
    found = await asyncio.to_thread(_judged, words, pasted, triage, deps)
    if not any(command.facts for command in found.reading.commands):
        return None
    summary = _summary(found, deps)
    await asyncio.to_thread(deps.ledger.evidence.put_many, incident_id, list(found.evidence))
    data = found.as_json() | {"rests_on": "paste"}
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "diagnose", "opsdesk", summary, data)
    if live.verdict is Verdict.FAULT or found.diagnosis.verdict is not Verdict.FAULT:
        return None
    gaps = (*found.diagnosis.gaps, *live.gaps)
    return found.diagnosis.model_copy(update={"rests_on": "paste", "summary": summary, "gaps": gaps})


def _judged(words: str, pasted: str, triage: Triage, deps: Deps) -> PasteDiagnosis:
    namespace = triage.focus.namespaces[0] if triage.focus.namespaces else ""
    reading = read_paste(pasted, cluster=triage.focus.cluster, namespace=namespace)
    return diagnose_paste(reading, detectors=deps.detectors, question=words, namespace=namespace)


def _summary(found: PasteDiagnosis, deps: Deps) -> Text:
    """The verdict and what the desk would do about it, as a suggestion to a person."""
    english = f"From what was pasted: {found.diagnosis.summary.en}"
    chinese = f"依据粘贴的内容：{found.diagnosis.summary.zh}"
    chosen = found.diagnosis.chosen
    finding = next((one for one in found.findings if chosen and one.id == chosen.finding_ids[0]), None)
    if finding is not None:
        remedy = deps.detectors.remedy(finding.fault, finding)
        if remedy.manual:
            english += " To do: " + "; ".join(step.en for step in remedy.manual[:3])
            chinese += " 建议：" + "；".join(step.zh for step in remedy.manual[:3])
    return Text(en=english, zh=chinese)


__all__ = ["diagnosis_of_paste"]
