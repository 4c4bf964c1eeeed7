"""Amounts as Kubernetes writes them (``500m``, ``1Gi``), as numbers that can be compared."""

from __future__ import annotations

import re
from typing import Any

AMOUNT = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$")
FACTORS = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def amount(value: Any) -> float | None:
    """Cores, bytes or pieces; None for what is no amount."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    found = AMOUNT.match(value.strip()) if isinstance(value, str) else None
    return float(found.group(1)) * FACTORS[found.group(2) or ""] if found else None


__all__ = ["amount"]
