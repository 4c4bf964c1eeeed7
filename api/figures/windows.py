"""The time that a report is about, and the weeks and days in it, by the calendar of a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from api.figures.zones import zone_named
from knowledge.errors import BadInput
from knowledge.vocabulary import Noun

_FIRST_YEAR, _LAST_YEAR = 2000, 2200
LONGEST = timedelta(days=732)
_AGE = re.compile(r"([0-9]{1,4})\s*(h|d|w)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Window(Noun):
    """``since`` is included, ``until`` is not. ``zone`` is whose weeks and days these are."""

    since: datetime
    until: datetime
    zone: str = "UTC"

    def week_of(self, at: datetime) -> datetime:
        """When the week of that moment began: on Monday, at the zone's midnight."""
        day = at.astimezone(zone_named(self.zone)).date()
        return self._midnight(day - timedelta(days=day.weekday()))

    def day_of(self, at: datetime) -> datetime:
        return self._midnight(at.astimezone(zone_named(self.zone)).date())

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), zone_named(self.zone)).astimezone(UTC)


def window_of(since: datetime | None, until: datetime | None, now: datetime, zone: str = "UTC") -> Window:
    """Thirty days until now where nothing else is said. BadInput for one that ends before it begins, or is longer than two
    years."""
    end = now if until is None else _aware(until)
    begin = end - timedelta(days=30) if since is None else _aware(since)
    if begin >= end:
        raise BadInput("the time ends before it begins", next_step="give a `since` that lies before `until`")
    if end - begin > LONGEST:
        raise BadInput("a report covers two years at most", next_step="ask for a shorter time")
    return Window(since=begin, until=end, zone=zone_named(zone).key)


def _aware(at: datetime) -> datetime:
    """In UTC; a time without a zone is taken for it. BadInput for one that no incident can have."""
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise BadInput(f"the year {at.year} is none that incidents happen in", next_step="give a time of these years")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def moment_of(told: str, now: datetime) -> datetime:
    """``30d``, ``12h``, ``4w``, or a time (``2026-03-01``). BadInput for anything else."""
    found = _AGE.fullmatch(told.strip())
    if found:
        return now - int(found[1]) * _UNITS[found[2]]
    try:
        at = datetime.fromisoformat(told.strip())
    except ValueError:
        raise BadInput(
            f"{told!r} is neither an age nor a time", next_step="for example 30d, 12h or 2026-03-01"
        ) from None
    return _aware(at)
