"""Detector files as plain data, read again only when a file has changed: YAML is most of the time that the desk takes to start.

What is kept in the cache folder is named for the digest of everything it was read from, and is checked like the files
themselves when it is made into detectors: a cache that is missing, torn or stale costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from knowledge.errors import MalformedDetector
from knowledge.vocabulary import Json
from tools.detectors.format import read_bodies

VERSION = "1"
"""Counts up when the same files are to be read into other data."""

KEPT = 8
"""Cache files: one for each folder of detectors, and those of a version or two back."""

_log = structlog.get_logger(__name__)


def parsed_folder(folder: Path, cache_folder: Path | None = None) -> Iterator[tuple[Path, list[Json]]]:
    """Each file below the folder with the bodies of its detectors. Raises MalformedDetector."""
    paths = sorted(folder.rglob("*.yaml"))
    texts = [_bytes_of(path) for path in paths]
    kept = cache_folder / f"detectors-{_digest(folder, paths, texts)}.msgpack" if cache_folder else None
    bodies = _read(kept, len(paths)) if kept else None
    if bodies is None:
        bodies = [read_bodies(path, text) for path, text in zip(paths, texts, strict=True)]
        if kept:
            _keep(kept, bodies)
    yield from zip(paths, bodies, strict=True)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise MalformedDetector(f"{path.name} cannot be read: {problem}", source=str(path)) from problem


def _digest(folder: Path, paths: Sequence[Path], texts: Sequence[bytes]) -> str:
    whole = hashlib.sha256(f"{VERSION} {msgspec.__version__}".encode())
    for path, text in zip(paths, texts, strict=True):
        whole.update(f"\0{path.relative_to(folder)}\0{len(text)}\0".encode())
        whole.update(text)
    return whole.hexdigest()[:32]


def _read(kept: Path, count: int) -> list[list[Json]] | None:
    try:
        found = msgspec.msgpack.decode(kept.read_bytes(), type=list[list[dict[str, Any]]])
    except (OSError, msgspec.DecodeError):
        return None
    return found if len(found) == count else None


def _keep(kept: Path, bodies: Sequence[Sequence[Json]]) -> None:
    """Written aside and renamed, so that another process sees all of it or nothing."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".detectors-", delete=False) as written:
            written.write(msgspec.msgpack.encode(bodies))
        Path(written.name).replace(kept)
        old = sorted(kept.parent.glob("detectors-*.msgpack"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in old[KEPT:]:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
    except (OSError, TypeError, OverflowError) as problem:
        _log.info("detectors_not_cached", folder=str(kept.parent), reason=str(problem))
