"""Knowledge questions: cases and documents, quoted and cited; said plainly when none fits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agent.chat.asking import Asking, offers, progress, said
from agent.chat.reply import Citation, Offer, Part
from agent.chat.understood import Understood
from agent.chat.wording import Material, worded
from agent.reasoning.words import meanings
from knowledge.vocabulary import Passage, RecalledCase

MOST_FOUND = 6
MOST_SHOWN = 4
MOST_QUOTED = 420
MOST_TO_MODEL = 1_800
FITS = 0.5
"""Share of the question's words that a text has to speak of; below it the text is about something else."""

NEAR = 0.35
"""Likeness of meaning above which a case fits whatever its words: unrelated questions stay below."""

_ASKING = re.compile(
    r"如何|怎么样?|怎样|什么是|是什么意思|什么意思|是什么|有什么|处理|解决|解释一下|解释|介绍一下?|吗|呢|请问|以前|遇到过|有没有|关于|知识库里?|案例|手册|文档|查一下|搜索?|历史|类似的?|比较好|"
    r"\b(?:how|what|when|should|explain|meaning|means?|fix|solve|handle|resolve|best|practices?|knowledge|base|search|runbooks?|documents?|docs|cases?|similar|seen|before|"
    r"we|you|i|have|about|there|any|tell|me|guides?)\b",
    re.IGNORECASE,
)
_LIKENESS = re.compile(r"near in meaning \(([0-9.]+)")


@dataclass(frozen=True)
class Hit:
    """One case or document that fits, as it is cited, and its text."""

    citation: Citation
    text: str


async def answer_knowledge(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    yield progress(asking, "searching cases and documents ...", "正在检索案例与文档……")
    found = await asyncio.to_thread(asking.shelf.find, asked.words, limit=MOST_FOUND, reach=asking.scope)
    hits = await asyncio.to_thread(_fitting, asked.words, found.hits, asking)
    notice = f" {asking.of(found.notice)}" if found.notice else ""
    if not hits:
        yield said(
            asking.text(
                "The knowledge base holds nothing that fits this. Say it differently, or import documents (opsdesk kb import).",
                "知识库中没有与此相符的内容。请换个说法，或导入文档（opsdesk kb import）。",
            )
            + notice,
            tone="warning",
        )
        return
    offline = said(_quoted(hits, asking) + notice, [hit.citation for hit in hits])
    material = [Material(hit.citation, hit.text[:MOST_TO_MODEL]) for hit in hits]
    async for part in worded(asked.words, material, offline, asking):
        yield part
    yield offers(
        Offer(label=asking.text("Look at the cluster", "查看集群"), does="say", text=asking.text("is anything broken right now?", "现在集群有什么故障吗")),
    )  # fmt: skip


def _fitting(question: str, hits: Sequence[RecalledCase | Passage], asking: Asking) -> list[Hit]:
    wanted = meanings(_ASKING.sub(" ", question))
    kept = []
    for hit in hits:
        text = _text_of(hit, asking)
        likeness = _LIKENESS.search(hit.why) if isinstance(hit, RecalledCase) else None
        is_near = likeness is not None and float(likeness.group(1)) >= NEAR
        if wanted and (is_near or _share(wanted, text) >= FITS):
            kept.append(Hit(_citation(hit, asking), text))
    return kept[:MOST_SHOWN]


def _text_of(hit: RecalledCase | Passage, asking: Asking) -> str:
    if isinstance(hit, Passage):
        return f"{hit.title}\n{hit.text}"
    case = asking.deps.library.case(hit.case_id)
    if case is None:
        return f"{hit.title.en}\n{hit.title.zh}"
    remedy = "\n".join(asking.of(step) for step in case.remedy.manual) or case.remedy.script
    parts = (case.title, case.symptoms, case.cause)
    return "\n".join(
        [
            *(asking.of(one) for one in parts),
            remedy,
            *(one.en if asking.language.value == "zh" else one.zh for one in parts),
        ]
    )


def _share(wanted: dict[str, float], text: str) -> float:
    """Exact words weigh, and what means the same in the field."""
    there = meanings(text[:20_000])
    words = [word for word in wanted if not word.startswith("=")]
    if not words:
        return 0.0
    groups = [word for word in wanted if word.startswith("=")]
    met = sum(word in there for word in words) + sum(group in there for group in groups)
    return met / (len(words) + len(groups))


def _citation(hit: RecalledCase | Passage, asking: Asking) -> Citation:
    if isinstance(hit, RecalledCase):
        return Citation(kind="case", id=hit.case_id, title=asking.of(hit.title))
    return Citation(kind="document", id=hit.document_id, title=hit.title)


def _quoted(hits: Sequence[Hit], asking: Asking) -> str:
    """The beginning of each, without its title, which the citation tells."""
    lines = [asking.text("The nearest in the knowledge base:", "知识库中最相关的内容：")]
    for number, hit in enumerate(hits, start=1):
        body = " ".join(hit.text.split("\n", 1)[-1].split())[:MOST_QUOTED]
        lines.append(f"[{number}] {hit.citation.title}: {body}")
    return "\n".join(lines)
