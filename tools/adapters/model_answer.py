"""Reads what a chat model wrote: the JSON in it, whether it fits its schema, and what it cost."""

from __future__ import annotations

import json
import re
from typing import Any

from knowledge.vocabulary import Json
from tools.ports import ModelUsage

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL)
_WIDE = re.compile(r"[⺀-鿿＀-￯가-힯]")
MAX_TEXT = 400_000


class UnfitAnswer(ValueError):
    """The text holds no JSON that fits the schema; the message can be sent back to the model."""


def without_thoughts(text: str) -> str:
    """Reasoning models of some servers write their thoughts into the answer."""
    return _THOUGHT.sub("", text).strip() if "<think" in text else text.strip()


def parse_json(text: str, schema: Json) -> Json:
    """The object in an answer: bare, in a code fence, or the first one between prose. Raises UnfitAnswer."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if len(text) > MAX_TEXT:
        raise UnfitAnswer(f"the answer has {len(text)} characters; {MAX_TEXT} are read")
    value = _object_in(without_thoughts(text))
    try:
        errors = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path)))
    except (SchemaError, RecursionError) as error:
        raise UnfitAnswer(f"the schema cannot be used: {error}") from error
    if errors:
        where = "/".join(str(part) for part in errors[0].path) or "the object"
        raise UnfitAnswer(f"{where}: {errors[0].message[:300]}")
    return value


def _object_in(text: str) -> Json:
    fence = _FENCE.search(text)
    for candidate in (text, fence.group(1).strip() if fence else "", text[text.find("{") :] if "{" in text else ""):
        if not candidate:
            continue
        try:
            value, _ = json.JSONDecoder().raw_decode(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise UnfitAnswer("no JSON object in the answer")


def usage_of(told: Any, sent: str, received: str, input_price: float, output_price: float) -> ModelUsage:
    """``told`` is LangChain's usage metadata; without it the counts are estimated. Prices are for a million tokens."""
    input_tokens = int((told or {}).get("input_tokens") or 0)
    output_tokens = int((told or {}).get("output_tokens") or 0)
    is_estimated = input_tokens <= 0
    if is_estimated:
        input_tokens, output_tokens = estimated_tokens(sent), estimated_tokens(received)
    cost = (input_tokens * input_price + output_tokens * output_price) / 1_000_000
    return ModelUsage(input_tokens, output_tokens, cost, is_estimated)


def estimated_tokens(text: str) -> int:
    """About four characters of Latin script or one and a half of Chinese make a token; erring high keeps the budget."""
    wide = len(_WIDE.findall(text))
    return round(wide / 1.5 + (len(text) - wide) / 4) + 1 if text else 0


def added(one: ModelUsage, other: ModelUsage) -> ModelUsage:
    return ModelUsage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cost + other.cost,
        one.is_estimated or other.is_estimated,
    )
