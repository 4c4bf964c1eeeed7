"""What pods ask for and nodes give, as exact numbers."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from evals.practice import quantity

Object = dict[str, Any]


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Fraction:
    return quantity.parse(text)


def amount(text: object) -> Fraction:
    """The value of a quantity, 0 for what is absent."""
    return Fraction(0) if text in (None, "") else _parsed(str(text))


@lru_cache(maxsize=4096)
def thousandths(text: str | None) -> int:
    """The value in thousandths, rounded up: whole numbers for what is added up often."""
    return -(-amount(text) * 1000 // 1)


def show(resource: str, value: Fraction) -> str:
    """The canonical text of a total: binary for bytes, decimal for the rest."""
    return quantity.write(value, "binary" if "memory" in resource or "storage" in resource else "decimal")


def pod_requests(pod: Object, of: str = "requests") -> dict[str, Fraction]:
    """What the scheduler counts for a pod: the sum over containers, or the largest init container where that is more."""
    total: dict[str, Fraction] = {}
    for container in pod["spec"].get("containers") or ():
        for name, text in _asked(container, of).items():
            total[name] = total.get(name, Fraction(0)) + amount(text)
    for container in pod["spec"].get("initContainers") or ():
        for name, text in _asked(container, of).items():
            total[name] = max(total.get(name, Fraction(0)), amount(text))
    return total


def _asked(container: Object, of: str) -> Object:
    resources = container.get("resources") or {}
    found: Object = dict(resources.get(of) or {})
    if of == "requests":
        for name, text in (resources.get("limits") or {}).items():
            found.setdefault(name, text)
    return found
