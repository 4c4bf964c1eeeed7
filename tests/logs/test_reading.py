"""A log is read as a stream: whatever the chunks, the lines and their numbers are the same, and memory is bounded."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs.corpus import ORDINARY, SIGNATURES, TROUBLE
from tools.logs import reading as reading_module
from tools.logs.reading import LogReading
from tools.logs.signatures import compile_signatures

SIGNED = compile_signatures(SIGNATURES)
NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)

Told = list[tuple[int, bytes, tuple[int, ...], tuple[str, ...]]]


def told(chunks: list[bytes]) -> tuple[Told, LogReading]:
    reading = LogReading(SIGNED)
    lines = [(one.number, one.raw, one.signatures, one.passage().lines) for one in reading.hits(chunks)]
    return lines, reading


def mixed(times: int) -> bytes:
    parts = [line for n in range(times) for line in (*ORDINARY, TROUBLE[n % len(TROUBLE)], "  File x", "    at y")]
    return "\n".join(parts).encode()


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=12), window=st.sampled_from([256, 1_024, 5_000]))
def test_hits_are_the_same_however_the_stream_is_cut(cuts: list[int], window: int) -> None:
    text = mixed(60)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[start:end] for start, end in itertools.pairwise(edges)]
    whole, reading = told([text])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading_module, "WINDOW_BYTES", window)
        patched.setattr(reading_module, "AROUND_BYTES", 400)
        pieces, streamed = told(chunks)
    assert pieces == whole
    assert (streamed.lines, streamed.size) == (reading.lines, reading.size) == (text.count(b"\n") + 1, len(text))


@pytest.mark.parametrize("text", [b"", b"\n", b"\n\n\n", b"x"])
def test_nothing_is_found_when_there_is_nothing(text: bytes) -> None:
    lines, reading = told([text])
    assert not lines
    assert reading.lines == len(text.splitlines())


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n"])
def test_last_line_is_read_when_it_ends_or_not(tail: bytes) -> None:
    lines, reading = told([b"ok\nno space left on device" + tail])
    assert [(number, found) for number, _, found, _ in lines] == [(2, (13,))]
    assert lines[0][3] == ("no space left on device",)
    assert reading.lines == 2


def test_bytes_are_matched_when_they_are_no_text() -> None:
    lines, _ = told([b"\xff\xfe\x00caf\xe9 connection refused \x80\n\0\0\0\nSIGSEGV\0"])
    assert [number for number, *_ in lines] == [1, 3]
    assert lines[0][3] == ("\ufffd\ufffd\0caf\ufffd connection refused \ufffd",)


def test_line_of_megabytes_is_matched_whole_and_shown_in_part() -> None:
    text = b"first\n" + b"y" * 3_000_000 + b" connection refused by peer " + b"z" * 3_000_000 + b"\nlast SIGSEGV\n"
    lines, _ = told([text])
    assert [(number, found) for number, _, found, _ in lines] == [(2, (1,)), (3, (16,))]
    assert lines[0][3] == ("...connection refused by peer...",)


def test_line_longer_than_memory_allows_is_matched_in_pieces_and_that_is_said() -> None:
    def stream() -> Iterator[bytes]:
        yield b"first\n"
        for number in range(40):
            yield b"y" * 499_990 + (b" SIGSEGV " if number == 20 else b"yyyyyyyyy")
        yield b"\nlast ECONNREFUSED\n"

    reading = LogReading(SIGNED)
    tracemalloc.start()
    found = [(line.number, line.signatures) for line in reading.hits(stream())]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(2, (16,)), (3, (1,))]
    assert reading.cuts == [f"line 2 is longer than {reading_module.PIECE_BYTES} bytes and was matched in pieces"]
    assert peak < 40_000_000


def test_progress_bar_shows_what_stands_around_the_hit() -> None:
    bar = b"".join(b"\rDownloading %d%%" % n for n in range(100))
    lines, _ = told([b"start\n" + bar + b"\rconnection refused at 99%\r100%\nend\n"])
    assert lines[0][0] == 2
    assert lines[0][3] == ("...connection refused at 99%...",)


def test_time_is_that_of_the_line_or_of_the_nearest_before_it() -> None:
    text = b"2026-01-02T12:00:05Z ERROR it failed\nTraceback (most recent call last):\n  File x\nTypeError: bad\n"
    lines = list(LogReading(SIGNED).hits([text]))
    assert [line.at(NOW) for line in lines] == [datetime(2026, 1, 2, 12, 0, 5, tzinfo=UTC)]
    assert list(LogReading(SIGNED).hits([b"SIGSEGV\n"]))[0].at(NOW) is None  # noqa: RUF015


def test_groups_are_those_of_the_line() -> None:
    line = next(iter(LogReading(SIGNED).hits([b"ok\nlookup db.prod on 10.0.0.1:53: no such host\n"])))
    assert line.groups(6) == {b"host": b"db.prod"}
