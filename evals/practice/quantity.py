"""Kubernetes quantities (`500m`, `1Gi`): reading, adding, and the canonical way to write them."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_FORM = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE]?)$")
_BINARY = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5, "Ei": 1024**6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


class BadQuantity(ValueError):
    """A text that is no quantity."""


def parse(text: str | int | float) -> Fraction:
    """The exact value; `BadQuantity` when the text is none."""
    match = _FORM.match(str(text))
    if match is None:
        raise BadQuantity(f"{text!r} is not a quantity such as 500m or 1Gi")
    number, suffix = Fraction(Decimal(match[1])), match[2]
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    return number * Fraction(10) ** exponent


def form_of(text: str) -> str:
    """`binary`, `decimal` or `exponent`: the family that a sum keeps."""
    match = _FORM.match(text)
    suffix = match[2] if match else ""
    if suffix in _BINARY:
        return "binary"
    return "decimal" if suffix in _DECIMAL else "exponent"


def write(value: Fraction, form: str = "decimal") -> str:
    """The canonical text: the largest suffix that leaves a whole number."""
    if value == 0:
        return "0"
    if form == "binary" and value.denominator == 1 and abs(value) >= 1024:
        for suffix, size in reversed(_BINARY.items()):
            if value % size == 0:
                return f"{value // size}{suffix}"
        return str(value)
    for suffix, exponent in reversed(_DECIMAL.items()):
        scaled = value / Fraction(10) ** exponent
        if scaled.denominator == 1:
            return f"{scaled}{suffix}"
    rounded = -(-value * 10**9 // 1)  # finer than nano is rounded up
    return write(Fraction(rounded, 10**9))


def canonical(text: str) -> str:
    """The text as the server writes it back; a text that is no quantity is returned unchanged, for validation to refuse."""
    try:
        return write(parse(text), form_of(text))
    except BadQuantity:
        return text


def add(first: str, second: str) -> str:
    """Sum of two quantities in the family of the first that is not zero."""
    left, right = parse(first), parse(second)
    return write(left + right, form_of(second if left == 0 else first))
