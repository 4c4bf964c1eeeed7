"""Asks the chat model within the incident's budget. The model only adds: whatever goes wrong here becomes a note, never an
error of the incident."""

from __future__ import annotations

from dataclasses import dataclass

from agent.deps import Deps
from agent.state import JsonObject
from knowledge.errors import BudgetSpent, ModelAnswerInvalid, ModelUnavailable
from knowledge.vocabulary import Json

MATERIAL_CHARACTERS = 16_000

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
            "maxItems": 5,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["kind", "object_kind", "namespace", "name", "container", "query", "why"],
                "properties": {
                    "kind": {"type": "string", "enum": ["logs", "object", "events", "metric"]},
                    **{
                        n: {"type": "string"} for n in ("object_kind", "namespace", "name", "container", "query", "why")
                    },
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
) -> Reply:
    """One question to the model in use. ``use`` is what the incident has spent; the reply carries the new sum."""
    spent: JsonObject = dict(use or {"tokens": 0, "cost": 0.0, "calls": 0})
    if deps.model is None:
        return Reply(spent, note="no model is configured")
    try:
        _check_budget(deps, spent, len(system) + len(user), maximum_tokens)
        answer = await deps.model.answer(system, user, schema=schema, max_tokens=maximum_tokens)
    except (ModelUnavailable, ModelAnswerInvalid, BudgetSpent) as error:
        spent["calls"] = int(spent["calls"]) + 1
        return Reply(spent, note=f"{deps.model.profile}: {error.title}: {error.message}"[:500])
    spent["calls"] = int(spent["calls"]) + 1
    spent["tokens"] = int(spent["tokens"]) + answer.usage.input_tokens + answer.usage.output_tokens
    spent["cost"] = float(spent["cost"]) + answer.usage.cost
    return Reply(spent, parsed=answer.parsed, text=answer.text)


def _check_budget(deps: Deps, spent: JsonObject, characters: int, maximum_tokens: int) -> None:
    """A rough forecast (three characters a token) is enough to stop before the budget, not after it."""
    forecast = int(spent["tokens"]) + characters // 3 + maximum_tokens
    if forecast > deps.options.model_token_budget:
        raise BudgetSpent(f"{spent['tokens']} of {deps.options.model_token_budget} tokens are used up")
    if float(spent["cost"]) >= deps.options.model_cost_budget:
        raise BudgetSpent(f"cost {spent['cost']:.4f} has reached the budget {deps.options.model_cost_budget}")
