"""The folder of the search index: generations, the pointer to the one in use, and the lock of the one writer.

::

    writer.lock     held (flock) by the one process that writes; others read, and search by words when they cannot
    current         the name of the generation in use, replaced atomically
    gen-000007/     chroma/ (absent in server mode) and journal.jsonl, the account of what is in it
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO

_GENERATION = re.compile(r"gen-(\d{6})")


class IndexFolder:
    """Raises OSError when the disk does not play along."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = None

    def make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def is_mine(self) -> bool:
        """True while this process holds the writer's lock."""
        return self._lock is not None

    def take(self) -> bool:
        """The writer's lock, if nobody has it. The kernel gives it back when its holder dies, however it dies."""
        if self._lock is not None:
            return True
        file = (self._folder / "writer.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._lock = file
        return True

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def place(self, generation: str) -> Path:
        return self._folder / generation

    def current(self) -> str:
        """The generation in use; empty when there is none."""
        with suppress(OSError, UnicodeDecodeError):
            name = (self._folder / "current").read_text(encoding="ascii").strip()
            if _GENERATION.fullmatch(name) and self.place(name).is_dir():
                return name
        return ""

    def point_at(self, generation: str) -> None:
        """Replaces the pointer; after a kill at any moment it names the old generation or the new one."""
        fresh = self._folder / "current.new"
        with fresh.open("w", encoding="ascii") as file:
            file.write(generation + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / "current")
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def next_generation(self) -> str:
        numbers = [int(match[1]) for path in self._folder.iterdir() if (match := _GENERATION.fullmatch(path.name))]
        return f"gen-{max(numbers, default=0) + 1:06d}"

    def sweep(self, keep: str) -> None:
        """Removes generations that nothing points at: what a kill left behind."""
        for path in self._folder.iterdir():
            if _GENERATION.fullmatch(path.name) and path.name != keep:
                shutil.rmtree(path, ignore_errors=True)
