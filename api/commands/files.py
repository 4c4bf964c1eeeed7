"""Reading what a person hands in: bounded, decoded, and refused with a reason when it is not text."""

from __future__ import annotations

from knowledge.errors import BadInput

MOST_BYTES = 1_000_000


def read_script(content: bytes, source: str) -> str:
    """Raises BadInput for an empty, huge or binary script."""
    if not content.strip():
        raise BadInput("the script is empty", source=source, next_step="write at least one kubectl line")
    if len(content) > MOST_BYTES:
        raise BadInput(f"the script has {len(content)} bytes; the most is {MOST_BYTES}", source=source)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"byte {error.start} is not UTF-8", source=source, line=line) from error
