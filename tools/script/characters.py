"""Which characters a script may hold. A look-alike is refused where it stands and never normalised: a person approves
what they see, so nothing may be there that they cannot see or would take for something else."""

from __future__ import annotations

import unicodedata

from knowledge.errors import ScriptRefused

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u180b\u180c\u180d\u034f\u17b4\u17b5")
MAX_SCRIPT_CHARACTERS = 65_536


def name_of(character: str) -> str:
    """``U+200B ZERO WIDTH SPACE``: a character said so that it can be found."""
    return f"U+{ord(character):04X} {unicodedata.name(character, 'unnamed control character')}"


def is_invisible(character: str) -> bool:
    """Control, format, bidirectional, private and blank characters: everything that prints as nothing or as a space."""
    if character in " \t\n":
        return False
    if character in _BLANK_LETTERS or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return True
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES


def check_characters(text: str) -> None:
    """Raises ScriptRefused at the first character that may stand nowhere, and for a text that is too long."""
    if len(text) > MAX_SCRIPT_CHARACTERS:
        raise ScriptRefused(
            f"the script has {len(text):,} characters", line=1, column=1,
            expected=f"at most {MAX_SCRIPT_CHARACTERS:,} characters", next_step="split it into several plans",
        )  # fmt: skip
    if text.isascii() and text.isprintable():
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.isascii() and line.isprintable():
            continue
        for column, character in enumerate(line, start=1):
            if is_invisible(character):
                raise ScriptRefused(
                    f"an invisible or control character: {name_of(character)}", line=number, column=column,
                    expected="visible characters, spaces and line feeds",
                )  # fmt: skip
