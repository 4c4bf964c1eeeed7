"""Which intent a text has, read without a model: concepts in it (one pass of RE2 over all their words), then rules over concepts.

Two lexicons of one make: ``lexicon.yaml`` reads exactly, ``broad.yaml`` by wide classes of words where the first is not sure.
Every rule that holds adds its score; the best intent wins when it reaches the threshold, otherwise nothing was understood and
the nearest ones are told. Linear in the text; nothing in it can cost more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import re2
import yaml

from agent.chat.names import INCIDENT, NAMESPACE, NODE, PRONOUN, TARGET

UNCLEAR = "unclear"
MOST_BYTES = 128 << 20
"""Bound of the automaton's states; a text that needed more would read as no concept at all, and the chat would abstain."""
_MARKS = {"<T>": TARGET, "<N>": NODE, "<S>": NAMESPACE, "<I>": INCIDENT, "<P>": PRONOUN}
_OPEN, _SHUT = r"(?:^|[^a-z0-9])", r"(?:$|[^a-z0-9])"
"""Edges of a word of letters: Han characters and marks may touch it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``when``: alternatives of which one must hold, all of them; ``unless``: none may."""

    when: tuple[frozenset[str], ...]
    unless: frozenset[str]
    score: float

    def holds(self, concepts: frozenset[str]) -> bool:
        return all(concepts & one for one in self.when) and not concepts & self.unless


class ConceptSet:
    """Patterns of many concepts, searched for together."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self._concept_of: list[str] = []
        self._patterns: list[str] = []
        self._joined: Any = None
        self._words = frozenset(
            word
            for patterns in groups.values()
            for pattern in patterns
            for word in re.findall(r"[a-z]{4,}", re.sub(r"\\[a-z]", " ", str(pattern)))
        )
        options = re2.Options()
        options.max_mem = MOST_BYTES
        self._set = re2.Set.SearchSet(options)
        for concept, patterns in groups.items():
            for pattern in patterns:
                self._set.Add(edged(str(pattern)))
                self._patterns.append(edged(str(pattern)))
                self._concept_of.append(concept)
        self._set.Compile()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._concept_of))

    @property
    def words(self) -> frozenset[str]:
        """Latin words that the patterns spell out, whole or as a stem."""
        return self._words

    def without(self, text: str) -> str:
        """The text with everything blanked that a pattern finds."""
        return str(self._any().sub(" ", text))

    def _any(self) -> Any:
        if self._joined is None:
            options = re2.Options()
            options.max_mem = MOST_BYTES
            self._joined = re2.compile("|".join(self._patterns), options)
        return self._joined

    def within(self, text: str) -> frozenset[str]:
        return frozenset(self._concept_of[number] for number in self._set.Match(text) or ())


def edged(pattern: str) -> str:
    """The pattern as a whole word where it begins or ends with a letter; placeholders filled in."""
    for name, mark in _MARKS.items():
        pattern = pattern.replace(name, mark)
    opens = _OPEN if _is_letter(pattern[:1]) or (pattern.startswith("(?:") and _is_latin(pattern)) else ""
    shuts = _SHUT if _is_letter(pattern[-1:]) or (pattern[-1:] in ")*?+" and _is_latin(pattern)) else ""
    return f"{opens}(?:{pattern}){shuts}"


def _is_letter(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _is_latin(pattern: str) -> bool:
    return not any("\u4e00" <= letter <= "\u9fff" for letter in pattern)


@dataclass(frozen=True)
class Lexicon:
    threshold: float
    concepts: ConceptSet
    measures: ConceptSet
    rules: Mapping[str, tuple[Rule, ...]]
    common: frozenset[str]
    """Words of the patterns: a service that is called so is not read as one where anything else is named."""
    never: frozenset[str] = frozenset()
    """Concepts beside which nothing is understood at all."""

    @property
    def intents(self) -> tuple[str, ...]:
        return tuple(self.rules)


@cache
def lexicon() -> Lexicon:
    """What is read first, and exactly."""
    return _read("lexicon.yaml")


@cache
def broad_lexicon() -> Lexicon:
    """What is read where the first reading is not sure: wide classes of words, no intent that acts."""
    return _read("broad.yaml")


def _read(name: str) -> Lexicon:
    raw: dict[str, Any] = yaml.safe_load(files("agent.chat").joinpath(name).read_text(encoding="utf-8"))
    groups = _listed({**raw["concepts"], **raw["derived"]})
    measures = _listed(raw["measures"])
    rules = {
        intent: tuple(
            Rule(
                tuple(frozenset(one.split("|")) for one in row["when"]),
                frozenset(row.get("unless", ())),
                float(row["score"]),
            )
            for row in rows
        )
        for intent, rows in raw["intents"].items()
    }
    return Lexicon(
        raw["threshold"],
        ConceptSet(groups),
        ConceptSet(measures),
        rules,
        _common(groups, measures),
        frozenset(raw.get("never", ())),
    )


def _listed(groups: Mapping[str, str]) -> dict[str, list[str]]:
    return {concept: [one.strip() for one in patterns.split(" ; ")] for concept, patterns in groups.items()}


def _common(*parts: Mapping[str, Sequence[str]]) -> frozenset[str]:
    word = re2.compile(r"^[a-z]+s?\??$")
    found = {str(pattern) for groups in parts for patterns in groups.values() for pattern in patterns}
    plain = {one.removesuffix("?").removesuffix("s") for one in found if word.search(one)}
    return frozenset(
        plain | {f"{one}s" for one in plain} | {one.removesuffix("?") for one in found if word.search(one)}
    )


@dataclass(frozen=True)
class Ranked:
    """Intents with their scores, best first; ``chosen`` is ``unclear`` below the threshold."""

    chosen: str
    scores: tuple[tuple[str, float], ...]

    @property
    def nearest(self) -> tuple[str, ...]:
        return tuple(intent for intent, score in self.scores[:3] if score > 0)


def rank(concepts: frozenset[str], known: Lexicon | None = None) -> Ranked:
    known = known or lexicon()
    if concepts & known.never:
        return Ranked(UNCLEAR, ())
    scored = [
        (intent, sum(rule.score for rule in rules if rule.holds(concepts))) for intent, rules in known.rules.items()
    ]
    scored.sort(key=lambda pair: -pair[1])
    best, score = scored[0]
    return Ranked(best if score >= known.threshold else UNCLEAR, tuple(scored))
