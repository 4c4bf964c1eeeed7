"""Clues: what an object must show before a condition can hold at all, read off the condition when it is compiled.

Of five hundred conditions hardly one holds for a given object, and most can be dismissed by one look: no container of it waits,
so nothing that speaks of waiting reasons is asked. A condition that has clues cannot hold unless one of them is there; one
without (``None``) must always be asked. Clues never decide: what they let through is evaluated in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal, TypeVar

from tools.detectors.paths import EVERY, Path, Shape

RARE_FIELDS = frozenset(
    {"waiting", "terminated", "lastState", "deletionTimestamp", "message", "reason", "restartCount", "exitCode", "signal",
     "unschedulable", "paused", "unavailableReplicas", "notReadyAddresses", "taints", "resizing"}
)  # fmt: skip
COMMON_FIELDS = frozenset({"type", "kind", "name", "apiVersion"})
COMMON_VALUES = frozenset(
    {"True", "Running", "Active", "Bound", "Ready", "Available", "Normal", "Complete", "Succeeded"}
)
BROAD = 5
"""A clue of this rank or above is there in most objects."""

PAIRED = ("type", "status")
"""The fields that conditions of every kind are told by: looked up together."""


@dataclass(frozen=True, slots=True)
class Clue:
    """``there``: a value at the path; ``not-nought``: one that is not 0; ``among``: one of ``values``; ``said``: a text in which
    the expression occurs; ``pair``: an object whose type and status are one of ``values``. ``is_element``: the path starts at the element at hand, not at the object."""

    is_element: bool
    shapes: tuple[Shape, ...]
    kind: Literal["there", "not-nought", "among", "said", "pair"]
    values: frozenset[Any] = frozenset()

    @property
    def rank(self) -> int:
        """How many objects it is likely to be there in: lower is fewer."""
        fields = {shape for shape in self.shapes if isinstance(shape, str)}
        last = next((shape for shape in reversed(self.shapes) if isinstance(shape, str)), "")
        is_rare = bool(fields & RARE_FIELDS)
        if self.kind == "pair":
            return BROAD if any(set(pair) <= COMMON_VALUES for pair in self.values) else 0
        if self.kind == "said":
            return 1
        if self.kind == "among":
            is_common = last in COMMON_FIELDS or any(value is True or value in COMMON_VALUES for value in self.values)
            return BROAD if is_common else 1
        return 2 + (0 if is_rare else BROAD) + (self.kind == "there")


Clues = tuple[Clue, ...] | None
Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def with_clues(compiled: Compiled, clues: Clues) -> Compiled:
    """Notes the clues of a compiled condition on the function itself."""
    compiled.__dict__["clues"] = clues
    return compiled


def clues_of(compiled: Callable[..., Any]) -> Clues:
    found: Clues = getattr(compiled, "clues", None)
    return found


def is_broad(clues: Clues) -> bool:
    """Whether they would dismiss few objects, or none."""
    return clues is None or any(clue.rank >= BROAD for clue in clues)


def there(path: Path) -> Clues:
    return (Clue(path.is_element, path.shapes, "there"),)


def not_nought(path: Path) -> Clues:
    return (Clue(path.is_element, path.shapes, "not-nought"),)


def among(path: Path, values: Iterable[Any]) -> Clues:
    return (Clue(path.is_element, path.shapes, "among", frozenset(values)),)


def said(path: Path, pattern: str) -> Clues:
    return (Clue(path.is_element, path.shapes, "said", frozenset([pattern])),)


def of_any(parts: Sequence[Callable[..., Any]]) -> Clues:
    """One of the parts must hold, so one of all their clues must be there."""
    together: list[Clue] = []
    for part in parts:
        clues = clues_of(part)
        if clues is None:
            return None
        together.extend(clues)
    return tuple(dict.fromkeys(together))


def of_all(parts: Sequence[Callable[..., Any]]) -> Clues:
    """Every part must hold, so the clues of any one of them will do: the rarest are taken."""
    choices = [clues for part in parts if (clues := clues_of(part)) is not None]
    pair = _paired(choices)
    if pair is not None:
        choices.append((pair,))
    return min(choices, key=lambda clues: max(clue.rank for clue in clues), default=None)


def _paired(choices: Sequence[tuple[Clue, ...]]) -> Clue | None:
    """``@.type == "Ready" && @.status == "False"`` is one clue: each half alone is there in nearly every object."""
    halves: dict[str, Clue] = {}
    for clues in choices:
        clue = clues[0]
        is_text = clue.kind == "among" and all(isinstance(value, str) for value in clue.values)
        if len(clues) == 1 and clue.is_element and is_text and clue.shapes in [(name,) for name in PAIRED]:
            halves.setdefault(str(clue.shapes[0]), clue)
    if len(halves) != len(PAIRED):
        return None
    return Clue(True, (), "pair", frozenset(product(*(halves[name].values for name in PAIRED))))


def under(path: Path, clues: Clues) -> Clues:
    """Clues of what holds for an element, as clues of the object that has such elements at ``path``."""
    if clues is None:
        return there(path)
    return tuple(
        replace(clue, is_element=path.is_element, shapes=(*path.shapes, *clue.shapes)) if clue.is_element else clue
        for clue in clues
    )


__all__ = [
    "EVERY",
    "Clue",
    "Clues",
    "among",
    "clues_of",
    "is_broad",
    "not_nought",
    "of_all",
    "of_any",
    "said",
    "there",
    "under",
    "with_clues",
]
