"""One look at an object finds every condition that some clue speaks for: a walker over its fields, generated from the clues.

The walker is plain Python text made from field names and lists of numbers, because that is several times as fast as
interpreting paths: it visits each field once, however many conditions ask for it, and costs a few microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.clues import PAIRED, Clue
from tools.detectors.paths import EVERY, Shape
from tools.detectors.pattern_set import PatternSet

SCALARS = frozenset({str, int, float, bool})
Walker = Callable[[Json], set[int]]


@dataclass(slots=True)
class _Place:
    """A place in an object: which numbers its value speaks for, and the places below it."""

    there: set[int] = field(default_factory=set)
    not_nought: set[int] = field(default_factory=set)
    among: dict[Any, set[int]] = field(default_factory=dict)
    said: dict[str, set[int]] = field(default_factory=dict)
    pairs: dict[Any, dict[Any, set[int]]] = field(default_factory=dict)
    below: dict[Shape, _Place] = field(default_factory=dict)


def compiled_walker(clues: Iterable[tuple[int, Clue]]) -> Walker:
    """A function that gives the numbers for which the object has at least one clue. An element is the object itself here:
    clues of elements stand under their lists already."""
    top = _Place()
    for number, clue in clues:
        place = top
        for shape in clue.shapes:
            place = place.below.setdefault(shape, _Place())
        _note(place, number, clue)
    writer = _Writer()
    writer.place(top, "v0", 1)
    text = "\n".join(["def walk(v0):", "    found = set()", *writer.lines, "    return found"])
    names: dict[str, Any] = {**writer.constants, "SCALARS": SCALARS}
    exec(compile(text, "<clues>", "exec"), names)  # noqa: S102 - made of names and numbers of compiled detectors, quoted by repr
    walker: Walker = names["walk"]
    return walker


def _note(place: _Place, number: int, clue: Clue) -> None:
    match clue.kind:
        case "there":
            place.there.add(number)
        case "not-nought":
            place.not_nought.add(number)
        case "among":
            for value in clue.values:
                place.among.setdefault(value, set()).add(number)
        case "said":
            for pattern in clue.values:
                place.said.setdefault(pattern, set()).add(number)
        case "pair":
            for first, second in clue.values:
                place.pairs.setdefault(first, {}).setdefault(second, set()).add(number)


def _said_in(numbers: dict[str, set[int]]) -> Callable[[str], set[int]]:
    """The numbers of all expressions that occur in a text, in one pass; the automaton is built at the first one."""
    patterns = PatternSet(list(numbers))
    of_each = list(numbers.values())

    def said_in(text: str) -> set[int]:
        found: set[int] = set()
        for which in patterns.within(text):
            found |= of_each[which]
        return found

    return said_in


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._variables = 0

    def place(self, here: _Place, name: str, depth: int) -> None:
        if here.there:
            self._line(depth, f"found |= {self._constant(frozenset(here.there))}")
        if here.not_nought:
            self._line(depth, f"if {name} != 0: found |= {self._constant(frozenset(here.not_nought))}")
        if here.among:
            self._line(
                depth,
                f"if {name}.__class__ in SCALARS and (hits := {self._constant(here.among)}.get({name})): found |= hits",
            )
        if here.said:
            self._line(depth, f"if {name}.__class__ is str: found |= {self._constant(_said_in(here.said))}({name})")
        fields = {shape: below for shape, below in here.below.items() if isinstance(shape, str)}
        if fields or here.pairs:
            self._line(depth, f"if isinstance({name}, dict):")
            self._pairs(here, name, depth + 1)
            for shape, below in fields.items():
                variable = self._variable()
                self._line(depth + 1, f"{variable} = {name}.get({shape!r})")
                self._line(depth + 1, f"if {variable} is not None:")
                self.place(below, variable, depth + 2)
        for other, below in here.below.items():
            if not isinstance(other, str):
                self._elements(other, below, name, depth)

    def _pairs(self, here: _Place, name: str, depth: int) -> None:
        if here.pairs:
            first, second = self._variable(), self._variable()
            self._line(depth, f"{first} = {name}.get({PAIRED[0]!r}); {second} = {name}.get({PAIRED[1]!r})")
            known = f"({first}.__class__ is str and {second}.__class__ is str"
            self._line(
                depth,
                f"if {known} and (of := {self._constant(here.pairs)}.get({first})) and (hits := of.get({second}))):",
            )
            self._line(depth + 1, "found |= hits")

    def _elements(self, shape: Shape, below: _Place, name: str, depth: int) -> None:
        variable = self._variable()
        if shape is EVERY:
            others = f"{name}.values() if isinstance({name}, dict) else ()"
            self._line(depth, f"for {variable} in {name} if isinstance({name}, list) else {others}:")
        else:
            self._line(depth, f"if isinstance({name}, list) and -len({name}) <= {shape} < len({name}):")
            self._line(depth + 1, f"{variable} = {name}[{shape}]")
        self.place(below, variable, depth + 1)

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _constant(self, value: Any) -> str:
        name = f"C{len(self.constants)}"
        self.constants[name] = value
        return name
