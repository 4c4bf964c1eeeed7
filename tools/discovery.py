"""Finds plug-ins: imports every module of a package and takes its one value. Adding a plug-in is adding a file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any, TypeVar

from knowledge.errors import BadInput

Value = TypeVar("Value")


def load_values(package: str, type_hint: type[Value] | str) -> dict[str, Any]:
    """The plug-in values of a package by their id, in the order of their ids.

    ``type_hint`` is the contract, or the value's name: the last word of the contract in capitals (``COLLECTOR`` for
    ``Collector``, ``SOURCE`` for ``AlertSource``). A module without the value (a contract, shared parts) is no plug-in.
    BadInput when a value lacks a member of its contract, or when its id is missing or is not the file's stem (which also keeps
    two from having the same).
    """
    if isinstance(type_hint, str):
        value_name, members = type_hint, ["id"]
    else:
        value_name, members = re.findall(r"[A-Z][a-z]+", type_hint.__name__)[-1].upper(), _members(type_hint)
    found: dict[str, Any] = {}
    for module_info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{module_info.name}")
        value = getattr(module, value_name, None)
        if value is None:
            continue
        _check(value, members, source=f"{module.__name__}.{value_name}", stem=module_info.name)
        found[value.id] = value
    return dict(sorted(found.items()))


def _check(value: Any, members: list[str], *, source: str, stem: str) -> None:
    missing = [member for member in members if not hasattr(value, member)]
    if missing:
        raise BadInput(
            f"{source} lacks {', '.join(missing)}", source=source, next_step="give it every member of its contract"
        )
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
