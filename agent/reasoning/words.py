"""Words of names and sentences, brought to one form so that what two people wrote can be compared. Pure functions.

English is split at case, punctuation and digits, stemmed by a few endings, and joined with what the field uses for the same
thing (``field_words.yaml``); Chinese is compared by pairs of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

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
        "any",
        "all",
        "each",
        "every",
        "other",
        "another",
        "one",
        "some",
        "what",
        "when",
        "where",
        "while",
        "whose",
        "more",
        "most",
        "less",
        "too",
        "so",
        "very",
        "only",
        "also",
        "still",
        "can",
        "cannot",
        "could",
        "may",
        "must",
        "should",
        "will",
        "would",
        "get",
        "gets",
        "got",
        "make",
        "makes",
        "made",
        "keep",
        "keeps",
        "give",
        "gives",
        "given",
        "take",
        "takes",
        "put",
        "want",
        "wants",
        "need",
        "needs",
        "ask",
        "asks",
        "say",
        "says",
        "said",
        "go",
        "goes",
        "use",
        "uses",
        "used",
        "using",
        "names",
        "named",
        "out",
        "up",
        "off",
        "into",
        "onto",
        "without",
        "because",
        "due",
        "caused",
        "cause",
    ]
)
STOP_ZH = frozenset("的了被于在和与或为是有其中已将把对该此之")
"""Characters that tie Chinese words together and tell nothing apart."""

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
    """Lower-case words in order; a run of Chinese becomes the field's own words in it, and pairs of characters between."""
    found: list[str] = []
    for token in TOKEN.findall(text):
        if "\u4e00" <= token[0] <= "\u9fff":
            found += _chinese_words(token)
        else:
            found.append(token.lower())
    return found


def _chinese_words(run: str) -> list[str]:
    """The longest word of the field at each place; what stands between them becomes its pairs of characters."""
    known, longest = _chinese_terms()
    found: list[str] = []
    loose, at = "", 0
    while at < len(run):
        size = next((size for size in range(min(longest, len(run) - at), 1, -1) if run[at : at + size] in known), 0)
        if size or run[at] in STOP_ZH:
            found += _pairs(loose)
            loose = ""
        if size:
            found.append(run[at : at + size])
        elif run[at] not in STOP_ZH:
            loose += run[at]
        at += size or 1
    return found + _pairs(loose)


def _pairs(loose: str) -> list[str]:
    return [loose[at : at + 2] for at in range(max(len(loose) - 1, 1))] if loose else []


@cache
def _chinese_terms() -> tuple[frozenset[str], int]:
    """The Chinese words of the groups, and how long the longest is."""
    terms = frozenset(one for group in field_words()["groups"] for one in group if "\u4e00" <= one[0] <= "\u9fff")
    return terms, max(map(len, terms), default=0)


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


def units(text: str) -> dict[str, str]:
    """What a name is made of: each phrase of the field as its group, the longest first, and each other word by itself; with
    the words that stand for it. ``storage_class_mismatch`` has two."""
    words = plain_words(text)
    stems, groups = [stem(word) for word in words], _groups()
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        sizes = range(min(LONGEST_PHRASE, len(words) - at), 0, -1)
        size = next((size for size in sizes if "-".join(stems[at : at + size]) in groups), 0)
        if size:
            found[groups["-".join(stems[at : at + size])]] = " ".join(words[at : at + size])
        elif words[at] not in STOP:
            found[stems[at]] = words[at]
        at += size or 1
    return found


@cache
def _groups() -> Mapping[str, str]:
    """Stemmed phrase to the name of its group."""
    return {
        "-".join(stem(part) for part in phrase.split("-")): f"={group[0]}"
        for group in field_words()["groups"]
        for phrase in group
    }


@cache
def field_words() -> Mapping[str, Any]:
    """``field_words.yaml``: ``groups``, ``states`` and ``rivals``, as its head says."""
    found: Mapping[str, Any] = yaml.safe_load(
        files("agent.reasoning").joinpath("field_words.yaml").read_text(encoding="utf-8")
    )
    return found


def merged(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The meanings of several texts, each with its weight; the heaviest place of a word counts."""
    found: dict[str, float] = {}
    for text, weight in parts:
        for word, value in meanings(text).items():
            found[word] = max(found.get(word, 0.0), value * weight)
    return found


__all__ = ["field_words", "meanings", "merged", "plain_words", "stem", "units"]
