"""Signatures as byte expressions. Logs are matched as bytes, so that no encoding has to be right before a line is found.

A person writes a signature over characters. Over bytes, a Chinese character is three of them: quantifiers and classes have to
be told so. For finding (not for reading groups) what trails an expression may be left out: where ``error: .*`` matches,
``error: `` does, and an engine that reports every end of a match has one to report instead of a hundred.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

_TOKEN = re.compile(
    r"""(?P<escape>\\(?:[pPx]\{[^}]*\}|[pP].|x[0-9A-Fa-f]{2}|.))
    |(?P<klass>\[\^?\]?(?:\\[pPx]\{[^}]*\}|\\.|\[:\^?\w+:\]|[^\]\\])*\])
    |(?P<flags>\(\?[a-zA-Z-]+\))
    |(?P<open>\((?:\?P?<\w+>|\?[a-zA-Z-]*:)?)
    |(?P<close>\))
    |(?P<bar>\|)
    |(?P<count>(?:[*+?]|\{(?:\d+(?:,\d*)?)\})[?+]?)
    |(?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(r"\\[pPx]\{[^}]*\}|\\x..|\\.|\[:\^?\w+:\]|.", re.DOTALL)
_ANY_WIDE = r"[\x80-\xff]{2,4}"


@dataclass(slots=True)
class _Item:
    """An atom as it is written, or a group of alternatives (``text`` is then its opening), with its quantifier."""

    text: str
    group: list[list[_Item]] | None = None
    count: str = ""

    @property
    def least(self) -> int:
        if not self.count:
            return 1
        if self.count[0] == "{":
            return int(re.split(r"[,}]", self.count[1:])[0])
        return 1 if self.count[0] == "+" else 0


@dataclass(slots=True)
class _Reader:
    """Raises ValueError for what it does not understand: the expression is then taken as it is."""

    tokens: list[re.Match[str]]
    position: int = 0
    depth: int = field(default=0)

    def alternatives(self) -> list[list[_Item]]:
        found: list[list[_Item]] = [[]]
        while self.position < len(self.tokens):
            token = self.tokens[self.position]
            kind, text = token.lastgroup, token.group()
            if kind == "close":
                if not self.depth:
                    raise ValueError("unbalanced")
                return found
            self.position += 1
            if kind == "bar":
                found.append([])
            elif kind == "open":
                found[-1].append(_Item(text, self._inside()))
            elif kind == "count":
                if not found[-1] or found[-1][-1].count:
                    raise ValueError("nothing to repeat")
                found[-1][-1].count = text
            else:
                found[-1].append(_atom(kind, text))
        return found

    def _inside(self) -> list[list[_Item]]:
        self.depth += 1
        group = self.alternatives()
        if self.position >= len(self.tokens):
            raise ValueError("unbalanced")
        self.position += 1
        self.depth -= 1
        return group


def _atom(kind: str | None, text: str) -> _Item:
    if kind == "escape" and text[1] in "QEC":
        raise ValueError("a literal run")
    if kind == "flags" and "x" in text.split("-", maxsplit=1)[0]:
        raise ValueError("free spacing")
    if kind == "klass" and not text.isascii():
        return _Item(_wide_class(text))
    return _Item(f"(?:{text})" if not text.isascii() else text)


def _wide_class(text: str) -> str:
    """A class with characters beyond ASCII: its ASCII members, or one of the others; a negated one excludes only the former."""
    is_negated = text.startswith("[^")
    members = _MEMBER.findall(text[2 if is_negated else 1 : -1])
    narrow = "".join(one for one in members if one.isascii()).strip("-")
    if is_negated:
        return f"(?:[^{narrow}])" if narrow else r"(?s:.)"
    is_range = any(one == "-" and 0 < at < len(members) - 1 for at, one in enumerate(members))
    wide = [_ANY_WIDE] if is_range else [one for one in members if not one.isascii()]
    return "(?:" + "|".join([*([f"[{narrow}]"] if narrow else []), *wide]) + ")"


def _parsed(pattern: str) -> list[list[_Item]]:
    reader = _Reader(list(_TOKEN.finditer(pattern)))
    found = reader.alternatives()
    if reader.position != len(reader.tokens):
        raise ValueError("unbalanced")
    return found


def _written(alternatives: list[list[_Item]]) -> str:
    return "|".join("".join(_written_item(item) for item in one) for one in alternatives)


def _written_item(item: _Item) -> str:
    body = item.text if item.group is None else f"{item.text}{_written(item.group)})"
    return body + item.count


def _shorten(alternatives: list[list[_Item]]) -> None:
    """Leaves out what an alternative may end with but need not."""
    for one in alternatives:
        while one and one[-1].least == 0:
            one.pop()
        if not one:
            continue
        last = one[-1]
        if last.count:
            last.count = f"{{{last.least}}}" if last.least > 1 else ""
        elif last.group is not None:
            _shorten(last.group)


@lru_cache(maxsize=4096)
def byte_expression(pattern: str) -> bytes:
    """The signature over bytes: for RE2 in its Latin-1 mode, where a byte is a character."""
    try:
        return b"(?m)" + _written(_parsed(pattern)).encode()
    except ValueError:
        return b"(?m)" + pattern.encode()


_OVER_LINES = re.compile(r"\\[sWDnrvfxzAQ]|\[\^|\(\?[a-zA-Z]*s|\[:\^|\n|\[[^\]]*(?:\\.|[\x00-\x1f])-", re.DOTALL)


@lru_cache(maxsize=4096)
def stays_in_line(pattern: str) -> bool:
    """Whether no match of it can hold a line's end: being found in a line is then the same as matching there.

    Wrongly "no" costs a second look, so the judgement is coarse: a negated class may hold a line's end."""
    try:
        _parsed(pattern)
    except ValueError:
        return False
    return pattern.isascii() and _OVER_LINES.search(pattern.replace(r"[^\n]", ".")) is None


@lru_cache(maxsize=4096)
def finding_expression(pattern: str) -> bytes:
    """Matches somewhere in a line whenever the signature does; may match where it does not."""
    try:
        parsed = _parsed(pattern)
    except ValueError:
        return pattern.encode()
    _shorten(parsed)
    short = _written(parsed).encode()
    # What shrinks to nothing would be found everywhere.
    return pattern.encode() if _matches_empty(b"(?m)" + short) else short


def latin_options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return options


@lru_cache(maxsize=4096)
def exact(pattern: str) -> Any:
    """The signature compiled for one line of bytes: decides, and reads the named groups."""
    return re2.compile(byte_expression(pattern), latin_options())


def _matches_empty(expression: bytes) -> bool:
    return re2.compile(expression, latin_options()).search(b"") is not None


def matches_empty(pattern: str) -> bool:
    """Whether the signature is found in a text without a character: it would be found in every line."""
    return exact(pattern).search(b"") is not None
