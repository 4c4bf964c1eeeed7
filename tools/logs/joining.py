"""Which lines belong together: a traceback, a panic with its goroutines, a stack of frames is one thing that happened.

Lines are judged by their bare text: without the time that the container runtime or the reader put in front, without a rank
(``[rank0]:``) or a worker's mark. A JSON line is one thing by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINES = 80
"""Of a block; a longer one keeps its first lines and those around the hit."""
MAX_BYTES = 16_384

_TRANSPORT_BYTES = (
    rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ?(?:(?:stdout|stderr) [FP] )?)?"
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w.@-]+(?:\[\d+\])?: )?"
    rb"(?:\[rank\d+\]: ?)?(?:\x1b\[\d+m)?(?:\((?:[A-Z]\w*(?: TP\d+)? pid=\d+|[\w.]+ pid=\d+(?:, ip=[\d.]+)?)\)(?:\x1b\[0m)? ?)?"
)
"""Kubernetes' time, CRI's stream, syslog's head, torch's rank, Ray's and vLLM's worker."""
_MARKS = (b"s", b"[", b"(", b"\x1b")
_TRANSPORT = re.compile(_TRANSPORT_BYTES)
_TRANSPORTS = re.compile(rb"^" + _TRANSPORT_BYTES, re.MULTILINE)

_OPENING = re.compile(
    rb"Traceback \(most recent call last\):|panic: |fatal error: |SIG[A-Z]+: |thread '[^']*' panicked at |\s*stack backtrace:"
    rb"|Exception in thread |(?:[a-z][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b|terminate called after "
)
_FOLLOWING = re.compile(
    rb"[ \t]+\S|\s*$|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|During handling of the above|The above exception was"
    rb"|Traceback \(most recent call last\):|goroutine \d+ \[|created by |\[signal |exit status \d|frame #\d+: "
    rb"|note: run with |stack backtrace:|Exception raised from |CUDA kernel errors might be "
    rb"|For debugging consider passing |Compile with `TORCH_USE_CUDA_DSA|Device-side assertion tracking|Last error:|ncclUnhandled"
    rb"|ncclSystem|ncclInternal|ncclInvalid|ncclRemote|what\(\): |\*{3} |@ +0x|#\d+ +0x|\^+$"
)
_EXCEPTION = re.compile(
    rb"(?:[A-Za-z_][\w$]*\.)*[A-Z_a-z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Timeout|Fault|Iteration)\b|[\w.]+: "
)
_LINKS = (b"During handling of the above", b"The above exception was")
_PANICKED = b"thread '"
_NCCL = re.compile(rb"(\S+:\d+:\d+) \[\d+\] [^ ]* ?NCCL ")
_OWN_HEAD = re.compile(
    rb"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:|[IWEF]\d{4,8} \d\d:|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b"
    rb"|\[\d{4}-|\[\w{3} \w{3} +\d|level=|time=|\{\""
)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, as places in the buffer: ``start`` to ``end`` without the last newline."""

    start: int
    end: int


def bare_start(line: bytes) -> int:
    """Where a line's own text begins."""
    if line[10:11] == b"T" and (space := line.find(b"Z ", 18, 40)) > 0:
        start = space + 2
        if line[start : start + 1] not in _MARKS and line[start + 3 : start + 4] != b" ":
            return start  # the common case: the cluster's time, and nothing else that is not the line's own
    found = _TRANSPORT.match(line)
    return found.end() if found else 0


def without_transport(text: bytes) -> bytes:
    """Every line's own text."""
    return _TRANSPORTS.sub(b"", text)


def block_around(data: bytes, start: int, end: int) -> Block:
    """The block that the line ``data[start:end]`` stands in."""
    line = _bare(data, start, end)
    if line.startswith((b"{", b"[{")) or _stands_alone(data, end, line):
        return Block(start, end)
    first, last = start, end
    least, most = max(0, start - MAX_BYTES), min(len(data), end + MAX_BYTES)
    lines = 1
    while lines < MAX_LINES and first > least:
        before = _line_before(data, first)
        if before < least or not _belongs(_bare(data, before, first - 1), line):
            break
        line, first, lines = _bare(data, before, first - 1), before, lines + 1
    line = _bare(data, max(start, data.rfind(b"\n", start, end) + 1), end)
    while lines < MAX_LINES and last + 1 < most:
        after = data.find(b"\n", last + 1, most)
        after = after if after >= 0 else (len(data) if most == len(data) else -1)
        if after < 0 or not _belongs(line, _bare(data, last + 1, after)):
            break
        line, last, lines = _bare(data, last + 1, after), after, lines + 1
    return Block(_after_blank(data, first, start), _without_blank(data, start, end, last))


def _stands_alone(data: bytes, end: int, line: bytes) -> bool:
    """The common case, seen at once: the line and the next begin like lines of their own."""
    if _OWN_HEAD.match(line) is None:
        return False
    after = data.find(b"\n", end + 1, end + 400)
    following = _bare(data, end + 1, after) if after > 0 else b""
    return following.startswith(b"{") or _OWN_HEAD.match(following) is not None


def _after_blank(data: bytes, first: int, start: int) -> int:
    while first < start:
        after = data.find(b"\n", first) + 1
        if _bare(data, first, after - 1).strip():
            break
        first = after
    return first


def _without_blank(data: bytes, start: int, end: int, last: int) -> int:
    """Blank lines join what stands on both sides of them, and are nothing at a block's end."""
    while last > end and not _bare(data, begin := max(start, data.rfind(b"\n", start, last) + 1), last).strip():
        last = begin - 1
    return last


def _line_before(data: bytes, start: int) -> int:
    return data.rfind(b"\n", 0, start - 1) + 1


def _bare(data: bytes, start: int, end: int) -> bytes:
    line = data[start : min(end, start + 400)]
    return line[bare_start(line) :]


def _belongs(before: bytes, line: bytes) -> bool:
    """Whether ``line`` goes on with what ``before`` is part of."""
    if line.startswith(b"{") or before.startswith(b"{"):
        return False
    if _OWN_HEAD.match(line) is not None:
        return False
    if _FOLLOWING.match(line) is not None:
        # A blank line ends ordinary talk, and joins only the parts of a trace.
        return bool(line.strip()) or before[:1] in (b" ", b"\t") or _is_trace(before)
    if _is_go_frame(line) and (before[:1] in (b" ", b"\t") or before.startswith((b"panic: ", b"goroutine ", b"["))):
        return True
    if before[:1] in (b" ", b"\t") or before.startswith(b"Traceback"):
        return _EXCEPTION.match(line) is not None
    if before.startswith(_PANICKED) and b"' panicked at " in before:
        return True
    if not before.strip():
        return _OPENING.match(line) is not None
    nccl, other = _NCCL.match(before), _NCCL.match(line)
    return nccl is not None and other is not None and nccl.group(1) == other.group(1)


def _is_trace(line: bytes) -> bool:
    return (
        _OPENING.match(line) is not None
        or line.startswith(_LINKS)
        or _EXCEPTION.match(line) is not None
        or _is_go_frame(line)
    )


def _is_go_frame(line: bytes) -> bool:
    name = line.split(b"(", 1)[0]
    return line.endswith(b")") and b"." in name and b" " not in name
