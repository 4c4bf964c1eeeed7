"""What the rules did not understand, sorted by a chat model where there is one. It sorts and names; it cannot order anything: no
change, no hint and no confirmation ever comes of a model's reading, and every name it gives has to be in the text and known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from agent.chat.intents import UNCLEAR
from agent.chat.measures import MEASURES
from agent.chat.names import Known, Thing, form_of
from agent.chat.times import MOST_MINUTES, Window
from agent.chat.understood import NEEDS_TARGET, Understood
from agent.consult import consult
from agent.deps import Deps
from agent.prompts import prompt
from knowledge.vocabulary import Json

SECONDS = 15.0
MOST_TOKENS = 200
MOST_TEXT = 1_000
MAY_GUESS = (
    "diagnose", "gpu_holders", "changes", "status", "list_objects", "capacity", "events", "logs", "where", "callers", "metric",
    "knowledge", "help", "small_talk",
)  # fmt: skip
"""Questions that are answered by reading. What acts on somebody's word is read by the rules alone."""

SCHEMA: Json = {
    "title": "intent",
    "type": "object",
    "additionalProperties": False,
    "required": ["intent"],
    "properties": {
        "intent": {"type": "string", "enum": [*MAY_GUESS, UNCLEAR]},
        "target": {"type": "string"},
        "node": {"type": "string"},
        "namespace": {"type": "string"},
        "kind": {"type": "string", "enum": ["", "pods", "nodes", "services", "workloads"]},
        "metric": {"type": "string", "enum": ["", *MEASURES]},
        "quantile": {"type": "integer"},
        "minutes": {"type": "integer"},
    },
}


async def guessed(asked: Understood, known: Known, deps: Deps) -> Understood:
    """``asked`` as the model reads it; unchanged where there is no model, it fails, is late, or gives nothing that holds."""
    if deps.model is None or asked.intent != UNCLEAR or not asked.words.strip():
        return asked
    text = asked.words[:MOST_TEXT]
    system, user = prompt("intent", intents=[*MAY_GUESS, UNCLEAR], measures=list(MEASURES), text=text)
    try:
        async with asyncio.timeout(SECONDS):
            reply = await consult(deps, None, system, user, schema=SCHEMA, maximum_tokens=MOST_TOKENS, purpose="chat")
    except TimeoutError:
        return asked
    return _held(asked, reply.parsed, known) if reply.parsed is not None else asked


def _held(asked: Understood, parsed: Json, known: Known) -> Understood:
    """Only what the text itself names, and what is known by that name."""
    intent = str(parsed.get("intent", ""))
    if intent not in MAY_GUESS:
        return asked
    target = asked.target or _named(parsed.get("target"), asked.words, known, {"target"})
    node = asked.node or _named(parsed.get("node"), asked.words, known, {"Node"})
    spaces = {one.name for one in known.things if one.kind == "Namespace"}
    namespace = asked.namespace or (str(parsed.get("namespace") or "") if parsed.get("namespace") in spaces else "")
    metric = str(parsed.get("metric") or "")
    if (intent in NEEDS_TARGET and target is None and node is None) or (intent == "metric" and metric not in MEASURES):
        return asked
    return replace(
        asked,
        intent=intent,
        target=target,
        node=node,
        namespace=namespace,
        kind=str(parsed.get("kind") or "") or ("pods" if intent == "list_objects" else ""),
        metric=metric if intent == "metric" else "",
        quantile=parsed["quantile"] if parsed.get("quantile") in {50, 90, 95, 99} else 0,
        window=_window(parsed.get("minutes")),
        read_by="model",
    )


def _named(name: Any, words: str, known: Known, sorts: set[str]) -> Thing | None:
    if not isinstance(name, str) or not form_of(name) or form_of(name) not in form_of(words):
        return None
    found = [
        one
        for one in known.called(name)
        if (one.kind in sorts) or ("target" in sorts and one.kind not in {"Node", "Namespace"})
    ]
    return found[0] if len(found) == 1 else None


def _window(minutes: Any) -> Window:
    is_usable = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes <= MOST_MINUTES
    return Window(minutes=minutes) if is_usable else Window()
