"""Reads a log as a stream of bytes and gives the lines that signatures match. Memory is bounded whatever the log is.

Nothing is lost silently: a line of more than ``PIECE_BYTES`` is matched in pieces and that is said in ``cuts``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tools.logs.joining import Block, block_around
from tools.logs.passages import Passage, passage_of
from tools.logs.signatures import Signatures
from tools.logs.times import time_of_line

WINDOW_BYTES = 512 * 1024
"""How much is scanned at a time: what a processor's cache still holds when its lines are counted."""
AROUND_BYTES = 32 * 1024
"""Kept before and after what is being reported, so that blocks are whole at the seams of windows."""
PIECE_BYTES = 1024 * 1024
"""A longer line is matched in pieces of this size (with AROUND_BYTES of overlap); a hit counts once for each piece."""
DECIDED_BYTES = 64 * 1024
"""Of a longer line RE2 looks at so much around the nominated place."""
TIME_LINES = 20
"""How many lines back a line without a time may find one."""


@dataclass(slots=True)
class HitLine:
    """One line and the signatures that match in it. It holds on to its window (some MB): take what is needed and let it go."""

    signatures: tuple[int, ...]
    number: int
    """Of the line, from 1."""
    start: int
    end: int
    places: tuple[int, ...]
    """For each signature, where in ``data`` a match of it ends."""
    data: bytes = field(repr=False)
    library: Signatures = field(repr=False)

    def groups(self, signature: int) -> dict[bytes, bytes | None]:
        """Named groups of the signature's match. Raw: redact what leaves."""
        place = self.places[self.signatures.index(signature)]
        match = _decided(self.library, signature, self.data, self.start, self.end, place)
        return dict(match.groupdict()) if match is not None else {}

    @property
    def raw(self) -> bytes:
        return self.data[self.start : self.end]

    def passage(self) -> Passage:
        """The line with what belongs to it, redacted."""
        hit = min(self.places[0], self.end)
        return passage_of(self.data, block_around(self.data, self.start, self.end), hit)

    def shown(self) -> str:
        """The line alone, redacted; of a very long one, what stands around the match."""
        hit = min(self.places[0], self.end)
        return passage_of(self.data, Block(self.start, self.end), hit).text

    def at(self, now: datetime) -> datetime | None:
        """When: by the line itself, else by the nearest line before it that tells."""
        start, end = self.start, self.end
        for _ in range(TIME_LINES):
            found = time_of_line(self.data[start : min(end, start + 600)], now)
            if found is not None or start == 0:
                return found
            start, end = self.data.rfind(b"\n", 0, start - 1) + 1, start - 1
        return None


@dataclass(slots=True)
class LogReading:
    """One log read once. ``cuts`` says what could not be treated as a whole; ``lines`` and ``size`` (bytes) count what was read."""

    signatures: Signatures
    cuts: list[str] = field(default_factory=list)
    lines: int = 0
    size: int = 0
    _is_in_piece: bool = field(default=False, repr=False)

    def hits(self, chunks: Iterable[bytes]) -> Iterator[HitLine]:
        """Lines with at least one signature, in order. ``chunks`` may break anywhere."""
        for window in _windows(chunks):
            if window.is_torn:
                self._tell_torn()
            yield from self._in_window(window)
            self.size += window.until - window.begin
            if window.is_last and window.until > window.begin and window.data[window.until - 1] != 10:
                self.lines += 1

    def _tell_torn(self) -> None:
        told = f"line {self.lines + 1} is longer than {PIECE_BYTES} bytes and was matched in pieces"
        if told not in self.cuts:
            self.cuts.append(told)

    def _in_window(self, window: _Window) -> Iterator[HitLine]:
        data, begin, until = window.data, window.begin, window.until
        number, counted = self.lines + 1, begin
        line_start = line_end = -1
        found: dict[int, int] = {}
        library = self.signatures
        low = max(0, begin - AROUND_BYTES) if self._is_in_piece else begin
        self._is_in_piece = window.is_torn
        for end, signature in library.engine.candidates(data, low, until):
            if end <= begin:
                continue
            if end > line_end:
                if found:
                    yield _hit_line(found, number, line_start, line_end, data, library)
                    found = {}
                line_start = data.rfind(b"\n", 0, end - 1) + 1
                line_end = data.find(b"\n", end - 1)
                line_end = len(data) if line_end < 0 else line_end
                if line_start > counted:
                    number += data.count(b"\n", counted, line_start)
                    counted = line_start
            if signature not in found and (
                library.is_certain[signature]
                or _decided(library, signature, data, line_start, line_end, end) is not None
            ):
                found[signature] = end
        if found:
            yield _hit_line(found, number, line_start, line_end, data, library)
        self.lines = number - 1 + data.count(b"\n", counted, until)


def _decided(library: Signatures, signature: int, data: bytes, start: int, end: int, place: int) -> Any:
    if end - start > DECIDED_BYTES:
        start = max(start, place - DECIDED_BYTES // 2)
        end = min(end, place + DECIDED_BYTES // 2)
    return library.match(signature, data, start, end)


def _hit_line(found: dict[int, int], number: int, start: int, end: int, data: bytes, library: Signatures) -> HitLine:
    return HitLine(tuple(found), number, start, end, tuple(found.values()), data, library)


@dataclass(slots=True)
class _Window:
    """``data`` with what is reported now: matches that end after ``begin`` and not after ``until``."""

    data: bytes
    begin: int
    until: int
    is_last: bool = False
    is_torn: bool = False


def _windows(chunks: Iterable[bytes]) -> Iterator[_Window]:
    """Windows that end at a line's end, each with some of its neighbours; a line beyond all bounds is torn."""
    data, begin = b"", 0
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size < WINDOW_BYTES:
            continue
        kept = max(0, begin - AROUND_BYTES)
        data, begin = b"".join((data[kept:], *waiting)), begin - kept
        waiting, size = [], 0
        while (window := _next_window(data, begin, len(data) - AROUND_BYTES)) is not None:
            yield window
            begin = window.until
    data = b"".join((data, *waiting)) if data else b"".join(waiting)
    while begin < len(data):
        window = _next_window(data, begin, len(data)) or _Window(data, begin, len(data))
        window.is_last = window.until == len(data)
        yield window
        begin = window.until


def _next_window(data: bytes, begin: int, have: int) -> _Window | None:
    """None when no line ends between ``begin`` and ``have``, and it is not yet too long to wait for."""
    until = data.rfind(b"\n", begin, max(begin, min(have, begin + WINDOW_BYTES))) + 1
    if until > begin:
        return _Window(data, begin, until)
    until = data.find(b"\n", begin, max(begin, min(have, begin + PIECE_BYTES))) + 1
    if until > begin:
        return _Window(data, begin, until)
    if have - begin >= PIECE_BYTES:
        return _Window(data, begin, begin + PIECE_BYTES, is_torn=True)
    return None
