"""Placeholders of the recordings, such as `<uid:3>` or `<time>`: what may stand for them, and what does in this run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

_PLACEHOLDER = re.compile(r"<([A-Za-z]+)(?::(\d+))?>")
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_FORMS = {
    "rv": r"\d+",
    "uid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "hash": r"[A-Za-z0-9]+",
    "suffix": r"[a-z0-9]{5}",
    "sched": r"\d+",
    "event": r"[0-9a-z.]+",
    "port": r"\d+",
    "nodePort": r"\d+",
    "time": _MOMENT,
    "microtime": _MOMENT,
    "nanotime": _MOMENT,
}
# a value of these kinds names one thing for the whole file; the others are read as "some value of this form"
_IDENTITIES = frozenset({"uid", "suffix", "hash", "sched", "clusterIP"})
# and of these kinds one value never has two names
_UNIQUE = frozenset({"uid", "suffix"})


@cache
def _pieces(text: str) -> tuple[str | tuple[str, str], ...]:
    """The text as literal pieces and (kind, number or "") pairs."""
    found: list[str | tuple[str, str]] = []
    at = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > at:
            found.append(text[at : match.start()])
        found.append((match[1], match[2] or ""))
        at = match.end()
    if at < len(text):
        found.append(text[at:])
    return tuple(found)


def has_placeholder(value: object) -> bool:
    return isinstance(value, str) and any(isinstance(piece, tuple) for piece in _pieces(value))


@dataclass(slots=True)
class Bindings:
    """What the numbered placeholders of one file stand for; a copy is cheap, so that a match can be tried."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """(kind, value) -> number"""
    versions: dict[tuple[str, str], str] = field(default_factory=dict)
    """(uid, recorded version) -> version of this run"""

    guesses: dict[tuple[str, str], str] = field(default_factory=dict)
    """Of answers that were not the recorded ones: good enough to ask with, not to compare with."""

    def copy(self) -> Bindings:
        return Bindings(dict(self.values), dict(self.names), dict(self.versions), self.guesses)

    def take(self, other: Bindings) -> None:
        self.values, self.names, self.versions = other.values, other.names, other.versions

    def guess(self, other: Bindings) -> None:
        self.guesses.update(other.values)

    def match(self, recorded: str, actual: str) -> bool:
        """Whether the text fits; new numbered placeholders are bound by it."""
        pieces = _pieces(recorded)
        if not any(isinstance(piece, tuple) for piece in pieces):
            return recorded == actual
        pattern, asked = "", []
        for piece in pieces:
            if isinstance(piece, str):
                pattern += re.escape(piece)
                continue
            known = self.values.get(piece) if piece[1] else None
            if known is not None and piece[0] in _IDENTITIES:
                pattern += re.escape(known)
            else:
                pattern += f"({_FORMS.get(piece[0], '.+?')})"
                asked.append(piece)
        found = re.fullmatch(pattern, actual, re.DOTALL)
        if found is None:
            return False
        for piece, value in zip(asked, found.groups(), strict=True):
            if not piece[1]:
                continue
            if piece[0] in _UNIQUE and self.names.setdefault((piece[0], value), piece[1]) != piece[1]:
                return False
            self.values.setdefault(piece, value)
        return True

    def see_version(self, uid: str, recorded: str, actual: str) -> bool:
        """One object's version is the same exactly when the recorded one was."""
        known = self.versions.setdefault((uid, recorded), actual)
        others = (value for (owner, name), value in self.versions.items() if owner == uid and name != recorded)
        return known == actual and actual not in others

    def fill(self, value: Any) -> Any:
        """A request with what this run put in the place of the recorded values."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        return "".join(self._filled(piece) for piece in _pieces(value)) if isinstance(value, str) else value

    def _filled(self, piece: str | tuple[str, str]) -> str:
        if isinstance(piece, str):
            return piece
        if piece[0] in ("time", "microtime") and not piece[1]:
            now = datetime.now(UTC)
            return now.strftime("%Y-%m-%dT%H:%M:%SZ" if piece[0] == "time" else "%Y-%m-%dT%H:%M:%S.%fZ")
        written = f"<{piece[0]}:{piece[1]}>" if piece[1] else f"<{piece[0]}>"
        return self.values.get(piece) or self.guesses.get(piece, written)
