"""The recorded exchanges as values: what was asked of a real server, in order, and what it answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("exchanges")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its recorded answer; the README beside this file says what the fields mean."""

    id: str
    who: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    request: Any
    status: int
    content_type: str
    answer: Any
    until: tuple[tuple[list[Any], str, Any], ...] = ()
    wait_seconds: float = 0.0
    is_stream: bool = False
    is_unstable: bool = False


def files() -> list[Path]:
    """Every recorded file, in order."""
    return sorted(FOLDER.glob("*.jsonl"))


def load(file: Path) -> list[Exchange]:
    """The exchanges of one file, in the order in which they must be replayed."""
    with file.open(encoding="utf-8") as lines:
        return [_exchange(json.loads(line)) for line in lines if line.strip()]


def _exchange(row: dict[str, Any]) -> Exchange:
    asked, told = row["request"], row["response"]
    return Exchange(
        id=row["id"],
        who=row["as"],
        method=asked["method"],
        path=asked["path"],
        query=asked["query"],
        headers=asked["headers"],
        request=asked["body"],
        status=told["status"],
        content_type=(told["headers"] or {}).get("Content-Type", ""),
        answer=told["body"],
        until=tuple((path, operator, value) for path, operator, value in row.get("until") or ()),
        wait_seconds=float(row.get("wait_s") or 0.0),
        is_stream=bool(row.get("stream")),
        is_unstable=bool(row.get("unstable")),
    )
