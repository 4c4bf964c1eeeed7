"""Zones of people's clocks, by their IANA names."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@cache
def zone_named(name: str) -> ZoneInfo:
    """The zone; UTC for a name that this machine does not know: a wrong zone must not keep a notice or a picture back."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def is_zone(name: str) -> bool:
    return name == "UTC" or zone_named(name).key == name
