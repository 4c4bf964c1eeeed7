"""The field paths that ``kubectl wait --for=jsonpath`` takes: fields, indices, ``[*]`` and filters of equality. What is read
here is what is evaluated; a path outside it is refused before anything waits for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(
    r"\.(?P<field>(?:[A-Za-z0-9_-]|\\[./])+)|\['(?P<quoted>[^'\]]+)'\]|\[(?P<index>-?[0-9]{1,6}|\*)\]|"
    r"\[\?\(@(?P<filter>(?:\.(?:[A-Za-z0-9_-]|\\[./])+)+)\s*==\s*(?P<quote>[\"'])(?P<value>[^\"']*)(?P=quote)\)\]"
)
_CONDITION = re.compile(r"delete|create|condition=[A-Za-z][A-Za-z0-9._/-]*(=[A-Za-z]+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step: a ``field``, an ``index`` (``*``: every entry), or the entries whose ``where`` is ``value``."""

    field: str = ""
    index: str = ""
    where: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True)
class Awaited:
    """``jsonpath={...}=VALUE``; ``value`` None: any value will do."""

    path: tuple[PathStep, ...]
    value: str | None


def read_path(text: str) -> tuple[PathStep, ...] | None:
    """A path in kubectl's spellings (``{.a.b}``, ``.a.b``, ``a.b``), None for one that is none."""
    inner = text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text
    if not inner.startswith((".", "[")):
        inner = f".{inner}"
    steps: list[PathStep] = []
    at = 0
    while at < len(inner):
        found = _STEP.match(inner, at)
        if found is None:
            return None
        steps.append(_step(found))
        at = found.end()
    return tuple(steps) or None


def _step(found: re.Match[str]) -> PathStep:
    if found["index"] is not None:
        return PathStep(index=found["index"])
    if found["filter"] is not None:
        where = tuple(_plain(part) for part in re.split(r"(?<!\\)\.", found["filter"])[1:])
        return PathStep(where=where, value=found["value"])
    return PathStep(field=found["quoted"] if found["quoted"] is not None else _plain(found["field"]))


def _plain(field: str) -> str:
    return re.sub(r"\\(.)", r"\1", field)


def read_awaited(text: str) -> Awaited | None:
    """What stands after ``--for=jsonpath=``, as kubectl splits it: at the first ``=`` that is not part of ``==``."""
    parts = re.split(r"(?<!=)=(?!=)", text, maxsplit=1)
    path = read_path(parts[0])
    if path is None:
        return None
    if len(parts) == 1:
        return Awaited(path, None)
    value = parts[1].strip().strip("'\"")
    return Awaited(path, value) if value else None


def is_awaitable(text: str) -> bool:
    """Whether ``kubectl wait --for=`` takes this."""
    if text.startswith("jsonpath="):
        return read_awaited(text.removeprefix("jsonpath=")) is not None
    return _CONDITION.fullmatch(text) is not None


def values_at(tree: Any, path: Iterable[PathStep]) -> list[Any]:
    """What stands at a path; nothing where the path leads nowhere."""
    found = [tree]
    for step in path:
        found = [value for item in found for value in _follow(item, step)]
    return found


def _follow(item: Any, step: PathStep) -> list[Any]:
    if step.field:
        return [item[step.field]] if isinstance(item, dict) and step.field in item else []
    entries = list(item) if isinstance(item, list) else list(item.values()) if isinstance(item, dict) else []
    if step.where:
        inner = tuple(PathStep(field=name) for name in step.where)
        return [entry for entry in entries if any(text_of(one) == step.value for one in values_at(entry, inner))]
    if step.index == "*":
        return entries
    index = int(step.index)
    return [item[index]] if isinstance(item, list) and -len(item) <= index < len(item) else []


def text_of(value: Any) -> str:
    """A value as kubectl prints it to compare it."""
    return str(value).lower() if isinstance(value, bool) else "<nil>" if value is None else str(value)
