"""Reads fields of a payload and says which one is wrong, by its path (``alerts[3].labels.pod``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from knowledge.errors import MalformedAlert

MAX_ALERTS = 2_000
MAX_LABELS = 100
MAX_LABEL = 4_096
MAX_ANNOTATION = 16_384
_YEAR_ONE = 1
_UNREADABLE = dict.fromkeys([0, *range(55296, 57344)], "�")


def malformed(path: str, complaint: str, next_step: str = "") -> NoReturn:
    raise MalformedAlert(
        f"{path or 'payload'}: {complaint}", source=path, next_step=next_step or "mend the sender's template"
    )


def mapping(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        malformed(path, f"expected an object, got {_named(value)}")
    return value


def alerts_in(value: object, path: str) -> list[Any]:
    if not isinstance(value, list):
        malformed(path, f"expected a list of alerts, got {_named(value)}")
    if not value:
        malformed(path, "the list is empty")
    if len(value) > MAX_ALERTS:
        malformed(
            path, f"{len(value)} alerts are more than the {MAX_ALERTS} of one delivery", "lower the sender's group size"
        )
    return value


def text(value: object, path: str, *, limit: int = MAX_LABEL) -> str:
    """A string; null is empty, a number or a truth value is spelled out. NUL and lone surrogates, which no database takes,
    become replacement characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if (isinstance(value, int) and abs(value) < 10**18) or isinstance(value, float):
        return f"{value}"
    if not isinstance(value, str):
        malformed(path, f"expected a text, got {_named(value)}")
    if len(value) > limit:
        malformed(path, f"{len(value)} characters are more than {limit}")
    return value.translate(_UNREADABLE)


def labels(value: object, path: str) -> dict[str, str]:
    if value is None:
        return {}
    given = mapping(value, path)
    if len(given) > MAX_LABELS:
        malformed(path, f"{len(given)} entries are more than {MAX_LABELS}")
    return {text(name, path): text(each, f"{path}.{name[:80]}") for name, each in given.items()}


def notes(value: object, path: str) -> dict[str, str]:
    """Long texts are cut and say so: they are prose, and no alert is lost for one."""
    if value is None:
        return {}
    given = mapping(value, path)
    if len(given) > MAX_LABELS:
        malformed(path, f"{len(given)} entries are more than {MAX_LABELS}")
    told = {text(name, path): text(each, f"{path}.{name[:80]}", limit=2**31) for name, each in given.items()}
    return {
        name: each if len(each) <= MAX_ANNOTATION else each[:MAX_ANNOTATION] + " ... (cut)"
        for name, each in told.items()
    }


def moment(value: object, path: str) -> datetime | None:
    """RFC 3339, or Unix seconds or milliseconds. None when absent or the zero time ``0001-01-01T00:00:00Z``."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        malformed(path, "expected a time, got a truth value")
    try:
        if isinstance(value, (int, float)):
            return _from_number(float(value), path)
        if not isinstance(value, str):
            malformed(path, f"expected a time, got {_named(value)}")
        read = datetime.fromisoformat(value.strip())
        if read.year <= _YEAR_ONE:
            return None
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        malformed(path, f"{str(value)[:60]!r} is no time; expected RFC 3339, as in 2026-01-31T08:00:00Z")


def _from_number(value: float, path: str) -> datetime | None:
    if not math.isfinite(value) or value < 0:
        malformed(path, f"{value} is no Unix time")
    if value == 0:
        return None
    return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)


def _named(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
