"""The server-side dry run, with the executor's identity."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.vocabulary import ApiRequest, DryRun, FrozenStep
from tools.ports import ApiAnswer, ClusterWriter

_HEADER = re.compile(r'\d{3} \S+ "(.*)"(?: "[^"]*")?', re.DOTALL)
MOST_WARNINGS, MOST_CHARACTERS = 20, 1_000


async def dry_run(steps: Sequence[FrozenStep], writer: ClusterWriter) -> list[DryRun]:
    """One outcome for each step that changes something. A step that was computed from what an earlier one leaves cannot be
    tried, and says on which it depends."""
    return [await _try(step, writer) for step in steps if step.is_change and step.requests]


async def _try(step: FrozenStep, writer: ClusterWriter) -> DryRun:
    index = step.step.index
    if step.depends_on:
        named = ", ".join(str(other + 1) for other in step.depends_on)
        return DryRun(step=index, outcome="depends", message=f"not dry-runnable: depends on step {named}")
    held: list[str] = []
    warned: list[str] = []
    for request in step.requests:
        answer = await writer.send(request, dry_run=True)
        warned += [_text_of(warning) for warning in answer.warnings]
        if answer.is_ok:
            continue
        if answer.status == 429 and request.path.endswith("/eviction"):
            held.append(request.path.rsplit("/", 2)[-2])
            continue
        return DryRun(step=index, outcome="failed", message=say(request, answer), warnings=_each(warned))
    message = f"a disruption budget holds up: {', '.join(held)}" if held else ""
    return DryRun(step=index, outcome="ok", message=message, warnings=_each(warned))


def _text_of(warning: str) -> str:
    """A Warning header (RFC 7234: ``299 - "text"``) as its text."""
    found = _HEADER.fullmatch(warning.strip())
    said = found[1].replace('\\"', '"').replace("\\\\", "\\") if found else warning
    return said[:MOST_CHARACTERS]


def _each(warned: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warned))[:MOST_WARNINGS]


def say(request: ApiRequest, answer: ApiAnswer) -> str:
    """``PATCH /apis/...: 422 Invalid: ...``"""
    body = answer.body if isinstance(answer.body, dict) else {}
    reason, message = body.get("reason", ""), str(body.get("message", answer.body))[:500]
    return f"{request.method} {request.path}: {answer.status} {reason}: {message}"
