"""How the desk puts its conclusions into a person's language. Plain sentences, the evidence ids with them."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.vocabulary import Answer, Diagnosis, Language, Passage, RecalledCase, Verdict


def diagnosis_answer(diagnosis: Diagnosis, language: Language) -> Answer:
    """Cause, certainty, runner-up, gaps: the same four things in the same order, always."""
    zh = language is Language.ZH
    lines = [diagnosis.summary.within(language)]
    chosen = diagnosis.chosen
    if chosen is not None:
        cited = " ".join(f"[{evidence_id}]" for evidence_id in chosen.evidence_ids[:6])
        lines.append(
            f"置信度 {diagnosis.confidence:.0%}。证据：{cited}"
            if zh
            else f"Confidence {diagnosis.confidence:.0%}. Evidence: {cited}"
        )
    if diagnosis.runner_up is not None:
        other = diagnosis.runner_up
        lines.append(
            f"其次可能：{other.object.key} {other.title.zh}"
            if zh
            else f"Runner-up: {other.title.en} on {other.object.key}"
        )
    if diagnosis.gaps and diagnosis.verdict is not Verdict.NO_FAULT:
        told = [(gap.source, gap.reason) for gap in diagnosis.gaps[:4]]
        gaps = (
            "；".join(f"{source}（{reason}）" for source, reason in told)
            if zh
            else "; ".join(f"{source} ({reason})" for source, reason in told)
        )
        lines.append(f"未能读取：{gaps}" if zh else f"Could not be read: {gaps}")
    return Answer(text="\n".join(lines), language=language, citations=tuple(chosen.evidence_ids if chosen else ()))


def passages_answer(
    found: Sequence[RecalledCase | Passage], diagnosis: Diagnosis, language: Language, note: str = ""
) -> Answer:
    """The nearest cases and documents, quoted and cited, and what is wrong in the cluster now if anything is."""
    zh = language is Language.ZH
    lines: list[str] = []
    citations: list[str] = []
    for item in found[:4]:
        if isinstance(item, RecalledCase):
            citations.append(item.case_id)
            lines.append(f"- [{item.case_id}] {item.title.within(language)}")
        else:
            citations.append(item.document_id)
            lines.append(f"- [{item.document_id}] {item.title}: {' '.join(item.text.split())[:400]}")
    head = "知识库中最相关的内容：" if zh else "The nearest in the knowledge base:"
    if not lines:
        head = (
            "知识库中没有找到相关内容；请换个说法，或导入文档（opsdesk kb import）。"
            if zh
            else "The knowledge base holds nothing near this; say it differently, or import documents (opsdesk kb import)."
        )
    if note:
        lines.append(f"（检索受限：{note}）" if zh else f"(search was limited: {note})")
    if diagnosis.verdict is Verdict.FAULT:
        lines.append(("当前集群：" if zh else "In the cluster now: ") + diagnosis.summary.within(language))
    return Answer(text="\n".join([head, *lines]), language=language, citations=tuple(citations))
