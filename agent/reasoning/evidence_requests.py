"""What a chat model asks to see, read strictly: a name that becomes part of a path is a name and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.errors import BadInput

MOST = 5
"""Requests that one round serves."""
KINDS = ("logs", "object", "events", "metric")
FIELDS = ("kind", "object_kind", "namespace", "name", "container", "query", "why")
LONGEST_NAME = 253
LONGEST_QUERY = 1_000
# Without slashes, dots at the ends, escapes: `x/../../secrets/y` or `node/proxy` would read something else than was said.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9:._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    kind: str
    object_kind: str = ""
    namespace: str = ""
    name: str = ""
    container: str = ""
    query: str = ""


def kept(raw: Sequence[Any]) -> list[dict[str, str]]:
    """The model's requests, small enough to be carried in the state: known fields as text, one more than are served, so
    that what was too much is said."""
    return [
        {name: _word(row[name])[: LONGEST_QUERY + 1] for name in FIELDS if row.get(name) not in (None, "")}
        if isinstance(row, dict)
        else {"kind": _word(row)[:100]}
        for row in raw[: MOST + 1]
    ]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def read_request(row: dict[str, Any]) -> EvidenceRequest:
    """Raises BadInput, whose message becomes the gap's reason."""
    values = {name: str(row.get(name, "")) for name in FIELDS if name != "why"}
    if values["kind"] not in KINDS:
        raise BadInput(f"no evidence of the kind {values['kind'][:60]!r} can be asked for (known: {', '.join(KINDS)})")
    for field in ("namespace", "name", "container", "object_kind"):
        value = values[field]
        if value and (len(value) > LONGEST_NAME or not NAME.fullmatch(value)):
            raise BadInput(f"{value[:60]!r} is no {field.replace('_', ' ')}")
    request = EvidenceRequest(**values)
    needed = {"logs": ("namespace", "name"), "metric": ("query",)}.get(request.kind, ("object_kind", "name"))
    missing = [name for name in needed if not values[name]]
    if missing:
        raise BadInput(f"the request names no {' and no '.join(missing)}")
    if len(request.query) > LONGEST_QUERY or not request.query.isprintable():
        raise BadInput(f"a query has at most {LONGEST_QUERY} printable characters")
    return request
