"""Finds plug-ins: imports every module of a package and takes its one value. Adding a plug-in is adding a file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any, TypeVar

from knowledge.errors import BadInput

Value = TypeVar("Value")


def load_values(package: str, type_hint: type[Value]) -> dict[str, Value]:
    """The plug-in values of a package by their id, in the order of their ids.

    The value's name is the last word of its type in capitals: ``COLLECTOR`` for ``Collector``, ``SOURCE`` for ``AlertSource``.
    A module without one (a contract, shared parts) is no plug-in. BadInput when a value lacks a member of its contract, when
    its id is missing or is not the file's stem, or when two have the same.
    """
    value_name = re.findall(r"[A-Z][a-z]+", type_hint.__name__)[-1].upper()
    found: dict[str, Value] = {}
    for module_info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{module_info.name}")
        value = getattr(module, value_name, None)
        if value is None:
            continue
        _check(value, type_hint, source=module.__name__, stem=module_info.name, taken=found)
        found[value.id] = value
    return dict(sorted(found.items()))


def _check(value: Any, type_hint: type[Value], *, source: str, stem: str, taken: dict[str, Value]) -> None:
    missing = [member for member in _members(type_hint) if not hasattr(value, member)]
    if missing:
        raise BadInput(
            f"{source}: its {type_hint.__name__} lacks {', '.join(missing)}",
            source=source,
            next_step=f"give it every member of {type_hint.__module__}.{type_hint.__name__}",
        )
    if value.id in taken:
        raise BadInput(f"{source}: the id {value.id!r} is taken", source=source, next_step="give it an id of its own")
    if value.id != stem:
        raise BadInput(
            f"{source}: its id is {value.id!r}, its file is {stem!r}", source=source, next_step="make both the same"
        )


def _members(type_hint: type[Any]) -> list[str]:
    """Public members that the contract's class and its bases declare; ``id`` always."""
    declared = {"id"}
    for ancestor in inspect.getmro(type_hint):
        if ancestor.__module__ not in {"builtins", "typing", "abc"}:
            declared |= {
                name for name in (*vars(ancestor), *vars(ancestor).get("__annotations__", ())) if name[0] != "_"
            }
    return sorted(declared)
