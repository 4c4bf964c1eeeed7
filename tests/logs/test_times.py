"""Times of the formats that are met in clusters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.logs.times import time_of_line

NOW = datetime(2026, 1, 3, 8, 0, tzinfo=UTC)
AT = datetime(2026, 1, 2, 12, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-02T12:30:05Z ERROR x",
        "2026-01-02T12:30:05.000000000Z stderr F x",
        "2026-01-02T20:30:05+08:00 x",
        "[2026-01-02T04:30:05-0800] x",
        "2026-01-02 12:30:05,000 - root - ERROR - x",
        "2026-01-02 12:30:05.000 UTC [71] FATAL:  x",
        "2026/01/02 12:30:05 [error] 31#31: *2 upstream timed out",
        "E0102 12:30:05.000000       1 reflector.go:127] x",
        "W20260102 12:30:05.000000  4321 server.cc:8] x",
        "Jan  2 12:30:05 gpu-1 kernel: NVRM: Xid",
        "<4>Jan  2 12:30:05 gpu-1 kernel: x",
        "INFO 01-02 12:30:05 llm_engine.py:70] x",
        '10.0.0.1 - - [02/Jan/2026:20:30:05 +0800] "GET / HTTP/1.1" 502 150',
        "1767357005000 x",
        "1767357005 x",
        "[1767357005.000] x",
        '{"level":"error","ts":1767357005.000,"msg":"x"}',
        '{"time":"2026-01-02T12:30:05Z","msg":"x"}',
        '{"msg":"x","@timestamp":"2026-01-02T12:30:05.000Z"}',
        '{"timestamp": 1767357005000000000, "msg": "x"}',
    ],
)
def test_time_is_read_when_the_format_is_known(line: str) -> None:
    assert time_of_line(line.encode(), NOW) == AT


@pytest.mark.parametrize(
    "line",
    [
        "",
        "request done",
        "2026-13-40T99:00:00Z x",
        "E1399 12:00:00.0 x",
        "Foo 12 12:00:00 x",
        "12:30:05 x",
        "9999999 x",
    ],
)
def test_no_time_is_read_when_there_is_none(line: str) -> None:
    assert time_of_line(line.encode(), NOW) is None


def test_time_without_a_year_is_of_last_year_when_that_day_is_still_to_come() -> None:
    assert time_of_line(b"I1231 23:59:59.000000 1 x] y", NOW) == datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    leap = time_of_line(b"Feb 29 10:00:00 host x: y", NOW)
    assert leap is None or (leap.month, leap.day) == (2, 29)


@given(st.binary(max_size=80))
def test_time_is_aware_or_none_when_bytes_are_any(line: bytes) -> None:
    found = time_of_line(line, NOW)
    assert found is None or found.utcoffset() is not None
