"""`opsdesk eval chat`: whether the chat's rules understand what people say, in Chinese and English, without a model.

Half of the utterances are held out: their figures are told, their misses are not, so that nobody tunes the rules on them. So it is
with the independent ones, by an author who had read neither the rules nor the other utterances; they count in no other figure.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evals.chat.utterances import INDEPENDENT, Utterance, read_utterances, said, world
from evals.reports.table import Bars, Lines, Report, Table, percent
from evals.scoring.diagnosis import quantile
from knowledge.vocabulary import Json

BAR_INTENT = 0.97
BAR_PARAMETERS = 0.95
"""Of the developed half. The held-out half has no bar: it is a measurement."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the rules made of one utterance."""

    utterance: Utterance
    intent: str
    parameters: dict[str, str | int]
    seconds: float

    @property
    def is_right(self) -> bool:
        return self.intent == self.utterance.intent

    @property
    def is_exact(self) -> bool:
        return self.is_right and self.parameters == self.utterance.parameters


def read_all(utterances: Sequence[Utterance]) -> list[Read]:
    known = world()
    said(utterances[0], known)  # the rules are compiled once
    found = []
    for utterance in utterances:
        began = time.perf_counter()
        understood = said(utterance, known)
        found.append(Read(utterance, understood.intent, understood.parameters(), time.perf_counter() - began))
    return found


def figures_of(reads: Sequence[Read]) -> Json:
    seconds = [one.seconds for one in reads]
    wrongly_acted = sum(one.intent == "change" and one.utterance.intent != "change" for one in reads)
    return {
        "n": len(reads),
        "intent": _share(one.is_right for one in reads),
        "exact": _share(one.is_exact for one in reads),
        "abstained_wrongly": sum(one.intent == "unclear" and not one.is_right for one in reads),
        "answered_what_is_unclear": sum(one.utterance.intent == "unclear" and not one.is_right for one in reads),
        "taken_for_a_change": wrongly_acted,
        "seconds": {"p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95)},
    }


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def measure_chat() -> tuple[Json, Report]:
    reads = read_all(read_utterances())
    developed = [one for one in reads if not one.utterance.is_held_out]
    held_out = [one for one in reads if one.utterance.is_held_out]
    independent = read_all(read_utterances(INDEPENDENT))
    parts = {
        "developed": developed,
        "held_out": held_out,
        "developed_en": [one for one in developed if one.utterance.language == "en"],
        "developed_zh": [one for one in developed if one.utterance.language == "zh"],
        "held_out_en": [one for one in held_out if one.utterance.language == "en"],
        "held_out_zh": [one for one in held_out if one.utterance.language == "zh"],
        "held_out_fresh": [one for one in held_out if one.utterance.is_fresh],
        "held_out_follow_ups": [one for one in held_out if one.utterance.after],
        "independent": independent,
        "independent_en": [one for one in independent if one.utterance.language == "en"],
        "independent_zh": [one for one in independent if one.utterance.language == "zh"],
    }
    found: Json = {name: figures_of(part) for name, part in parts.items()}
    is_met = found["developed"]["intent"] >= BAR_INTENT and found["developed"]["exact"] >= BAR_PARAMETERS
    found["is_met"] = bool(is_met)
    found["intents"] = {
        half: _by_intent(part)
        for half, part in (("developed", developed), ("held_out", held_out), ("independent", independent))
    }
    return found, _report(found, parts, developed, held_out)


def _by_intent(reads: Sequence[Read]) -> Json:
    intents = sorted({one.utterance.intent for one in reads})
    return {
        intent: {
            "n": len(part),
            "intent": _share(one.is_right for one in part),
            "exact": _share(one.is_exact for one in part),
        }
        for intent in intents
        if (part := [one for one in reads if one.utterance.intent == intent])
    }


def _report(found: Json, parts: dict[str, list[Read]], developed: Sequence[Read], held_out: Sequence[Read]) -> Report:
    rows = tuple(
        (name, found[name]["n"], percent(found[name]["intent"]), percent(found[name]["exact"]), found[name]["abstained_wrongly"],
         found[name]["answered_what_is_unclear"], found[name]["taken_for_a_change"])
        for name in parts
    )  # fmt: skip
    both = sorted({*found["intents"]["developed"], *found["intents"]["held_out"]})
    per_intent = tuple(
        (intent, *(cell for half in ("developed", "held_out") for cell in _cells(found["intents"][half].get(intent)))) for intent in both
    )  # fmt: skip
    heads = (
        "",
        "n",
        "intent",
        "parameters exact",
        "wrongly abstained",
        "answered though unclear",
        "taken for a change",
    )
    return Report(
        name="chat",
        title="Understanding what people say to the chat",
        intro=f"{len(developed) + len(held_out)} utterances without a model; {found['developed']['seconds']['p50'] * 1000:.2f} ms each (p50). "
        "The held-out half is measured only: its misses are not shown. `held_out_fresh` was written when the rules were done; "
        f"the {len(parts['independent'])} of `independent` by someone who had read neither the rules nor the other utterances, and they are in its rows alone.",
        parts=(
            Table("Figures", heads, rows),
            Table("Per intent", ("intent", "n", "intent", "exact", "n held out", "intent", "exact"), per_intent),
            Bars("Held out, right intent", tuple((intent, float(one["intent"]), None) for intent, one in found["intents"]["held_out"].items())),
            Table("Confusion (counts, both halves)", ("meant", "read as", "developed", "held out"), _confusion(developed, held_out)),
            Lines("Developed half: misses", tuple(_miss(one) for one in developed if not one.is_exact)),
        ),
    )  # fmt: skip


def _cells(row: Json | None) -> tuple[str | int, str, str]:
    return (row["n"], percent(row["intent"]), percent(row["exact"])) if row else (0, "–", "–")


def _confusion(developed: Sequence[Read], held_out: Sequence[Read]) -> tuple[tuple[str, str, int, int], ...]:
    counts = [
        Counter((one.utterance.intent, one.intent) for one in half if not one.is_right)
        for half in (developed, held_out)
    ]
    return tuple(
        (meant, read, counts[0][meant, read], counts[1][meant, read])
        for meant, read in sorted({*counts[0], *counts[1]})
    )


def _miss(one: Read) -> str:
    words = one.utterance.ask.replace("\n", " | ")[:100]
    if not one.is_right:
        return f"{words}: meant {one.utterance.intent}, read as {one.intent}"
    return f"{words}: meant {one.utterance.parameters}, read {one.parameters}"
