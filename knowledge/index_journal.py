"""What an index holds, told by a file beside it: which entry, which digest, how many chunks.

One JSON line per change, appended and synced: ``["?", collection, id, chunks]`` before chunks are written,
``["+", collection, id, digest, chunks]`` after, ``["-", collection, id]`` when removed. A kill leaves at most a torn last
line, which is cut off, and intents without an end, which are done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

Key = tuple[str, str]
"""Collection and entry id."""


class Indexed(NamedTuple):
    digest: str
    chunks: int


class Journal:
    """The account of one generation. Not thread-safe: the dense index's lock guards it."""

    def __init__(self, path: Path, embedder: str) -> None:
        """Starts a new account of vectors made by ``embedder``."""
        self._path = path
        self.embedder = embedder
        self.entries: dict[Key, Indexed] = {}
        self.pending: dict[Key, int] = {}

    @classmethod
    def create(cls, path: Path, embedder: str) -> Journal:
        journal = cls(path, embedder)
        with path.open("wb") as file:
            file.write(_line(["embedder", embedder]))
            file.flush()
            os.fsync(file.fileno())
        return journal

    @classmethod
    def load(cls, path: Path) -> Journal:
        """Reads the account, cutting off a torn end. Raises ValueError when it is no journal, OSError when unreadable."""
        raw = path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if not lines:
            raise ValueError("the index's journal is empty")
        try:
            journal = cls(path, str(json.loads(lines[0])[1]))
            for line in lines[1:]:
                journal._apply(json.loads(line))
        except (LookupError, TypeError) as error:
            raise ValueError(f"the index's journal is damaged: {error}") from error
        if len(whole) < len(raw):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        return journal

    def intend(self, chunks_by_key: Iterable[tuple[Key, int]]) -> None:
        self._write([["?", *key, chunks] for key, chunks in chunks_by_key])

    def done(self, indexed: Iterable[tuple[Key, Indexed]]) -> None:
        self._write([["+", *key, entry.digest, entry.chunks] for key, entry in indexed])

    def removed(self, keys: Iterable[Key]) -> None:
        self._write([["-", *key] for key in keys])

    def chunk_bounds(self, collection: str) -> tuple[int, int]:
        """The least and the most chunks that Chroma may hold, given what was under way when the account broke off."""
        settled = sum(e.chunks for key, e in self.entries.items() if key[0] == collection and key not in self.pending)
        open_ended = sum(
            max(chunks, self.entries[key].chunks if key in self.entries else 0)
            for key, chunks in self.pending.items()
            if key[0] == collection
        )
        return settled, settled + open_ended

    def _write(self, records: list[list[str | int]]) -> None:
        if not records:
            return
        with self._path.open("ab") as file:
            file.write(b"".join(_line(record) for record in records))
            file.flush()
            os.fsync(file.fileno())
        for record in records:
            self._apply(record)

    def _apply(self, record: list[str | int]) -> None:
        sign, key = record[0], (str(record[1]), str(record[2]))
        if sign == "?":
            self.pending[key] = max(int(record[3]), self.pending.get(key, 0))
            return
        self.pending.pop(key, None)
        if sign == "+":
            self.entries[key] = Indexed(str(record[3]), int(record[4]))
        else:
            self.entries.pop(key, None)


def _line(record: list[str | int]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"
