"""How a refusal is shown: the line, a caret under the place, and what would have been accepted."""

from __future__ import annotations

import unicodedata

from knowledge.errors import ScriptRefused
from tools.script.characters import is_invisible


def _cells(character: str) -> int:
    """How many cells of a terminal it fills."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def show(error: ScriptRefused, text: str) -> str:
    """The refusal as lines of text. Invisible characters of the script are shown as marks, never passed on."""
    lines = text.split("\n")  # as the grammar counts them
    shown = lines[error.line - 1] if 0 < error.line <= len(lines) else ""
    window_start = max(0, error.column - 80)
    window = "".join("\N{REPLACEMENT CHARACTER}" if is_invisible(c) else c for c in shown[window_start:][:160])
    window = window.replace("\t", " ")
    head = f"{error.line}:{error.column}: {error.message}"
    caret = " " * sum(map(_cells, window[: error.column - 1 - window_start])) + "^"
    parts = [head, f"  {window}", f"  {caret}"]
    if error.expected:
        parts.append(f"  expected: {error.expected}")
    if error.next_step:
        parts.append(f"  next: {error.next_step}")
    return "\n".join(parts)
