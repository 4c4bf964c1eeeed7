"""RFC 6902, with the leniency of the library that a Kubernetes server uses."""

from __future__ import annotations

import copy
from typing import Any


class PatchRefused(Exception):
    """An operation that cannot be carried out; the server does not say which."""


def apply_json_patch(document: Any, operations: list[Any]) -> Any:
    """The document after all operations; `PatchRefused` leaves it unchanged."""
    result = copy.deepcopy(document)
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchRefused("an operation must be an object")
        result = _carry_out(result, operation)
    return result


def _steps(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise PatchRefused(f"not a JSON pointer: {pointer!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _child(container: Any, step: str) -> Any:
    if isinstance(container, dict):
        if step not in container:
            raise PatchRefused(f"nothing at {step!r}")
        return container[step]
    if isinstance(container, list):
        return container[_index(container, step)]
    raise PatchRefused(f"{step!r} lies below a plain value")


def _index(container: list[Any], step: str, *, end: int = -1) -> int:
    if not step.lstrip("-").isdigit():
        raise PatchRefused(f"not an index: {step!r}")
    index = int(step)
    if index < 0:
        index += len(container)
    if not 0 <= index < len(container) + (end + 1):
        raise PatchRefused(f"index out of range: {step}")
    return index


def _parent(document: Any, steps: list[str]) -> Any:
    for step in steps[:-1]:
        document = _child(document, step)
    return document


def _get(document: Any, pointer: Any) -> Any:
    for step in _steps(pointer):
        document = _child(document, step)
    return document


def _add(document: Any, pointer: Any, value: Any) -> Any:
    steps = _steps(pointer)
    if not steps:
        return value
    parent, last = _parent(document, steps), steps[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, end=0), value)
    else:
        raise PatchRefused("the parent is a plain value")
    return document


def _remove(document: Any, pointer: Any) -> Any:
    steps = _steps(pointer)
    if not steps:
        raise PatchRefused("the whole document cannot be removed")
    parent, last = _parent(document, steps), steps[-1]
    _child(parent, last)
    if isinstance(parent, dict):
        del parent[last]
    else:
        del parent[_index(parent, last)]
    return document


def _replace(document: Any, pointer: Any, value: Any) -> Any:
    steps = _steps(pointer)
    if not steps:
        return value
    parent, last = _parent(document, steps), steps[-1]
    if isinstance(parent, dict):
        parent[last] = value  # the server lets a replace make a missing key
    elif isinstance(parent, list):
        parent[_index(parent, last)] = value
    else:
        raise PatchRefused("the parent is a plain value")
    return document


def _carry_out(document: Any, operation: dict[str, Any]) -> Any:
    word, path = operation.get("op"), operation.get("path")
    if word in ("add", "replace", "test") and "value" not in operation and word != "test":
        raise PatchRefused("value is missing")
    if word == "add":
        return _add(document, path, operation["value"])
    if word == "remove":
        return _remove(document, path)
    if word == "replace":
        return _replace(document, path, operation["value"])
    if word == "copy":
        return _add(document, path, copy.deepcopy(_get(document, operation.get("from"))))
    if word == "move":
        value = _get(document, operation.get("from"))
        return _add(_remove(document, operation.get("from")), path, value)
    if word == "test":
        return _tested(document, path, operation.get("value"))
    raise PatchRefused(f"unknown operation {word!r}")


def _tested(document: Any, path: Any, value: Any) -> Any:
    try:
        found = _get(document, path)
    except PatchRefused:
        if value is None:  # a test for null holds where nothing is
            return document
        raise
    if found != value or isinstance(found, bool) != isinstance(value, bool):
        raise PatchRefused("test failed")
    return document
