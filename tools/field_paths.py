"""Narrows an object to the fields that matter: ``status.conditions[type=Ready].message``, ``metadata.annotations["a.b/c"]``."""

from __future__ import annotations

import re
from typing import Any

_PART = re.compile(r"""\.?([^.\[\]"']+)|\[\s*(?:"([^"]*)"|'([^']*)'|(\d+)|(\*)|([\w.]+)=([^\]]*))\s*\]""")
_ABSENT = object()


def pick(item: Any, path: str) -> tuple[Any, bool]:
    """The value at ``path`` and whether it is there. ``[n]`` picks by position, ``[name=web]`` the element whose field has
    that value, ``[*]`` (and a name after a list) every element."""
    value = _walk(item, [match.groups() for match in _PART.finditer(path)])
    return (None, False) if value is _ABSENT else (value, True)


def head(path: str) -> str:
    """The top-level field that a path starts in; empty when it does not start with a name."""
    match = _PART.match(path)
    return (match.group(1) or match.group(2) or match.group(3) or "") if match else ""


def _walk(value: Any, parts: list[tuple[str | Any, ...]]) -> Any:
    for position, (name, double, single, index, star, field, wanted) in enumerate(parts):
        key = name or double or single
        if (key is not None and isinstance(value, list)) or star:
            rest = parts[position + 1 :] if star else parts[position:]
            return _each(value, rest)
        if key is not None:
            value = value.get(key, _ABSENT) if isinstance(value, dict) else _ABSENT
        elif index is not None:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else _ABSENT
        else:
            value = next(
                (each for each in _list(value) if isinstance(each, dict) and str(each.get(field)) == wanted), _ABSENT
            )
        if value is _ABSENT:
            return _ABSENT
    return value


def _each(value: Any, rest: list[tuple[str | Any, ...]]) -> Any:
    found = [walked for each in _list(value) if (walked := _walk(each, rest)) is not _ABSENT]
    return found or _ABSENT


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
