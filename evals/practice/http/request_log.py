"""The requests that the server has seen: what the demo and the crash tests compare with the plan."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Seen:
    """One request; `status` is 0 while it is not answered, or when the connection was dropped."""

    number: int
    at: str
    method: str
    path: str
    query: dict[str, str]
    user: str
    user_agent: str
    body: str
    status: int = 0
    milliseconds: float = 0.0
    injected: str = ""
    """The effect of an injection, "" when there was none."""

    def shown(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class RequestLog:
    """The last requests, oldest first; bodies are cut at 64 KB."""

    def __init__(self, size: int = 20_000, body_size: int = 65_536) -> None:
        self._seen: deque[Seen] = deque(maxlen=size)
        self._body_size = body_size
        self._count = 0

    def begin(self, at: str, method: str, path: str, query: dict[str, str], agent: str, body: bytes) -> Seen:
        """Note a request; the caller fills in user, status and time."""
        self._count += 1
        text = body[: self._body_size].decode("utf-8", "replace")
        seen = Seen(self._count, at, method, path, query, "", agent, text)
        self._seen.append(seen)
        return seen

    def list(self, *, after: int = 0, writes_only: bool = False) -> list[dict[str, Any]]:
        """The requests with a number above `after`."""
        rows = (one for one in self._seen if one.number > after)
        return [one.shown() for one in rows if not writes_only or one.method not in ("GET", "HEAD")]

    def clear(self) -> None:
        self._seen.clear()
