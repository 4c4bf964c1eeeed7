"""Taking in files: one file is all or nothing, one broken file never stops the others, and every file gets an answer."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from knowledge.case_file import ScriptCheck
from knowledge.errors import BadInput, MalformedDocument, NotFound
from knowledge.ingest_readers import MAX_FILE_BYTES, Reader, Source, read_html, read_markdown, read_pdf, read_text
from knowledge.ingest_records import read_csv, read_json, read_jsonl
from knowledge.vocabulary import Json

READERS: Mapping[str, Reader] = {
    **dict.fromkeys((".md", ".markdown"), read_markdown),
    **dict.fromkeys((".txt", ".text", ".log", ".rst"), read_text),
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
    **dict.fromkeys((".jsonl", ".ndjson"), read_jsonl),
    ".json": read_json,
    ".csv": read_csv,
    ".pdf": read_pdf,
}
Outcome = Literal["added", "updated", "unchanged", "failed", "skipped"]

Put = Callable[[Source], str]
"""Stores one source; says ``added``, ``updated`` or ``unchanged``."""


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file. ``reason`` and ``line`` tell why it failed or was skipped; ``entries`` counts what it held."""

    path: str
    outcome: Outcome
    entries: int = 0
    reason: str = ""
    line: int | None = None

    def as_json(self) -> Json:
        return {
            "path": self.path,
            "outcome": self.outcome,
            "entries": self.entries,
            "reason": self.reason,
            "line": self.line,
        }


@dataclass(frozen=True)
class ImportReport:
    files: tuple[FileOutcome, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(file.outcome == outcome for file in self.files)

    @property
    def failed(self) -> tuple[FileOutcome, ...]:
        return tuple(file for file in self.files if file.outcome == "failed")


OnFile = Callable[[int, int, FileOutcome], None]
"""Files done, files in all, and what became of the last one."""


def import_files(path: Path, put: Put, validate_script: ScriptCheck, on_progress: OnFile | None = None) -> ImportReport:
    """Takes in a file, or every file below a folder. Raises NotFound when there is nothing at ``path``."""
    if not path.exists() and not path.is_symlink():
        raise NotFound(f"there is no file or folder {str(path)!r}", next_step="check the path")
    found = list(_walk(path)) if path.is_dir() else [(path, "")]
    outcomes: list[FileOutcome] = []
    for number, (file, refusal) in enumerate(found, start=1):
        outcome = FileOutcome(str(file), "skipped", reason=refusal) if refusal else _take_in(file, put, validate_script)
        outcomes.append(outcome)
        if on_progress:
            on_progress(number, len(found), outcome)
    return ImportReport(tuple(outcomes))


def _take_in(file: Path, put: Put, validate_script: ScriptCheck) -> FileOutcome:
    """Reads the whole file before the first entry is stored, so that a broken line leaves nothing behind."""
    try:
        raw = _read_bytes(file)
        sources = READERS[_suffix(file)](raw, file, validate_script)
        _refuse_twins(sources, file)
        done = [put(source) for source in sources]
    except BadInput as error:
        return FileOutcome(str(file), "failed", reason=error.message.removeprefix(f"{file}: "), line=error.line)
    except OSError as error:
        return FileOutcome(str(file), "failed", reason=error.strerror or str(error))
    if not done:
        return FileOutcome(str(file), "failed", reason="the file holds no case and no text")
    outcome: Outcome = "unchanged"
    if "updated" in done or ("added" in done and "unchanged" in done):
        outcome = "updated"
    elif "added" in done:
        outcome = "added"
    return FileOutcome(str(file), outcome, entries=len(done))


def _read_bytes(file: Path) -> bytes:
    """The file's bytes, or MalformedDocument in words. Never opens a pipe or a device: that could wait for ever."""
    try:
        kind = file.stat()
    except OSError as error:
        reason = "a symbolic link that points nowhere or to itself" if file.is_symlink() else error.strerror
        raise MalformedDocument(f"{reason}", source=str(file), next_step="remove the link or mend it") from error
    if not stat.S_ISREG(kind.st_mode):
        raise MalformedDocument("not a regular file", source=str(file))
    if _suffix(file) not in READERS:
        raise MalformedDocument(
            f"files of kind {_suffix(file) or 'without a suffix'!r} are not read",
            source=str(file),
            next_step=f"known kinds: {' '.join(sorted(READERS))}",
        )
    if kind.st_size == 0:
        raise MalformedDocument("the file is empty", source=str(file))
    if kind.st_size > MAX_FILE_BYTES:
        raise MalformedDocument(
            f"the file has {kind.st_size / 1e6:,.0f} MB; at most {MAX_FILE_BYTES / 1e6:,.0f} MB are read",
            source=str(file),
            next_step="split it",
        )
    with file.open("rb") as opened:
        raw = opened.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise MalformedDocument("the file grew while it was read", source=str(file), next_step="import it again")
    return raw


def _refuse_twins(sources: list[Source], file: Path) -> None:
    seen: set[str] = set()
    for source in sources:
        if source.id in seen:
            raise MalformedDocument(f"the id {source.id!r} stands twice in the file", source=str(file))
        seen.add(source.id)


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files below ``folder`` in the order of their names, with the reason when one is left out. Links to folders are not
    followed, so a loop of links cannot trap the walk; hidden files are none of ours."""
    problems: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        problems.append((Path(error.filename or folder), error.strerror or "cannot be read"))

    root = folder.resolve()
    for place, names, files in os.walk(folder, followlinks=False, onerror=note):
        here = Path(place)
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in [name for name in names if (here / name).is_symlink()]:
            yield here / name, "a link to a folder is not followed"
        for name in sorted(files):
            file = here / name
            if name.startswith("."):
                continue
            if _suffix(file) not in READERS:
                yield file, f"files of kind {_suffix(file) or 'without a suffix'!r} are not read"
            elif file.is_symlink() and file.exists() and not file.resolve().is_relative_to(root):
                yield file, "a link to a file outside the folder is not followed"
            else:
                yield file, ""
    yield from problems


def _suffix(file: Path) -> str:
    return file.suffix.lower()
