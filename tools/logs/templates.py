"""What a log says that it did not say before: lines mined into templates, and counted before and after a moment.

Apart from matching: no signature is needed to notice a new kind of error, only to know what it means. Mining is costly, so it
works on a bounded sample in bounded time, and what was left out is told.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

import re2

from tools.logs.joining import bare_start
from tools.logs.patterns import latin_options
from tools.logs.times import time_of_line
from tools.redaction import redact_text

if TYPE_CHECKING:
    from drain3.drain import Drain

MAX_LINES = 20_000
MAX_SECONDS = 0.5
MAX_LINE = 400
"""Characters of a line that are mined: a template is told by its beginning."""
MIN_BEFORE = 10
"""So many lines before the moment are needed to call anything new: of a log that just began, everything is."""
TIMES_MORE = 3.0
WIDTH = 3.0
"""How many standard deviations of a count (its square root) a change of rate has to be."""

ERRORISH = (
    r"(?m)(?:^|[\s\[\"'=:|(])(?:ERROR|ERR|FATAL|CRITICAL|CRIT|PANIC|SEVERE|EMERG|ALERT)(?:$|[\s\]\"',:|)])"
    r"|\blevel[\"']?[=:] ?[\"']?(?:error|fatal|critical|panic|dpanic)\b"
    r"|\bseverity[\"']?: ?[\"']?(?:ERROR|CRITICAL|ALERT|EMERGENCY)|\[(?:error|crit|alert|emerg)\]"
    r"|(?:^|Z |[FP] )(?:[EF]\d{4} |panic: |Traceback |[\w.]*(?:Error|Exception): )"
)
"""Lines of a level that says so, in the ways that loggers write it, and the lines that exceptions and panics begin or end with."""
SAMPLED_TIMES = 60
"""Times that are read of one log to tell which minutes it speaks of."""
TIME_LINES = 20
_LEADING_TIME = re.compile(
    r"^[\[(]?(?:\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} +\d+ [\d:]+|\d{13}|\d\d:\d\d:\d\d[.,\d]*)[\])]? *"
)
_VARIABLE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{7,}\b|\d+(?:[.:]\d+)*|(?<=')[^']{1,80}(?=')"
)

Change = Literal["new", "risen", "fallen"]


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A template whose lines began, or came more or less often, after the moment. All texts are redacted."""

    change: Change
    template: str
    examples: tuple[str, ...]
    before: int
    after: int
    first_at: datetime | None
    """Of its lines after the moment."""


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """``left_out`` says what was not mined, empty when everything was. ``is_comparable``: enough was said before to judge."""

    changes: tuple[TemplateChange, ...] = ()
    lines: int = 0
    left_out: str = ""
    is_comparable: bool = False


@dataclass(slots=True)
class _Template:
    text: str
    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)
    first_at: datetime | None = None
    examples: list[str] = field(default_factory=list)


def template_news(
    logs: Iterable[bytes],
    since: datetime,
    now: datetime,
    *,
    only: str = ERRORISH,
    max_lines: int = MAX_LINES,
    max_seconds: float = MAX_SECONDS,
) -> TemplateNews:
    """What changed at ``since`` in logs of one kind (the replicas of a workload). ``only``: an RE2 expression of the lines that
    are mined, empty for all; that a log spoke before is judged by all its lines. The newest lines are mined first."""
    run = _Mining(since, now, only, max_lines, time.monotonic() + max_seconds)
    for text in logs:
        run.read(text)
    if run.lines_before < MIN_BEFORE:
        return TemplateNews(lines=run.mined, left_out=run.left_out)
    spans = run.minutes_before, run.minutes_after
    changes = [change for one in run.templates.values() if (change := _change_of(one, *spans)) is not None]
    order: Sequence[Change] = ("new", "risen", "fallen")
    changes.sort(key=lambda one: (order.index(one.change), -one.after))
    return TemplateNews(tuple(changes), run.mined, run.left_out, is_comparable=True)


class _Mining:
    def __init__(self, since: datetime, now: datetime, only: str, max_lines: int, until: float) -> None:
        self._since, self._now = since, now
        self._only = re2.compile(only.encode(), latin_options()) if only else None
        self._max_lines, self._until = max_lines, until
        self._miner = _new_miner()
        self.templates: dict[int, _Template] = {}
        self.mined = self.lines_before = 0
        self._minutes: set[int] = set()
        self._skipped = 0

    @property
    def left_out(self) -> str:
        return f"{self._skipped} older lines" if self._skipped else ""

    @property
    def minutes_before(self) -> list[int]:
        edge = _minute(self._since)
        return list(range(min(self._minutes), edge)) if self._minutes and min(self._minutes) < edge else []

    @property
    def minutes_after(self) -> list[int]:
        edge = _minute(self._since)
        return list(range(edge, max(self._minutes) + 1)) if self._minutes and max(self._minutes) >= edge else []

    def read(self, text: bytes) -> None:
        starts = _line_starts(text)
        self._note_times(text, starts)
        chosen = starts if self._only is None else _starts_of(self._only, text)
        for number, start in enumerate(reversed(chosen)):
            if self.mined >= self._max_lines or time.monotonic() > self._until:
                self._skipped += len(chosen) - number
                return
            line = _line_at(text, start)
            at = _time_at(text, start, self._now)
            if line and at is not None:
                self._minutes.add(_minute(at))
                self.mined += 1
                self._mine(_own_text(line), at)

    def _note_times(self, text: bytes, starts: Sequence[int]) -> None:
        """Which minutes the log speaks of, and about how many of its lines came before the moment."""
        step = max(1, len(starts) // SAMPLED_TIMES)
        for start in {*starts[::step], *starts[-1:]}:
            at = time_of_line(_line_at(text, start)[:600], self._now)
            if at is not None:
                self._minutes.add(_minute(at))
                self.lines_before += step if at < self._since else 0

    def _mine(self, line: bytes, at: datetime) -> None:
        told = redact_text(line[:MAX_LINE].decode("utf-8", "replace"))
        cluster, _ = self._miner.add_log_message(_VARIABLE.sub("<*>", told))
        entry = self.templates.setdefault(cluster.cluster_id, _Template(""))
        entry.text = cluster.get_template()
        if at < self._since:
            entry.before[_minute(at)] += 1
            return
        entry.after[_minute(at)] += 1
        entry.first_at = at if entry.first_at is None else min(at, entry.first_at)
        if len(entry.examples) < 3 and told not in entry.examples:
            entry.examples.append(told)


def _new_miner() -> Drain:
    from drain3.drain import Drain

    miner: Drain = Drain(depth=4, sim_th=0.6, max_clusters=2_000, parametrize_numeric_tokens=True)
    return miner


def _line_starts(text: bytes) -> list[int]:
    starts = [0] if text else []
    start = text.find(b"\n") + 1
    while 0 < start < len(text):
        starts.append(start)
        start = text.find(b"\n", start) + 1
    return starts


def _starts_of(expression: Any, text: bytes) -> list[int]:
    """Where lines begin in which the expression matches."""
    starts: list[int] = []
    here = 0
    while here < len(text) and (match := expression.search(text, here)):
        start = text.rfind(b"\n", 0, max(match.end() - 1, 0)) + 1
        starts.append(start)
        here = text.find(b"\n", start)
        here = here + 1 if here >= 0 else len(text)
    return starts


def _line_at(text: bytes, start: int) -> bytes:
    end = text.find(b"\n", start)
    return text[start : min(end if end >= 0 else len(text), start + 4 * MAX_LINE)].strip()


def _time_at(text: bytes, start: int, now: datetime) -> datetime | None:
    """Of the line, or (a traceback's) of the nearest line before it that tells one."""
    for _ in range(TIME_LINES):
        at = time_of_line(_line_at(text, start)[:600], now)
        if at is not None or start == 0:
            return at
        start = text.rfind(b"\n", 0, start - 1) + 1
    return None


def _own_text(line: bytes) -> bytes:
    bare = line[bare_start(line) :]
    head = bare[:60].decode("latin-1")
    found = _LEADING_TIME.match(head)
    return bare[found.end() :] if found else bare


def _minute(at: datetime) -> int:
    return int(at.timestamp() // 60)


def _change_of(one: _Template, before: Sequence[int], after: Sequence[int]) -> TemplateChange | None:
    change = _kind_of_change(one, before, after)
    if change is None:
        return None
    return TemplateChange(
        change, one.text, tuple(one.examples), sum(one.before.values()), sum(one.after.values()), one.first_at
    )


def _kind_of_change(one: _Template, before: Sequence[int], after: Sequence[int]) -> Change | None:
    """By the middle count of a minute, which one burst does not move."""
    if not one.before:
        return "new" if one.after else None
    if len(before) < 3 or len(after) < 3:
        return None
    was = median(one.before[minute] for minute in before)
    now = median(one.after[minute] for minute in after)
    if now >= TIMES_MORE * max(was, 1.0) and now - was > WIDTH * max(was, 1.0) ** 0.5:
        return "risen"
    return "fallen" if was >= TIMES_MORE * max(now, 1.0) and was - now > WIDTH * max(now, 1.0) ** 0.5 else None


__all__ = ["ERRORISH", "TemplateChange", "TemplateNews", "template_news"]
