# ruff: noqa: ARG001 - every compiled condition has the same signature
"""Paths into raw Kubernetes objects, compiled once: ``$.status.containerStatuses[*].state.waiting.reason``.


``$`` is the object, ``@`` the element at hand (of ``each``, ``some(...)`` or a filter). Steps: ``.name``, ``["name.with/dots"]``,
``[*]`` (every element of a list, every value of a map), ``[0]``, ``[?(condition)]``. A missing step gives no values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from knowledge.vocabulary import Json

Step = Callable[[list[Any], Json], list[Any]]
"""From values to values; the second argument is the object, for filters that look at it."""

EVERY = None
Shape = str | int | None
"""What a step looks like: a field's name, an index, or EVERY (of a filter too, which keeps some of every)."""


@dataclass(frozen=True, slots=True)
class Path:
    """``values`` gives every value at the path; ``first`` the first one or None."""

    text: str
    is_element: bool
    keys: tuple[str, ...] | None
    steps: tuple[Step, ...]
    walk: Callable[[Any], list[Any]] | None = None
    """The steps in one generated function, where none of them is a filter."""

    def values(self, root: Json, element: Any) -> list[Any]:
        here: Any = element if self.is_element else root
        if self.keys is not None:
            for key in self.keys:
                if not isinstance(here, dict):
                    return []
                here = here.get(key)
            return [] if here is None else [here]
        if self.walk is not None:
            return self.walk(here)
        found = [here]
        for step in self.steps:
            found = step(found, root)
            if not found:
                break
        return found

    def first(self, root: Json, element: Any) -> Any:
        found = self.values(root, element)
        return found[0] if found else None

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(step.__dict__["shape"] for step in self.steps)

    @property
    def field(self) -> str:
        """How the path is cited: without its root and its brackets (``status.containerStatuses``)."""
        return self.text[2:].split("[", 1)[0].rstrip(".")


def key_step(key: str) -> Step:
    def step(found: list[Any], root: Json) -> list[Any]:
        return [value for item in found if isinstance(item, dict) and (value := item.get(key)) is not None]

    return _shaped(step, key)


def every_step(found: list[Any], root: Json) -> list[Any]:
    values: list[Any] = []
    for item in found:
        if isinstance(item, list):
            values.extend(item)
        elif isinstance(item, dict):
            values.extend(item.values())
    return values


def _shaped(step: Step, shape: Shape) -> Step:
    step.__dict__["shape"] = shape
    return step


_shaped(every_step, EVERY)


def index_step(index: int) -> Step:
    def step(found: list[Any], root: Json) -> list[Any]:
        return [item[index] for item in found if isinstance(item, list) and -len(item) <= index < len(item)]

    return _shaped(step, index)


def filter_step(keep: Callable[[Json, Any], bool]) -> Step:
    def step(found: list[Any], root: Json) -> list[Any]:
        return [value for value in every_step(found, root) if keep(root, value)]

    return _shaped(step, EVERY)


def make_path(text: str, keys: Sequence[str], steps: Sequence[Step]) -> Path:
    """``keys`` are set when the path is plain names only: the common case, which needs no lists."""
    plain = tuple(keys) if len(keys) == len(steps) else None
    is_plain_loop = plain is None and all(step is every_step or step.__dict__["shape"] is not EVERY for step in steps)
    walk = _generated(tuple(step.__dict__["shape"] for step in steps)) if is_plain_loop else None
    return Path(text=text, is_element=text.startswith("@"), keys=plain, steps=tuple(steps), walk=walk)


@cache
def _generated(shapes: tuple[Shape, ...]) -> Callable[[Any], list[Any]]:
    """Nested loops in place of a list after each step: paths such as ``$.spec.containers[*].env[*]`` are walked for every pod."""
    lines = ["def walk(v0):", "    found = []"]
    depth, name = 1, "v0"
    for number, shape in enumerate(shapes, 1):
        variable, pad = f"v{number}", "    " * depth
        if shape is EVERY:
            others = f"{name}.values() if isinstance({name}, dict) else ()"
            lines.append(f"{pad}for {variable} in {name} if isinstance({name}, list) else {others}:")
        elif isinstance(shape, str):
            lines.append(f"{pad}if isinstance({name}, dict) and ({variable} := {name}.get({shape!r})) is not None:")
        else:
            lines.append(f"{pad}if isinstance({name}, list) and -len({name}) <= {shape} < len({name}):")
            lines.append(f"{pad}    {variable} = {name}[{shape}]")
        depth, name = depth + 1, variable
    lines += ["    " * depth + f"found.append({name})", "    return found"]
    names: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<path>", "exec"), names)  # noqa: S102 - made of field names, quoted by repr
    walk: Callable[[Any], list[Any]] = names["walk"]
    return walk
