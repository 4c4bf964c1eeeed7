"""When a line was written, as its own text tells. Asked only around hits.

A time without a zone is UTC (containers and nodes of clusters run so); one without a year is the last such day that is not
after ``now``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

HEAD_BYTES = 512
"""A time stands near the beginning of its line, JSON logs included."""

_MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}

_LEADING = re.compile(
    rb"[\[(\"']?(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ?(Z|[+-]\d\d:?\d\d\b|UTC\b)?"
)
"""RFC 3339, Python logging (``,123``), Go's log, nginx's error log, logback."""
_KLOG = re.compile(rb"[IWEF](\d{4})?(\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{1,9})\b")
"""klog and glog: no year, or (newer glog) with one."""
_SYSLOG = re.compile(rb"(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\b")
_ACCESS = re.compile(rb"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]")
"""nginx's and Apache's access logs, anywhere in the line."""
_SHORT = re.compile(rb"(?:[A-Z]+ )?(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?\b")
"""``INFO 01-02 12:00:00``: vLLM and others: no year."""
_EPOCH = re.compile(rb"[\[(]?(1[5-9]\d{8}|2[0-2]\d{8})(?:(\d{3})(?:\d{3}){0,2}|\.(\d{1,9}))?\b")
_JSON = re.compile(
    rb'"(?:@timestamp|timestamp|time|ts|date|eventTime|asctime|t)" ?: ?(?:"([^"]{8,40})"|(\d{10,19}(?:\.\d+)?))'
)


def time_of_line(line: bytes, now: datetime) -> datetime | None:
    """Aware, UTC; None when the line tells none. Never raises: a time that is none (month 13) is no time."""
    head = line[:HEAD_BYTES]
    for read in _READERS:
        try:
            found = read(head, now)
        except (ValueError, OverflowError, OSError):
            continue
        if found is not None:
            return found
    return None


def _leading(head: bytes, now: datetime) -> datetime | None:  # noqa: ARG001 - the readers' shape
    found = _LEADING.match(head)
    if found is None:
        return None
    year, month, day, hour, minute, second, part, zone = found.groups()
    moment = _moment(int(year), int(month), int(day), hour, minute, second, part)
    return moment - _offset(zone) if zone not in (None, b"Z", b"UTC") else moment


def _offset(zone: bytes) -> timedelta:
    digits = zone[1:].replace(b":", b"")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone.startswith(b"-") else offset


def _klog(head: bytes, now: datetime) -> datetime | None:
    found = _KLOG.match(head)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    if year:
        return _moment(int(year), int(month), int(day), *clock)
    return _this_year(int(month), int(day), clock, now)


def _syslog(head: bytes, now: datetime) -> datetime | None:
    found = _SYSLOG.match(head)
    if found is None or found.group(1) not in _MONTHS:
        return None
    return _this_year(_MONTHS[found.group(1)], int(found.group(2)), list(found.groups()[2:]), now)


def _short(head: bytes, now: datetime) -> datetime | None:
    found = _SHORT.match(head)
    return _this_year(int(found.group(1)), int(found.group(2)), list(found.groups()[2:]), now) if found else None


def _access(head: bytes, now: datetime) -> datetime | None:  # noqa: ARG001 - the readers' shape
    found = _ACCESS.search(head)
    if found is None or found.group(2) not in _MONTHS:
        return None
    day, month, year, hour, minute, second, zone = found.groups()
    return _moment(int(year), _MONTHS[month], int(day), hour, minute, second, None) - _offset(zone)


def _epoch(head: bytes, now: datetime) -> datetime | None:  # noqa: ARG001 - the readers' shape
    found = _EPOCH.match(head)
    if found is None:
        return None
    seconds, milliseconds, fraction = found.groups()
    part = float(b"0." + (milliseconds or fraction)) if milliseconds or fraction else 0.0
    return datetime.fromtimestamp(int(seconds) + part, tz=UTC)


def _json(head: bytes, now: datetime) -> datetime | None:
    if b"{" not in head[:80]:
        return None
    found = _JSON.search(head)
    if found is None:
        return None
    text, number = found.groups()
    return _leading(text, now) if text is not None else _epoch(number, now)


def _moment(year: int, month: int, day: int, hour: bytes, minute: bytes, second: bytes, part: bytes | None) -> datetime:
    micros = int((part or b"0").ljust(6, b"0")[:6])
    # A leap second is the last moment of its minute: datetime knows none.
    return datetime(year, month, day, int(hour), int(minute), min(int(second), 59), micros, tzinfo=UTC)


def _this_year(month: int, day: int, clock: list[bytes], now: datetime) -> datetime:
    hour, minute, second, part = clock
    for year in (now.year + 1, now.year, now.year - 1, now.year - 4):
        try:
            found = _moment(year, month, day, hour, minute, second, part)
        except ValueError:  # 29 February
            continue
        if found <= now + timedelta(days=1):
            return found
    raise ValueError("no such day")


_READERS: tuple[Callable[[bytes, datetime], datetime | None], ...] = (
    _leading, _klog, _json, _syslog, _epoch, _short, _access,
)  # fmt: skip
