"""Ages, durations and absolute times as terminals print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

_UNITS = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_AGE = re.compile(r"(?:\d{1,7}(?:\.\d{1,6})?(?:y|w|d|h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[ywdhms])")
_MONTHS = {
    name: at
    for at, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_ZONES = {
    "UTC": 0.0, "GMT": 0.0, "Z": 0.0, "WET": 0.0, "BST": 1.0, "CET": 1.0, "CEST": 2.0, "EET": 2.0, "MSK": 3.0, "IST": 5.5,
    "HKT": 8.0, "SGT": 8.0, "JST": 9.0, "KST": 9.0, "AEST": 10.0, "EST": -5.0, "EDT": -4.0, "CDT": -5.0, "MST": -7.0,
    "MDT": -6.0, "PST": -8.0, "PDT": -7.0,
}  # fmt: skip
_RFC1123 = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)(?: ([+-]\d{4}|[A-Z]{1,4}))?"
)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:\s?(Z|[+-]\d\d:?\d\d|[A-Z]{3,4}\b))?"
)
_SYSLOG = re.compile(r"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)?")


@lru_cache(maxsize=4096)
def seconds_of(age: str) -> float | None:
    """``2m10s``, ``5d3h``, ``98s``: seconds; None for ``<unknown>`` and whatever is no age."""
    text = age.strip()
    if not _AGE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def before(now: datetime, age: str) -> datetime | None:
    seconds = seconds_of(age)
    if seconds is None:
        return None
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return None


def rfc3339(at: datetime | None) -> str | None:
    """As an API server writes it: UTC, whole seconds."""
    if at is None:
        return None
    try:
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError):
        return None


def zone_named(word: str | None, fallback: tzinfo) -> tzinfo:
    """An offset or a zone's name. ``CST`` is what the rest of the paste says, as half the world calls itself so."""
    if not word:
        return fallback
    if word[0] in "+-":
        hours, minutes = int(word[1:3]), int(word[-2:])
        total = timedelta(hours=hours, minutes=minutes)
        return timezone(-total if word[0] == "-" else total) if total < timedelta(hours=24) else fallback
    if word in _ZONES:
        return timezone(timedelta(hours=_ZONES[word]))
    return fallback


def _made(parts: tuple[int, ...], zone: tzinfo) -> datetime | None:
    try:
        return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError):
        return None


def time_in(text: str, zone: tzinfo = UTC) -> datetime | None:
    """The first absolute time in a text, in UTC; one without a zone is of ``zone``. None when there is none."""
    found = _RFC3339.search(text)
    if found:
        numbers = tuple(int(found.group(at)) for at in range(1, 7))
        return _made(numbers, zone_named(found.group(8), zone))
    found = _RFC1123.search(text)
    if found and (month := _MONTHS.get(found.group(2).lower())):
        day, year, *clock = (int(found.group(at)) for at in (1, 3, 4, 5, 6))
        return _made((year, month, day, *clock), zone_named(found.group(7), zone))
    return None


def syslog_time(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    """``Jan 10 17:00:31`` at the head of a line: the year is the one that makes it the latest time not after ``now``."""
    found = _SYSLOG.match(text)
    month = _MONTHS.get(found.group(1).lower()) if found else None
    if found is None or month is None:
        return None
    parts = tuple(int(found.group(at)) for at in (2, 3, 4, 5))
    year = now.astimezone(zone).year
    at = _made((year, month, *parts), zone)
    return _made((year - 1, month, *parts), zone) if at and at > now + timedelta(days=1) else at


def zoned_times(text: str) -> list[tuple[datetime, tzinfo]]:
    """All absolute times of a text that name their offset, with it."""
    found: list[tuple[datetime, tzinfo]] = []
    for match in ZONED.finditer(text):
        zone = zone_named(match.group(1) or match.group(2), UTC)
        at = time_in(match.group(0), zone)
        if at is not None:
            found.append((at, zone))
    return found


ZONED = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\s?(Z|[+-]\d\d:?\d\d)(?!\d)"
    r"|\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d ([+-]\d{4})"
)
