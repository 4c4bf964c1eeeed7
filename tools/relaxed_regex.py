"""A looser, linear-time companion of an expression that needs Python's ``re``: it matches at every place where the other
does in an ASCII text, and at some more. What it does not name needs no second look."""

from __future__ import annotations

import re
from typing import Any

import re2

_ZERO_WIDTH = ("(?=", "(?!", "(?<!")
_WIDER = {r"\s": r"\s\x0b\x1c-\x1f"}
_LARGE = re.compile(r"\{(\d*),(\d{2,})\}")


def relaxed(verbose: str) -> str:
    """From a verbose expression: assertions of no width are dropped (what a lookbehind wants is consumed), names too, large
    counts are unbounded."""
    found: list[str] = []
    position = 0
    is_class = False
    while position < len(verbose):
        rest = verbose[position:]
        if rest[0] == "\\":
            found.append(_escape(rest[:2], is_class))
            position += 2
        elif is_class:
            is_class = rest[0] != "]"
            found.append("\\[" if rest[0] == "[" else rest[0])
            position += 1
        elif rest[0] == "[":
            opening = re.match(r"\[\^?\]?", rest)
            assert opening is not None
            found.append(opening.group())
            position += opening.end()
            is_class = True
        elif rest[0].isspace():
            position += 1
        elif rest.startswith("(?=") and _ends_alternative(verbose[position + _length_of_group(rest) :]):
            found.append("(?:")  # nothing follows it: what has to stand there can as well be taken
            position += 3
        elif rest.startswith(_ZERO_WIDTH):
            position += _length_of_group(rest)
        else:
            taken, length = _plain(rest)
            found.append(taken)
            position += length
    return "(?s)" + _LARGE.sub(lambda count: "{" + (count.group(1) or "0") + ",}", "".join(found)).replace("{0,}", "*")


def _ends_alternative(rest: str) -> bool:
    return rest.lstrip()[:1] in {"", "|"}


def _escape(text: str, is_class: bool) -> str:
    if text in _WIDER:
        return _WIDER[text] if is_class else f"[{_WIDER[text]}]"
    if text == r"\b" and not is_class:
        return ""
    return r"\z" if text == r"\Z" else text


def _plain(rest: str) -> tuple[str, int]:
    named = re.match(r"\(\?P<\w+>|\(\?<=", rest)
    if named is not None:
        return "(?:", named.end()
    possessive = re.match(r"([*+?]|\{\d*,?\d*\})\+", rest)
    if possessive is not None:
        return possessive.group(1), possessive.end()
    return rest[0], 1


def _length_of_group(text: str) -> int:
    depth = position = 0
    is_class = False
    while position < len(text):
        here = text[position]
        if here == "\\":
            position += 1
        elif is_class:
            is_class = here != "]"
        elif here == "[":
            is_class = True
            position += len(re.match(r"\[\^?\]?", text[position:]).group()) - 1  # type: ignore[union-attr]
        elif here in "()":
            depth += 1 if here == "(" else -1
            if depth == 0:
                return position + 1
        position += 1
    raise ValueError("a group that does not end")


def relaxed_options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 64 * 1024 * 1024
    return options
