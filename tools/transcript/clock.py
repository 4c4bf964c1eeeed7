"""When each output was taken: ages are told back from there, so that an old paste is judged as of its moment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from tools.transcript.anchors import anchors_of
from tools.transcript.sections import Section
from tools.transcript.times import ZONED, time_in, zone_named

# Times that lie ahead by their nature say nothing about when the paste was taken.
_AHEAD = re.compile(r"not\s?after|expir|valid until|renewal|next |deadline|有效期|过期", re.IGNORECASE)
_UNZONED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_FAR = timedelta(days=400)
_NEAR = timedelta(hours=1)
_SAME_LOOK = timedelta(minutes=15)


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
    exact = anchors_of(sections, zone)
    return _running(_without_strays(sections, latest, exact), exact, fallback, zone)


def _without_strays(
    sections: Sequence[Section], latest: Sequence[datetime | None], exact: Sequence[datetime | None]
) -> list[datetime | None]:
    """The cluster's own outputs say when the paste was taken. Logs and hosts run on: what they say hours later is of another
    look, put beside it."""
    core = [
        moment
        for section, at, anchor in zip(sections, latest, exact, strict=True)
        if (moment := anchor or at) is not None and _is_core(section)
    ]
    limit = max(core) + _SAME_LOOK if core else None
    return [None if at is not None and limit is not None and at > limit else at for at in latest]


def _is_core(section: Section) -> bool:
    command = section.command
    return command is None or (command.is_kubectl and command.verb in {"get", "describe", "events", "top"})


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


def _running(
    latest: Sequence[datetime | None], exact: Sequence[datetime | None], fallback: datetime, zone: tzinfo
) -> Timeline:
    """Times that outputs tell are the least that it was; where an age and a creation name the moment itself, that holds.
    An output before all others was taken a little before the next that is known."""
    told = [at for at in latest if at is not None]
    if not told:
        return Timeline(tuple(fallback for _ in latest), fallback, zone, is_told=False)
    moments: list[datetime | None] = []
    last: datetime | None = None
    for at, anchor in zip(latest, exact, strict=True):
        known = [one for one in (last, anchor if anchor is not None else at) if one is not None]
        last = max(known) if known else None
        moments.append(last)
    first = next((at for at in exact if at is not None), None)
    start = next((at for at in moments if at is not None), fallback)
    settled: list[datetime] = []
    for moment, anchor in zip(moments, exact, strict=True):
        is_before_all = anchor is None and not settled
        if first is not None and is_before_all and (moment is None or first - moment < _NEAR):
            settled.append(first)
        else:
            settled.append(moment or start)
    running = settled[0]
    forward: list[datetime] = []
    for one in settled:
        running = max(running, one)
        forward.append(running)
    return Timeline(tuple(forward), running, zone, is_told=True)
