"""Lets a chat model, where there is one, word an answer better. It only words: each sentence has to cite what it was given, and
every number in it has to stand there. What does not is taken out; when too little is left, the desk's own words stand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from agent.chat.asking import Asking, said
from agent.chat.reply import Answered, Citation, Delta, Part
from agent.consult import check_budget
from agent.prompts import prompt
from knowledge.errors import BudgetSpent, ModelAnswerInvalid, ModelUnavailable
from tools.redaction import redact_text

MOST_TOKENS = 700
MOST_CHARACTERS = 4_000
FIRST_PIECE_SECONDS = 12.0
_MARK = re.compile(r"\[(\d{1,3}(?:\s*[,，]\s*\d{1,3})*)\]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)

log = structlog.get_logger("opsdesk.model")


@dataclass(frozen=True)
class Material:
    """What a sentence may rest on; its place in the list is its number."""

    citation: Citation
    text: str


async def worded(question: str, material: Sequence[Material], offline: Answered, asking: Asking) -> AsyncIterator[Part]:
    """Deltas as the model writes, then the whole: checked, or the desk's own where nothing of the model's holds."""
    model = asking.deps.model
    if model is None or not material:
        yield offline
        return
    system, user = prompt(
        "chat",
        language=asking.language.value,
        question=redact_text(question)[:2_000],
        material=[{"number": number, "text": redact_text(one.text)} for number, one in enumerate(material, start=1)],
    )
    pieces: list[str] = []
    note = ""
    try:
        check_budget(asking.deps, {"tokens": 0, "cost": 0.0}, len(system) + len(user), MOST_TOKENS)
        async for piece in _pieces(model.stream(system, user, max_tokens=MOST_TOKENS), asking.slow_model_seconds):
            pieces.append(piece)
            yield Delta(text=piece)
            if sum(map(len, pieces)) > MOST_CHARACTERS:
                break
    except (ModelUnavailable, ModelAnswerInvalid, BudgetSpent) as error:
        note = error.message
    except TimeoutError:
        note = "no answer in time"
    except Exception as error:
        # The model only adds: a bug on the way to it must not cost the asker the desk's own answer.
        log.exception("model_bug", profile=model.profile)
        note = type(error).__name__
    if note:
        log.info("model_did_not_word", profile=model.profile, reason=redact_text(note)[:200])
    kept = kept_sentences("".join(pieces), material) if not note else []
    yield said("\n".join(kept), [one.citation for one in material]) if kept else offline


async def _pieces(stream: AsyncIterator[str], seconds: float) -> AsyncIterator[str]:
    """Pieces until the model ends, or its time does: the first has to come soon."""
    until = asyncio.get_running_loop().time() + seconds
    wait = min(FIRST_PIECE_SECONDS, seconds)
    while True:
        left = min(wait, until - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(max(left, 0.001)):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        wait = seconds
        yield piece


def kept_sentences(text: str, material: Sequence[Material]) -> list[str]:
    """Sentences that cite, cite only what there is, and hold no number that their sources do not."""
    text = redact_text(_THOUGHT.sub("", text))[:MOST_CHARACTERS]
    kept = []
    for sentence in _sentences(text):
        numbers = [int(one) for found in _MARK.finditer(sentence) for one in re.split(r"\s*[,，]\s*", found.group(1))]
        if not numbers or any(not 1 <= one <= len(material) for one in numbers):
            continue
        sources = " ".join(f"{material[one - 1].citation.title} {material[one - 1].text}" for one in numbers)
        told = set(_NUMBER.findall(_MARK.sub(" ", sentence)))
        if told <= set(_NUMBER.findall(sources)):
            kept.append(sentence.strip())
    return kept


def _sentences(text: str) -> list[str]:
    """A citation behind the full stop belongs to the sentence before it."""
    found: list[str] = []
    for part in re.split(r"(?<=[。！？\n])|(?<=[.!?])(?=\s)", text):
        mark = _MARK.match(part.strip())
        if found and mark and not part.strip()[mark.end() :].strip():
            found[-1] += part
        elif part.strip():
            found.append(part)
    return found
