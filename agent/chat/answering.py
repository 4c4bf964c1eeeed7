"""From what was understood to its answer: one function for each intent, over ports. What only the desk's faces know (incidents,
approvals) is answered by the API layer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from agent.chat.asking import Asking
from agent.chat.gpus import answer_capacity, answer_gpu_holders
from agent.chat.happenings import answer_changes, answer_events
from agent.chat.lines import answer_callers, answer_logs
from agent.chat.looking import answer_diagnose
from agent.chat.lore import answer_knowledge
from agent.chat.numbers import answer_metric
from agent.chat.objects import answer_list, answer_status, answer_where
from agent.chat.pastes import answer_paste
from agent.chat.plain import (
    answer_help,
    answer_small_talk,
    answer_unclear,
    ask_back,
    needs_name,
    not_found,
    read_by_model,
)
from agent.chat.proposals import answer_change
from agent.chat.reply import Answered, Part
from agent.chat.understood import NEEDS_TARGET, Understood

Answering = Callable[[Understood, Asking], AsyncIterator[Part]]


async def answer_what_is_unclear(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    """Says so; and, where a service or a node was named, in one sentence how it is: that much was understood."""
    async for part in answer_unclear(asked, asking):
        if isinstance(part, Answered) and part.answer.block == "offers" and (asked.target or asked.node):
            async for seen in answer_status(asked, asking):
                if isinstance(seen, Answered) and seen.answer.block == "said":
                    yield seen
        yield part


ANSWERS: Mapping[str, Answering] = {
    "diagnose": answer_diagnose,
    "status": answer_status,
    "list_objects": answer_list,
    "where": answer_where,
    "metric": answer_metric,
    "gpu_holders": answer_gpu_holders,
    "capacity": answer_capacity,
    "changes": answer_changes,
    "events": answer_events,
    "logs": answer_logs,
    "callers": answer_callers,
    "knowledge": answer_knowledge,
    "change": answer_change,
    "paste": answer_paste,
    "help": answer_help,
    "small_talk": answer_small_talk,
    "unclear": answer_what_is_unclear,
}
NAMES_MATTER = frozenset(
    {
        "diagnose",
        "gpu_holders",
        "changes",
        "status",
        "list_objects",
        "events",
        "logs",
        "where",
        "callers",
        "metric",
        "change",
    }
)
"""Intents that are not answered while a name in the question is doubtful or unknown."""


async def answer(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    if asked.read_by == "model":
        yield read_by_model(asked, asking)
    parts = in_question(asked, asking)
    if parts:
        for part in parts:
            yield part
        return
    async for part in ANSWERS.get(asked.intent, answer_what_is_unclear)(asked, asking):
        yield part


def in_question(asked: Understood, asking: Asking) -> list[Part]:
    """What has to be asked back before anything is looked at."""
    if asked.intent not in NAMES_MATTER:
        return []
    if asked.doubtful:
        return ask_back(asked, asking)
    if asked.unknown and asked.target is None and asked.node is None:
        return not_found(asked, asking)
    if asked.intent in NEEDS_TARGET and asked.target is None and not (asked.intent == "status" and asked.node):
        return needs_name(asked, asking)
    return []
