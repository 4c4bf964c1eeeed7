"""Many patterns with hyperscan: one pass over a block, whatever their number."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import hyperscan
import re2

from tools.logs.patterns import latin_options

COMPACT_AT = 200_000
"""Ends of matches that are held before they are thinned to one for each line."""

_MAGIC = b"opsdesk-hyperscan-1"


class HyperscanSet:
    """Fills PatternSet over finding expressions. Compiling takes a third of a second for some hundred patterns, so the
    compiled database is kept in ``cache_folder``, under the digest of the expressions and of the library's version."""

    def __init__(self, expressions: Sequence[bytes], cache_folder: Path | None = None) -> None:
        self._expressions = tuple(expressions)
        self._cache_folder = cache_folder
        self._lock = threading.Lock()
        self._database: Any = None
        self._others: list[tuple[int, Any]] = []
        self._refused: tuple[int, ...] = ()
        self._scratches = threading.local()

    @property
    def refused(self) -> Sequence[int]:
        self._ready()
        return self._refused

    def candidates(self, block: bytes, begin: int = 0, until: int | None = None) -> list[tuple[int, int]]:
        database = self._ready()
        until = len(block) if until is None else until
        found: list[tuple[int, int]] = []

        def on_match(number: int, start: int, end: int, flags: int, context: object) -> None:  # noqa: ARG001 - its signature
            found.append((begin + end, number))
            if len(found) >= COMPACT_AT:
                _thin(found, block)

        if database is not None and begin < until:
            database.scan(memoryview(block)[begin:until], match_event_handler=on_match, scratch=self._scratch(database))
        for number, expression in self._others:
            found.extend((match.end(), number) for match in _all_matches(expression, block, begin, until))
        found.sort()
        return found

    def _scratch(self, database: Any) -> Any:
        """Each thread has its own: hyperscan's working memory cannot be shared."""
        scratch = getattr(self._scratches, "one", None)
        if scratch is None:
            scratch = self._scratches.one = hyperscan.Scratch(database)
        return scratch

    def _ready(self) -> Any:
        with self._lock:
            if self._database is None and self._expressions:
                self._open()
        return self._database

    def _open(self) -> None:
        kept = self._kept_file()
        self._database, refused = _read(kept, len(self._expressions)) if kept else (None, ())
        if self._database is None:
            self._database, refused = _compiled(self._expressions)
            if kept and self._database is not None:
                _write(kept, self._database, refused)
        self._refused = tuple(refused)
        self._others = [
            (number, re2.compile(b"(?m)" + self._expressions[number], latin_options())) for number in refused
        ]

    def _kept_file(self) -> Path | None:
        if self._cache_folder is None:
            return None
        digest = hashlib.sha256(
            metadata.version("hyperscan").encode() + b"\0" + b"\0".join(self._expressions)
        ).hexdigest()
        return self._cache_folder / f"signatures-{digest[:24]}.hs"


def _compiled(expressions: Sequence[bytes]) -> tuple[Any, Sequence[int]]:
    """One expression that hyperscan refuses must not take the others with it: it is found and left to RE2."""
    numbers = list(range(len(expressions)))
    with contextlib.suppress(hyperscan.error):
        return _database(expressions, numbers), ()
    refused = []
    for number in list(numbers):
        try:
            _database(expressions, [number])
        except hyperscan.error:
            refused.append(number)
            numbers.remove(number)
    return (_database(expressions, numbers) if numbers else None), tuple(refused)


def _database(expressions: Sequence[bytes], numbers: Sequence[int]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expressions[number] for number in numbers],
        ids=list(numbers),
        elements=len(numbers),
        flags=hyperscan.HS_FLAG_MULTILINE,
    )
    return database


def _thin(found: list[tuple[int, int]], block: bytes) -> None:
    """Keeps the first end in each line for each number."""
    found.sort()
    line_end = -1
    seen: set[int] = set()
    kept = []
    for end, number in found:
        if end > line_end:
            line_end = block.find(b"\n", max(end - 1, 0))
            line_end = len(block) if line_end < 0 else line_end
            seen = set()
        if number not in seen:
            seen.add(number)
            kept.append((end, number))
    found[:] = kept


def _read(path: Path, count: int) -> tuple[Any, Sequence[int]]:
    """A kept database; nothing when there is none, it is not ours, it is torn, or it was made for another processor."""
    try:
        if path.stat().st_uid != os.geteuid():
            return None, ()
        content = path.read_bytes()
    except OSError:
        return None, ()
    magic, digest, told, rest = [*content.split(b"\n", 3), b"", b"", b""][:4]
    if magic != _MAGIC or digest != hashlib.sha256(told + rest).hexdigest().encode():
        return None, ()
    refused = tuple(int(one) for one in told.split())
    try:
        database = hyperscan.loadb(rest, hyperscan.HS_MODE_BLOCK)
        hyperscan.Scratch(database)
    except hyperscan.error:
        return None, ()
    return database, tuple(one for one in refused if one < count)


def _write(path: Path, database: Any, refused: Sequence[int]) -> None:
    """Whole or not at all; a folder that cannot be written only costs the next start its compiling."""
    told = b" ".join(str(one).encode() for one in refused)
    blob = hyperscan.dumpb(database)
    content = b"\n".join((_MAGIC, hashlib.sha256(told + blob).hexdigest().encode(), told, blob))
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True, mode=0o700)
        draft.write_bytes(content)
        draft.chmod(0o600)
        draft.replace(path)
        for old in path.parent.glob("signatures-*.hs"):
            if old != path:
                old.unlink()


def _all_matches(expression: Any, block: bytes, begin: int, until: int) -> Iterator[Any]:
    """One match for every line in which the expression matches, or a line that a match of it ends in."""
    while begin < until and (match := expression.search(block, begin, until)):
        yield match
        after = block.find(b"\n", match.end(), until)
        begin = after + 1 if after >= 0 else until
