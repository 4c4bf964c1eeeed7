"""When a place had better not be told anything. Reckoned in moments, not in wall clocks: on the night when the clock goes back
an hour that comes twice is quiet once, and on the night when it goes forward nobody waits for an hour that never comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from api.figures.zones import zone_named
from api.notices.contract import Notice
from api.notices.options import WEEK, QuietHours

_MOST_IN_A_ROW = 30


def told_at(notice: Notice, quiet: Sequence[QuietHours], at: datetime) -> datetime:
    """``at``, or when the quiet hours that it falls into have ended (those of a weekend follow on each other)."""
    if notice.is_page:
        return at
    holding = [hours for hours in quiet if notice.severity not in hours.breaks_through]
    for _ in range(_MOST_IN_A_ROW):
        ends = [end for hours in holding for end in [quiet_until(hours, at)] if end is not None]
        if not ends:
            break
        at = max(ends)
    return at


def quiet_until(hours: QuietHours, at: datetime) -> datetime | None:
    """When the quiet period that ``at`` lies in ends (UTC); None when it lies in none."""
    for starts, ends in _periods(hours, at):
        if starts <= at < ends:
            return ends
    return None


def _periods(hours: QuietHours, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Those that begin on the local day of ``at`` or on one of the two before it."""
    zone = zone_named(hours.zone)
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=2), today - timedelta(days=1), today):
        if WEEK[day.weekday()] not in hours.days:
            continue
        last = day if hours.ends > hours.starts else day + timedelta(days=1)
        starts = datetime.combine(day, hours.starts, zone).astimezone(UTC)
        yield starts, datetime.combine(last, hours.ends, zone).astimezone(UTC)
