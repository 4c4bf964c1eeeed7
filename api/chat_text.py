"""What a person sends, made readable: bounded, without control characters, attachments joined below the words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.errors import BadInput

MOST_CHARACTERS = 1_900_000
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
LOST = "\ufffd"
_HALF = re.compile("[\ud800-\udfff]")
FEW = 40
"""Characters; of fewer, some that were lost tell nothing."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was handed in with a message: a log, a transcript, a manifest."""

    name: str
    text: str

    @classmethod
    def of_bytes(cls, name: str, raw: bytes) -> Attachment:
        """UTF-8, UTF-16 with its mark, or GB18030 (what Windows terminals in Chinese write); what fits none keeps its gaps."""
        if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return cls(name, raw.decode("utf-16", "replace"))
        for encoding in ("utf-8", "gb18030"):
            try:
                return cls(name, raw.decode(encoding))
            except UnicodeDecodeError:
                continue
        return cls(name, raw.decode("utf-8", "replace"))


def readable(text: str) -> str:
    """Without terminal escapes, control and invisible characters; halves of characters become U+FFFD."""
    text = _HALF.sub(LOST, text)
    return _CONTROL.sub("", _ESCAPE.sub("", text)).strip()


def joined(words: str, attachments: Sequence[Attachment]) -> str:
    """The message as it is read. Raises BadInput where it says nothing, is no text, or is too long."""
    parts = [words, *(readable(one.text) for one in attachments)]
    text = "\n".join(part for part in parts if part)
    if not any(unicodedata.category(letter)[0] not in "CZ" for letter in text[:10_000]):
        raise BadInput("the message says nothing", next_step="ask something, for example: why is qwen2-7b slow")
    if len(text) > MOST_CHARACTERS:
        raise BadInput(
            f"the message has {len(text)} characters; {MOST_CHARACTERS} are taken",
            next_step="hand in the part that matters",
        )
    if len(text) > FEW and text.count(LOST) * 5 > len(text):
        raise BadInput("the message is not readable text", next_step="send it in UTF-8")
    return text
