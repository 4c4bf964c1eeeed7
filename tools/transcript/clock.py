"""When each output was taken: ages are told back from there, so that an old paste is judged as of its moment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from tools.transcript.sections import Section
from tools.transcript.times import ZONED, time_in, zone_named

# Times that lie ahead by their nature say nothing about when the paste was taken.
_AHEAD = re.compile(r"not\s?after|expir|valid until|renewal|next |deadline|有效期|过期", re.IGNORECASE)
_UNZONED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_FAR = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Timeline:
    """``moments`` has one time for each section; ``taken_at`` is the last. ``is_told`` is false when no output has a time."""

    moments: tuple[datetime, ...]
    taken_at: datetime
    zone: tzinfo
    is_told: bool


def read_timeline(sections: Sequence[Section], fallback: datetime, is_zh: bool) -> Timeline:
    """Time runs forward through a paste: each output is at least as late as the latest time that it, or one before it, tells."""
    latest: list[datetime | None] = []
    zones: Counter[tzinfo] = Counter()
    for section in sections:
        found = None
        for line in section.lines:
            if ":" not in line or not line or (line.count(":") < 2 and "T" not in line):
                continue
            for match in ZONED.finditer(line[:2_000]):
                zone = zone_named(match.group(1) or match.group(2), UTC)
                if zone != UTC:
                    zones[zone] += 1
                at = time_in(match.group(0), zone)
                if (
                    at is not None
                    and (found is None or at > found)
                    and at < fallback + _FAR
                    and not _AHEAD.search(line[: match.start()])
                ):
                    found = at
        latest.append(found)
    zone = zones.most_common(1)[0][0] if zones else timezone(timedelta(hours=8)) if is_zh else UTC
    if not any(latest):
        latest = [_unzoned(section, zone, fallback) for section in sections]
    return _running(latest, fallback, zone)


def _unzoned(section: Section, zone: tzinfo, fallback: datetime) -> datetime | None:
    """Times without an offset, where no other are told."""
    times = [
        at
        for line in section.lines
        if (found := _UNZONED.search(line))
        and not _AHEAD.search(line[: found.start()])
        and (at := time_in(found.group(), zone))
    ]
    return max((at for at in times if at < fallback + _FAR), default=None)


def _running(latest: Sequence[datetime | None], fallback: datetime, zone: tzinfo) -> Timeline:
    told = [at for at in latest if at is not None]
    if not told:
        return Timeline(tuple(fallback for _ in latest), fallback, zone, is_told=False)
    moments: list[datetime] = []
    last = told[0]
    for at in latest:
        last = max(last, at) if at is not None else last
        moments.append(last)
    return Timeline(tuple(moments), last, zone, is_told=True)
