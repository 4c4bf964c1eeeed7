"""Words of names and sentences, brought to one form so that what two people wrote can be compared. Pure functions.

English is split at case, punctuation and digits, stemmed by a few endings, and joined with what the field uses for the same
thing (``field_words.yaml``); Chinese is compared by pairs of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import yaml

TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[\u4e00-\u9fff]+")
STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "has",
        "have",
        "had",
        "it",
        "its",
        "that",
        "this",
        "which",
        "who",
        "as",
        "no",
        "not",
        "does",
        "do",
        "did",
        "than",
        "then",
        "there",
        "their",
        "them",
        "they",
        "s",
        "t",
        "fault",
        "error",
        "issue",
        "problem",
        "anomaly",
    ]
)
ENDINGS = (
    "ations",
    "ation",
    "ities",
    "ing",
    "ions",
    "ion",
    "ies",
    "ied",
    "ed",
    "es",
    "s",
    "ity",
    "ness",
    "ly",
    "able",
    "e",
)
SHORTEST_STEM = 3
LONGEST_PHRASE = 3


def stem(word: str) -> str:
    """``exceeded`` and ``exceeds`` become one form. Rough on purpose: both sides go through it."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            word = word[: -len(ending)]
            break
    if len(word) > SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] + "i" if len(word) > SHORTEST_STEM and word.endswith("y") else word


def plain_words(text: str) -> list[str]:
    """Lower-case words in order; a run of Chinese becomes its pairs of characters."""
    found: list[str] = []
    for token in TOKEN.findall(text):
        if "\u4e00" <= token[0] <= "\u9fff":
            found += [token[at : at + 2] for at in range(max(len(token) - 1, 1))]
        else:
            found.append(token.lower())
    return found


def meanings(text: str) -> dict[str, float]:
    """Each word's form with weight 1, and with 0.8 the group of words that mean the same in the field. A phrase of a group
    (``out of memory``) counts as its group."""
    words = plain_words(text)
    stems = [stem(word) for word in words]
    groups = _groups()
    found = {one: 1.0 for one, word in zip(stems, words, strict=True) if word not in STOP}
    for at in range(len(stems)):
        for length in range(1, LONGEST_PHRASE + 1):
            group = groups.get("-".join(stems[at : at + length]))
            if group is not None and at + length <= len(stems):
                found[group] = max(found.get(group, 0.0), 0.8)
    return found


@cache
def _groups() -> Mapping[str, str]:
    """Stemmed phrase to the name of its group."""
    raw = yaml.safe_load(files("agent.reasoning").joinpath("field_words.yaml").read_text(encoding="utf-8"))
    return {
        "-".join(stem(part) for part in phrase.split("-")): f"={group[0]}"
        for group in raw["groups"]
        for phrase in group
    }


def merged(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The meanings of several texts, each with its weight; the heaviest place of a word counts."""
    found: dict[str, float] = {}
    for text, weight in parts:
        for word, value in meanings(text).items():
            found[word] = max(found.get(word, 0.0), value * weight)
    return found


__all__ = ["meanings", "merged", "plain_words", "stem"]
