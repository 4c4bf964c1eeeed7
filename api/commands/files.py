"""Reading what a person hands in: bounded, decoded, and refused with a reason when it is not text."""

from __future__ import annotations

import sys
from pathlib import Path

from knowledge.errors import BadInput

MOST_BYTES = 1_000_000
MOST_SCRIPT_BYTES = 8_000_000
"""Of a script that is judged: far more than the grammar takes, so that it is the grammar which says how long it may be."""


def read_bounded(what: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file, or of standard input for ``-``; of something huge only enough to see that it is."""
    try:
        if what == "-":
            return sys.stdin.buffer.read(most + 1)
        with Path(what).open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise BadInput(
            f"cannot read it: {error.strerror}", source=what, next_step="name a file you may read"
        ) from error


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
