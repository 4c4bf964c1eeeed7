"""Reading what a person hands in: bounded, decoded, and refused with a reason when it is not text."""

from __future__ import annotations

import sys
from pathlib import Path

from knowledge.errors import BadInput

MOST_BYTES = 1_000_000


def read_bounded(what: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``; of something huge only enough to see that it is."""
    try:
        if what == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with Path(what).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"cannot read it: {error.strerror}", source=what, next_step="name a file you may read"
        ) from error


def read_script(content: bytes, source: str) -> str:
    """Raises BadInput for an empty, huge or binary script."""
    if not content.strip():
        raise BadInput("the script is empty", source=source, next_step="write at least one kubectl line")
    return decoded(content, source)


def read_text(path: Path) -> str:
    """The text of a file; BadInput when it is not there, huge or binary."""
    return decoded(read_bounded(str(path)), str(path))


def decoded(content: bytes, source: str) -> str:
    if len(content) > MOST_BYTES:
        raise BadInput(
            f"it has {len(content)} bytes or more; the most is {MOST_BYTES}",
            source=source,
            next_step="hand in the part that matters",
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        step = "save it as UTF-8 text"
        raise BadInput(f"byte {error.start} is not UTF-8", source=source, line=line, next_step=step) from error
