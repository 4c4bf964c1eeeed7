"""What is shown of a hit: its block of lines, redacted as strongly as if the whole log had been.

A secret may begin before the block (``password:`` on the line above, the head of a private key), go through the marks that the
container runtime puts in front of every line, or be cut by a bound. So the block is judged with its surroundings, once as it
stands and once without the marks, and a bound never falls inside a word.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.logs.joining import Block, bare_start, without_transport
from tools.redaction import may_be_secret, may_hold_secret, redact_text, secret_edits

SHOWN_LINE_BYTES = 2_000
"""Of one line around its hit; more is cut, and said."""
MARGIN_BYTES = 4_096
NEAR_BYTES = 400
"""So much before a part is looked at in any case: a name may stand some lines above its secret."""
KEY_BYTES = 16_384
"""The longest private key (8,192 bits of RSA, in PEM) is well below."""

_KEY_LINE = re.compile(rb"^[A-Za-z0-9+/=\\]{16,}\s*$")

Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Passage:
    """Redacted lines. ``left_out`` says what was cut from them, empty when nothing was."""

    lines: tuple[str, ...]
    left_out: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def passage_of(data: bytes, block: Block, hit: int) -> Passage:
    """The block's lines; of a line that is too long, what stands around ``hit`` (a place in it) or its beginning."""
    pieces, left_out = _pieces(data, block, hit)
    shown: list[str] = []
    for start, end, is_cut in pieces:
        text = _redacted(data, start, end)
        shown.extend(f"...{text}..." if is_cut else line for line in ([text] if is_cut else text.split("\n")))
    return Passage(tuple(line.rstrip("\r") for line in shown), left_out)


def _pieces(data: bytes, block: Block, hit: int) -> tuple[list[tuple[int, int, bool]], str]:
    """Places to show: the block in one piece, unless it has lines that are too long or rewritten by carriage returns."""
    if block.end - block.start <= SHOWN_LINE_BYTES and data.find(b"\r", block.start, block.end - 1) < 0:
        return [(block.start, block.end, False)], ""
    pieces: list[tuple[int, int, bool]] = []
    hidden = 0
    start = block.start
    while start <= block.end:
        end = data.find(b"\n", start, block.end)
        end = block.end if end < 0 else end
        middle = hit if start <= hit <= end else start
        begin, stop = _last_written(data, start, end, middle)
        if stop - begin > SHOWN_LINE_BYTES:
            begin, stop = _around(data, begin, stop, middle)
        hidden += (begin - start) + (end - stop)
        is_cut = (begin, stop) != (start, end)
        if pieces and not is_cut and not pieces[-1][2]:
            pieces[-1] = (pieces[-1][0], end, False)
        else:
            pieces.append((begin, stop, is_cut))
        start = end + 1
    return pieces, f"{hidden} bytes of long lines" if hidden else ""


def _last_written(data: bytes, start: int, end: int, middle: int) -> tuple[int, int]:
    """The part between carriage returns around the place: a progress bar rewrites its line again and again."""
    end_text = end - 1 if end > start and data[end - 1 : end] == b"\r" else end
    begin = data.rfind(b"\r", start, min(middle, end_text)) + 1 or start
    stop = data.find(b"\r", min(middle, end_text), end_text)
    return begin, stop if stop >= 0 else end_text


def _around(data: bytes, start: int, end: int, middle: int) -> tuple[int, int]:
    """At most SHOWN_LINE_BYTES around the place, without the words that the bounds cut through."""
    half = SHOWN_LINE_BYTES // 2
    begin = max(start, min(middle - half, end - SHOWN_LINE_BYTES))
    stop = min(end, begin + SHOWN_LINE_BYTES)
    if begin > start:
        space = data.find(b" ", begin - 1, middle)
        begin = space + 1 if space >= 0 else middle
    if stop < end:
        space = data.rfind(b" ", middle, stop + 1)
        stop = space if space >= 0 else min(middle, stop)
    return begin, max(begin, stop)


def _redacted(data: bytes, start: int, end: int) -> str:
    low, high = _surroundings(data, start, end)
    around = data[low:high]
    if not may_hold_secret(around):
        return data[start:end].decode("utf-8", "replace")
    bare = without_transport(around)
    if not may_be_secret(around) and not may_be_secret(bare):
        return data[start:end].decode("utf-8", "replace")
    window = around.decode("utf-8", "replace")
    head = len(data[low:start].decode("utf-8", "replace"))
    tail = head + len(data[start:end].decode("utf-8", "replace"))
    if len(window) < tail:  # a character stands across a bound: judge the part alone, too
        return redact_text(redact_text(window)[head:])
    edits = list(secret_edits(window))
    if len(bare) < len(around) and any(True for _ in secret_edits(bare.decode("utf-8", "replace"))):
        edits = _merged([*edits, *_bare_edits(window)])
    return redact_text(_applied(window, edits, head, tail)) if edits else window[head:tail]


def _surroundings(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The part and at least a line before and after it, as far as the bounds go; of a private key, its beginning."""
    before = data.rfind(b"\n", 0, max(start - 1, 0))
    low = max(min(before, data.rfind(b"\n", 0, max(start - NEAR_BYTES, 0))) + 1, start - MARGIN_BYTES, 0)
    stop = data.find(b"\n", start, end)
    if b" " not in data[max(start, (stop if stop >= 0 else end) - 16) : stop if stop >= 0 else end]:
        first = data[start : stop if stop >= 0 else min(end, start + 200)]
        if _KEY_LINE.match(first[bare_start(first) :]):
            begin = data.rfind(b"-----BEGIN", max(0, start - KEY_BYTES), start)
            low = min(low, begin) if begin >= 0 else low
    high = data.find(b"\n", end + 1, end + MARGIN_BYTES)
    return low, high if high >= 0 else min(len(data), end + MARGIN_BYTES)


def _bare_edits(window: str) -> Iterable[Edit]:
    """Edits found in the text without what the runtime put in front of its lines, at their places in the text with it."""
    starts: list[int] = []
    places: list[int] = []
    pieces: list[str] = []
    at = size = 0
    for line in window.splitlines(keepends=True):
        skipped = len(line.encode()[: bare_start(line.encode())].decode("utf-8", "replace"))
        starts.append(size)
        places.append(at + skipped)
        pieces.append(line[skipped:])
        size += len(line) - skipped
        at += len(line)
    if at == size:
        return
    for begin, stop, marked in secret_edits("".join(pieces)):
        yield _placed(begin, starts, places), _placed(stop - 1, starts, places) + 1, marked


def _placed(position: int, starts: Sequence[int], places: Sequence[int]) -> int:
    line = bisect_right(starts, position) - 1
    return places[line] + position - starts[line]


def _merged(edits: Sequence[Edit]) -> list[Edit]:
    """In order; of those that overlap, one over all their places, with the words of the widest."""
    merged: list[Edit] = []
    for start, end, marked in sorted(edits):
        if merged and start < merged[-1][1]:
            before = merged[-1]
            words = before[2] if before[1] - before[0] >= end - start else marked
            merged[-1] = (before[0], max(before[1], end), words)
        else:
            merged.append((start, end, marked))
    return merged


def _applied(window: str, edits: Sequence[Edit], head: int, tail: int) -> str:
    """The window's part from ``head`` to ``tail`` with the edits that touch it."""
    pieces: list[str] = []
    done = head
    for start, end, marked in edits:
        if end <= head or start >= tail:
            continue
        pieces += [window[done : max(start, head)], marked]
        done = min(end, tail)
    pieces.append(window[done:tail])
    return "".join(pieces)
