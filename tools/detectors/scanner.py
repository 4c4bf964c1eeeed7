"""Reads a condition's text character by character, and says at which column it stumbled."""

from __future__ import annotations

import re
from typing import Any

DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
NAME = re.compile(r"[A-Za-z_][\w-]*")
WORD = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
WORDS = {"true": True, "false": False}


class Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def error(self, message: str) -> ValueError:
        return ValueError(f"{message}, at column {self.position + 1} of `{self.text}`")

    def skip(self) -> int:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.position

    def peek(self) -> str:
        self.skip()
        return self.text[self.position] if self.position < len(self.text) else "\0"

    def take_here(self, symbol: str) -> bool:
        """Takes the symbol when it stands right here: no blanks skipped."""
        if not self.text.startswith(symbol, self.position):
            return False
        self.position += len(symbol)
        return True

    def take(self, symbol: str) -> bool:
        self.skip()
        if symbol == "!" and self.text.startswith(("!=", "!~"), self.position):
            return False
        return self.take_here(symbol)

    def take_word(self, word: str) -> bool:
        self.skip()
        found = WORD.match(self.text, self.position)
        if found is None or found.group() != word:
            return False
        self.position = found.end()
        return True

    def need(self, symbol: str) -> None:
        if not self.take(symbol):
            raise self.error(f"expected {symbol!r}")

    def expect_end(self) -> None:
        if self.peek() != "\0":
            raise self.error("expected the end")

    def word(self) -> str:
        self.skip()
        return self._matched(WORD, "a word").group()

    def name(self) -> str:
        return self._matched(NAME, "a field's name").group()

    def string(self) -> str:
        """A quoted string as it stands: only ``\\"`` is unescaped, so that regexes need no second backslash."""
        self.skip()
        return self._matched(STRING, 'a string in "quotes"').group(1).replace('\\"', '"')

    def literal(self) -> Any:
        if self.peek() == '"':
            return self.string()
        for word, value in WORDS.items():
            if self.take_word(word):
                return value
        text = self._matched(NUMBER, "a string, a number, true or false").group()
        return float(text) if "." in text else int(text)

    def duration(self) -> float:
        self.skip()
        number = float(self._matched(NUMBER, "a time such as 10m").group())
        unit = self._matched(WORD, "a unit: s, m, h or d").group()
        if unit not in DURATION_UNITS:
            raise self.error(f"unknown unit {unit!r}: use s, m, h or d")
        return number * DURATION_UNITS[unit]

    def _matched(self, pattern: re.Pattern[str], wanted: str) -> re.Match[str]:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise self.error(f"expected {wanted}")
        self.position = found.end()
        return found


def read_duration(text: str) -> float:
    """``10m`` in seconds. Raises ValueError."""
    scanner = Scanner(text)
    seconds = scanner.duration()
    scanner.expect_end()
    return seconds
