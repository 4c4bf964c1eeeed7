"""Pasted logs, transcripts and manifests: judged as they are, without a cluster. Hearsay: said with its lines, never acted on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from agent.chat.asking import Asking, gaps_told, headline, marks, offers, progress, said
from agent.chat.reply import Offer, Part
from agent.chat.understood import Understood
from agent.transcript_look import PasteDiagnosis, diagnose_paste
from knowledge.vocabulary import Verdict
from tools.transcript.reading import read_paste

MOST_CITED = 4
MOST_CAUSES = 3


async def answer_paste(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    size = f"{len(asked.paste):,}"
    yield progress(asking, f"reading {size} characters ...", f"正在阅读 {size} 个字符……")
    found = await asyncio.to_thread(_judged, asked, asking)
    asking.evidence.update({fact.id: fact for fact in found.evidence})
    for part in _told(found, asking):
        yield part
    for gap in gaps_told(asking, found.diagnosis.gaps) if found.diagnosis.verdict is not Verdict.NO_FAULT else ():
        yield gap
    if found.ranked:
        text = headline(asked.words, 200) or asking.text("Diagnose what was pasted", "诊断粘贴的内容")
        yield offers(Offer(label=asking.text("Open an incident", "转为事件单"), does="open", text=text))


def _judged(asked: Understood, asking: Asking) -> PasteDiagnosis:
    began = time.perf_counter()
    reading = read_paste(asked.paste, cluster=asking.cluster.name, namespace=asked.namespace)
    return diagnose_paste(
        reading, detectors=asking.deps.detectors, question=asked.words, namespace=asked.namespace, began=began
    )


def _told(found: PasteDiagnosis, asking: Asking) -> list[Part]:
    head = asking.text("From what was pasted alone, not from the cluster: ", "仅依据粘贴的内容，未查询集群：")
    if not found.ranked:
        return [said(head + asking.of(found.diagnosis.summary), tone="warning")]
    parts: list[Part] = []
    for cause in found.ranked[:MOST_CAUSES]:
        citations = asking.cited(cause.hypothesis.evidence_ids)[:MOST_CITED]
        text = f"{cause.rank}. {cause.object.key}: {asking.of(cause.hypothesis.title)} ({cause.confidence:.0%}) {marks(len(citations))}"
        first = cause.rank == 1
        parts.append(said((head if first else "") + text, citations, "bad" if first else "plain"))
    explanation = asking.of(found.ranked[0].hypothesis.explanation)
    if explanation:
        parts.insert(1, said(explanation))
    chosen = found.ranked[0].hypothesis
    finding = next((one for one in found.findings if one.id == chosen.finding_ids[0]), None)
    remedy = asking.deps.detectors.remedy(finding.fault, finding) if finding is not None else None
    if remedy is not None and remedy.manual:
        steps = "; ".join(asking.of(step) for step in remedy.manual[:3])
        parts.append(said(asking.text(f"To do, as a suggestion: {steps}", f"建议：{steps}")))
    return parts
