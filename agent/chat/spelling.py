"""Slips of the fingers in ordinary words ("restatr", "latnecy", "sloooow", full-width letters), set right before concepts are
looked for. Names are never touched, and no order is ever read from a word that was set right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from agent.chat.intents import broad_lexicon, lexicon

SHORTEST = 5
LONGEST = 16
_WORD = re.compile(r"(?<![a-z0-9_.-])[a-z]{4,17}(?![a-z0-9_.-]*[0-9_-])")
_LONG_DRAWN = re.compile(r"([a-z])\1{2,}")
_PLAIN = frozenset(
    """about above actual after again agent along already also alway another anyone around basis being below bring brief broke
    build built cable called carry cases cause class clean clear close could count cover cross doing drive early enter entire ever
    every exact extra field final first fixed floor force forms found front given going grand grant great group guess hello hence
    house human ideas image inner inside issue items known large later learn leave legal level light limit links local logic looks
    lower lunch major maybe means might mixed model money month more mostly moved music never night noise north notes often older
    order other outer paper parts party phase phone piece place plain plant please point prior proof quick quiet quite radio raise
    range ratio reach really refer reply right river round rules scale scene scope score sense serve seven shall shape share sharp
    sheet shift shirt short shown sides sight since sleep small smart smile solid solve sorry sound south space speak spend sport
    staff stage stand start state steam steel still stock stone store storm story stuff style sugar super table taken taste teach
    terms thank their theme there these thing think third those three throw tight times title today topic total touch tower track
    trade trail trees trend trial tries trust truth twice under union until upper usual value video visit voice waste watch water
    weeks weird wheel where which while white whole whose words works world worry would write wrong years yours""".split()  # noqa: SIM905
)
"""Words that are near some word of the lexicons and are themselves."""


def plainly_spelled(text: str) -> str:
    """``text`` (marked, lower case) with letters of ordinary width, drawn-out letters shortened and slips set right. Linear."""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    text = _LONG_DRAWN.sub(r"\1", text)
    return _WORD.sub(lambda found: _right(found.group()), text)


def _right(word: str) -> str:
    if not SHORTEST <= len(word) <= LONGEST or word in _PLAIN or _is_known(word):
        return word
    for end in ("", "ing", "ed", "es", "s"):
        stem = word.removesuffix(end)
        near = _near(stem) if word.endswith(end) and len(stem) >= SHORTEST else set()
        if near:
            return min(near, key=lambda one: (abs(len(one) - len(stem)), one)) + end
    return word


def _near(word: str) -> set[str]:
    return {one for key in _shorter(word) for one in _index().get(key, ()) if one[0] == word[0] and _is_near(word, one)}


def _is_known(word: str) -> bool:
    """A word of the lexicons, or one that goes on from it as words do (``restarted`` from ``restart``)."""
    words = _words()
    stems = (word[:-cut] for cut, end in ((1, "s"), (2, "es"), (2, "ed"), (1, "d"), (3, "ing"), (2, "ly"), (1, "y"), (2, "er")) if word.endswith(end))  # fmt: skip
    return word in words or any(stem in words or f"{stem}e" in words for stem in stems)


@cache
def _words() -> frozenset[str]:
    parts = (lexicon().concepts, lexicon().measures, broad_lexicon().concepts, broad_lexicon().measures)
    return frozenset().union(*(part.words for part in parts))


@cache
def _index() -> dict[str, tuple[str, ...]]:
    """By a word with a letter left out: the words that it comes from."""
    found: dict[str, list[str]] = {}
    for word in sorted(_words()):
        if SHORTEST <= len(word) <= LONGEST:
            for key in _shorter(word):
                found.setdefault(key, []).append(word)
    return {key: tuple(words) for key, words in found.items()}


def _shorter(word: str) -> Iterable[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def _is_near(one: str, other: str) -> bool:
    """One letter more, less or other, or two neighbours exchanged."""
    if len(one) > len(other):
        one, other = other, one
    at = next((at for at, letter in enumerate(one) if letter != other[at]), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    return one[at + 1 :] == other[at + 1 :] or (
        one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
    )
