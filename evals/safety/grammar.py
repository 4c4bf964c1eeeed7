"""Lines from templates: ``«a|b|c»`` is one of several spellings, ``«=name»`` one of the words of that name.

The choices come from whatever has ``choice`` and ``randrange``: a seeded ``random.Random`` for the published figures, a
property test's own source of randomness for shrinking."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Words = Mapping[str, Sequence[str]]
_SLOT = re.compile(r"«([^«»]*)»")


class Chance(Protocol):
    """The part of ``random.Random`` that is used."""

    def choice(self, seq: Sequence[Item], /) -> Item: ...
    def randrange(self, stop: int, /) -> int: ...


def drawn(template: str, words: Words, chance: Chance) -> str:
    """One line of a template; a word may hold slots itself."""
    while (slot := _SLOT.search(template)) is not None:
        template = template[: slot.start()] + chance.choice(_choices(slot[1], words)) + template[slot.end() :]
    return template


def every(template: str, words: Words) -> Iterator[str]:
    """All lines of a template, slots written out from left to right."""
    parts = _SLOT.split(template)
    options = [_choices(part, words) if number % 2 else [part] for number, part in enumerate(parts)]
    for combination in itertools.product(*options):
        line = "".join(combination)
        if _SLOT.search(line):
            yield from every(line, words)
        else:
            yield line


def _choices(slot: str, words: Words) -> Sequence[str]:
    return words[slot[1:]] if slot.startswith("=") and "|" not in slot else slot.split("|")
