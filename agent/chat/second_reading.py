"""The second reading of a message: wide classes of words ("laggy", "歇菜", "who ate the vram"), the kinds of names that stand in
it, and how short it is. It is asked only where the exact rules were not sure, and never gives an intent that acts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import re2

from agent.chat.intents import UNCLEAR, Ranked, broad_lexicon, lexicon, rank
from agent.chat.names import INCIDENT, NAMESPACE, NODE, PRONOUN, TARGET, UNKNOWN
from agent.chat.spelling import plainly_spelled

SHORT_WORDS = 5
SHORT_HAN = 10
_NAMES = f"[{TARGET}{NODE}{NAMESPACE}{INCIDENT}{PRONOUN}{UNKNOWN}]"
_FILLER = (
    r"hey|hi|so|and|the|a|an|our|my|now|currently|please|pls|plz|check|look|at|on|show|me|give|get|see|node|service|model|deployment|pod|"
    r"for|of|in|is|what|whats|what's|about|how|again|today|current|ok|cluster|quick|just|can|you|i|want|need|to|know|tell|gpus?|nodes|all|my|每个|显卡|gpu|卡|"
    r"呢|啊|吧|嘛|呀|哈|哦|噢|那|那个|这个|现在|目前|当前|今天|的|下|一下|看|看看|看下|帮|我|帮我|给我|给|请|麻烦|服务|节点|模型|机器|个|来|来个|拉|拉个|查|查下|是|多少|有|这|台|想|知道|要|发|瞅瞅|瞅"
)
_BARE = re2.compile(rf"^(?:{_NAMES}|{_FILLER}|[\s?!.,。，？！~～:：'\"`@/-])+$")
_PIECE = re2.compile(r"[a-z0-9'_.%/-]+")
_HAN = re2.compile(r"[\x{4e00}-\x{9fff}]")
_ASPECTS = (
    ("b_approvers", "approvers"), ("b_evidence", "evidence"), ("b_tried", "tried"), ("b_next", "next"), ("b_sum", "summary"), ("b_thinks", "why"),
)  # fmt: skip


@dataclass(frozen=True)
class SecondReading:
    """``is_bare``: a name or a measure by itself, which in a thread varies the last question. ``concepts`` are of both lexicons."""

    ranked: Ranked
    concepts: frozenset[str]
    measures: tuple[str, ...]
    aspect: str
    is_bare: bool


def second_reading(text: str, concepts: frozenset[str], measures: Iterable[str]) -> SecondReading:
    """``text`` is marked and in lower case; ``concepts`` and ``measures`` are what the first reading found in it."""
    text = plainly_spelled(text)
    known = broad_lexicon()
    found = {*measures, *lexicon().measures.within(text), *known.measures.within(text)}
    all_of = {*concepts, *lexicon().concepts.within(text), *known.concepts.within(text)}
    is_bare = bool(_BARE.search(text))
    all_of |= {
        name
        for name, is_so in (
            ("measure", bool(found)),
            ("bare", is_bare),
            ("bare_measure", bool(found) and is_bare_measure(text)),
            ("short", is_short(text)),
        )
        if is_so
    }
    if all_of & {"target", "node"}:
        all_of.discard("off_topic")  # who names a service speaks of it, whatever else stands there
    ranked = rank(frozenset(all_of), known)
    aspect = next((aspect for concept, aspect in _ASPECTS if concept in all_of), "summary")
    is_varied = ranked.chosen != UNCLEAR and (is_bare or "bare_measure" in all_of)
    return SecondReading(ranked, frozenset(all_of), tuple(found), aspect, is_varied)


def is_short(text: str) -> bool:
    return len(_PIECE.findall(text)) <= SHORT_WORDS and len(_HAN.findall(text)) <= SHORT_HAN


def is_bare_measure(text: str) -> bool:
    """Nothing but what is measured, fillers and names: "latency?", "给我拉个 p99"."""
    return bool(_BARE.search(broad_lexicon().measures.without(lexicon().measures.without(text))))
