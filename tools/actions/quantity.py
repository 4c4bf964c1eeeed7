"""Quantities as the API server writes them back: what is sent has to be what is found again."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_TEXT = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("m", "", "k", "M", "G", "T", "P", "E")
_HOLDERS = frozenset({"limits", "requests", "hard", "capacity"})


def canonical_quantity(text: str) -> str:
    """``1024Mi`` -> ``1Gi``, ``1000m`` -> ``1``, ``0.5`` -> ``500m``; a text that is no quantity comes back as it is."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return text
    number, unit = Decimal(found["number"]), found["unit"] or ""
    if unit in _BINARY[1:]:
        return _scaled(number * 1024 ** _BINARY.index(unit), 1024, _BINARY, text)
    return _scaled(number * Decimal(1000) ** _DECIMAL.index(unit), 1000, _DECIMAL, text)


def _scaled(value: Decimal, base: int, units: tuple[str, ...], text: str) -> str:
    """The whole number with the largest unit that loses nothing."""
    if value != value.to_integral_value():
        return text
    whole, at = int(value), 0
    while whole and whole % base == 0 and at + 1 < len(units):
        whole //= base
        at += 1
    return f"{whole}{units[at]}" if whole else "0"


def with_canonical_quantities(tree: Any) -> Any:
    """A copy of an object with the quantities under limits, requests and the like in their canonical spelling."""
    if isinstance(tree, list):
        return [with_canonical_quantities(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        key: {name: _spelled(amount) for name, amount in value.items()}
        if key in _HOLDERS and isinstance(value, dict)
        else with_canonical_quantities(value)
        for key, value in tree.items()
    }


def _spelled(amount: Any) -> Any:
    if isinstance(amount, int | float | str) and not isinstance(amount, bool):
        return canonical_quantity(str(amount))
    return amount
