"""Asks the chat model within the incident's budget. The model only adds: whatever goes wrong here becomes a note, never an
error of the incident."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from agent.deps import Deps
from agent.state import JsonObject
from knowledge.errors import BudgetSpent, ModelAnswerInvalid, ModelUnavailable, OpsdeskError
from knowledge.ledger.model_calls import CallOutcome, ModelCall
from knowledge.vocabulary import Evidence, Json
from tools.ports import ChatModel, ModelAnswer
from tools.redaction import redact_text

MATERIAL_CHARACTERS = 16_000
SHARE_OF_NODE = 0.6
"""Of a node's time a question may take at most this, retries included: what is left carries the offline answer on."""

log = structlog.get_logger("opsdesk.model")

DIAGNOSE_SCHEMA: Json = {
    "title": "second_reading",
    "type": "object",
    "additionalProperties": False,
    "required": ["ranking", "claims", "requests", "explanation"],
    "properties": {
        "ranking": {
            "type": "array",
            "maxItems": 10,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "why"],
                "properties": {"id": {"type": "string"}, "why": {"type": "string"}},
            },
        },
        "claims": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["object", "predicate", "value", "evidence_id"],
                "properties": {name: {"type": "string"} for name in ("object", "predicate", "value", "evidence_id")},
            },
        },
        "requests": {
            "type": "array",
            # Loose on purpose: a request that cannot be served becomes a gap; it does not spoil the answer around it.
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"description": "logs, object, events or metric"},
                    **{n: {} for n in ("object_kind", "namespace", "name", "container", "query", "why")},
                },
            },
        },
        "explanation": {"type": "string"},
    },
}

SCRIPT_SCHEMA: Json = {
    "title": "remediation_script",
    "type": "object",
    "additionalProperties": False,
    "required": ["script", "why"],
    "properties": {"script": {"type": "string"}, "why": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Reply:
    """``parsed`` and ``text`` are empty when the model gave nothing usable; ``note`` then says why, for the incident."""

    use: JsonObject
    parsed: Json | None = None
    text: str = ""
    note: str = ""


async def consult(
    deps: Deps,
    use: JsonObject | None,
    system: str,
    user: str,
    *,
    schema: Json | None = None,
    maximum_tokens: int = 2_000,
    incident_id: str = "",
    purpose: str = "",
) -> Reply:
    """One question to the model in use. ``use`` is what the incident has spent; the reply carries the new sum.

    The question is redacted once more: a complaint or a gap may hold what no collector has seen. What it cost and what came
    of it is kept for the reports, under the incident and the ``purpose`` (the stage that asks).
    """
    spent: JsonObject = {"tokens": 0, "cost": 0.0, "calls": 0, **(use or {})}
    if deps.model is None:
        return Reply(spent, note="no model is configured")
    try:
        check_budget(deps, spent, len(system) + len(user), maximum_tokens)
    except BudgetSpent as error:
        return Reply(spent, note=f"{error.title}: {error.message}")
    spent["calls"] = int(spent["calls"]) + 1
    began, before = time.monotonic(), dict(spent)
    reply, outcome, answer = await _asked(deps, deps.model, spent, system, user, schema, maximum_tokens)
    told = _told_use(answer) if answer is not None else _guessed_use(before, spent)
    call = ModelCall(incident_id=incident_id, purpose=purpose, profile=deps.model.profile, outcome=outcome)
    call = call.model_copy(update={**told, "seconds": time.monotonic() - began})
    with contextlib.suppress(
        OpsdeskError
    ):  # a report that lacks a call is better than an incident that lacks its answer
        await asyncio.to_thread(deps.ledger.model_calls.add, call)
    return reply


def _told_use(answer: ModelAnswer) -> JsonObject:
    use = answer.usage
    return {
        "model": answer.model,
        "input_tokens": max(use.input_tokens, 0),
        "output_tokens": max(use.output_tokens, 0),
        "cost": max(use.cost, 0.0),
        "is_estimated": use.is_estimated,
    }


def _guessed_use(before: JsonObject, after: JsonObject) -> JsonObject:
    """Of a call without an answer: what the budget was charged with."""
    tokens, cost = int(after["tokens"]) - int(before["tokens"]), float(after["cost"]) - float(before["cost"])
    return {"input_tokens": tokens, "cost": cost, "is_estimated": True}


async def _asked(
    deps: Deps, model: ChatModel, spent: JsonObject, system: str, user: str, schema: Json | None, maximum_tokens: int
) -> tuple[Reply, CallOutcome, ModelAnswer | None]:
    seconds = deps.options.node_timeout_seconds * SHARE_OF_NODE
    try:
        async with asyncio.timeout(seconds):
            answer = await model.answer(system, redact_text(user), schema=schema, max_tokens=maximum_tokens)
    except (ModelUnavailable, ModelAnswerInvalid) as error:
        _add(spent, error.tokens, error.cost)
        note = redact_text(f"{model.profile}: {error.title}: {error.message}")[:500]
        return Reply(spent, note=note), "unavailable" if isinstance(error, ModelUnavailable) else "invalid", None
    except TimeoutError:
        _add(spent, _forecast(len(system) + len(user), maximum_tokens), 0.0)
        note = f"{model.profile}: model unavailable: no answer within {seconds:g} s"
        return Reply(spent, note=note), "timeout", None
    except Exception as error:
        # The model only adds: a bug on the way to it must not cost the incident its offline answer.
        log.exception("model_bug", profile=model.profile)
        return Reply(spent, note=f"{model.profile}: failed unexpectedly ({type(error).__name__})"), "failed", None
    return _told(spent, answer), "answered", answer


def _told(spent: JsonObject, answer: ModelAnswer) -> Reply:
    _add(spent, answer.usage.input_tokens + answer.usage.output_tokens, answer.usage.cost)
    return Reply(spent, parsed=answer.parsed, text=answer.text)


def _add(spent: JsonObject, tokens: int, cost: float) -> None:
    """A server that tells a negative use gives no budget back."""
    spent["tokens"] = int(spent["tokens"]) + max(tokens, 0)
    spent["cost"] = float(spent["cost"]) + max(cost, 0.0)


def _forecast(characters: int, maximum_tokens: int) -> int:
    return characters // 3 + maximum_tokens


def check_budget(deps: Deps, spent: JsonObject, characters: int, maximum_tokens: int) -> None:
    """A rough forecast (three characters a token) is enough to stop before the budget, not after it."""
    if int(spent["tokens"]) + _forecast(characters, maximum_tokens) > deps.options.model_token_budget:
        raise BudgetSpent(
            f"{spent['tokens']} of {deps.options.model_token_budget} tokens are used up, and the next question needs "
            f"about {_forecast(characters, maximum_tokens)}"
        )
    if float(spent["cost"]) >= deps.options.model_cost_budget:
        raise BudgetSpent(f"cost {spent['cost']:.4f} has reached the budget {deps.options.model_cost_budget}")


def shown_evidence(items: Iterable[Evidence]) -> list[Evidence]:
    """As much of the evidence as fits the model's window, in the order given; what does not fit is left out."""
    shown: dict[str, Evidence] = {}
    characters = 0
    for item in items:
        if item.id not in shown and characters + len(item.text) <= MATERIAL_CHARACTERS:
            characters += len(item.text)
            shown[item.id] = item
    return list(shown.values())
