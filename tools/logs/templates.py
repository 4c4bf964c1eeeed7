"""What a log says that it did not say before: lines mined into templates, and counted before and after a moment.

Apart from matching: no signature is needed to notice a new kind of error, only to know what it means. Mining is costly, so it
works on a bounded sample in bounded time, and what was left out is told.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Literal

from tools.logs.joining import bare_start
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

ERRORISH = re.compile(
    rb"(?:^|[\s\[\"'=:|(])(?:ERROR|ERR|FATAL|CRITICAL|CRIT|PANIC|SEVERE|EMERG|ALERT)(?:$|[\s\]\"',:|)])"
    rb"|\blevel[\"']?[=:] ?[\"']?(?:error|fatal|critical|panic|dpanic)\b|\bseverity[\"']?: ?[\"']?(?:ERROR|CRITICAL|ALERT|EMERGENCY)"
    rb"|^[EF]\d{4} |^panic: |^Traceback |^[\w.]*(?:Error|Exception): |\[(?:error|crit|alert|emerg)\]"
)
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
    only: re.Pattern[bytes] | None = ERRORISH,
    max_lines: int = MAX_LINES,
    max_seconds: float = MAX_SECONDS,
) -> TemplateNews:
    """What changed at ``since`` in logs of one kind (the replicas of a workload). ``only``: which lines are mined; that a log
    spoke before is judged by all its lines. The newest lines are mined first."""
    run = _Mining(since, now, only, max_lines, time.monotonic() + max_seconds)
    for text in logs:
        run.read(text)
    if run.before_lines < MIN_BEFORE:
        return TemplateNews(lines=run.mined, left_out=run.left_out)
    spans = run.minutes_before, run.minutes_after
    changes = [change for one in run.templates.values() if (change := _change_of(one, *spans)) is not None]
    order: Sequence[Change] = ("new", "risen", "fallen")
    changes.sort(key=lambda one: (order.index(one.change), -one.after))
    return TemplateNews(tuple(changes), run.mined, run.left_out, is_comparable=True)


class _Mining:
    def __init__(
        self, since: datetime, now: datetime, only: re.Pattern[bytes] | None, max_lines: int, until: float
    ) -> None:
        self._since, self._now, self._only = since, now, only
        self._max_lines, self._until = max_lines, until
        self._miner = _new_miner()
        self.templates: dict[int, _Template] = {}
        self.mined = self.before_lines = 0
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
        for line, at in _timed_backwards(text, self._now):
            if at is None:
                continue
            self._minutes.add(_minute(at))
            self.before_lines += at < self._since
            if self._only is not None and self._only.search(line[:MAX_LINE]) is None:
                continue
            if self.mined >= self._max_lines or time.monotonic() > self._until:
                self._skipped += 1
                continue
            self.mined += 1
            self._mine(line, at)

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


def _timed_backwards(text: bytes, now: datetime) -> Iterator[tuple[bytes, datetime | None]]:
    """The text's lines from the last to the first, without what the runtime put in front, each with its time. A line
    without a time (a traceback's) takes that of the line before it."""
    waiting: list[bytes] = []
    end = len(text)
    while end > 0:
        start = text.rfind(b"\n", 0, end) + 1
        line = text[start:end].strip()
        end = start - 1
        if not line:
            continue
        at = time_of_line(line[:600], now)
        bare = _own_text(line)
        if at is None:
            waiting.append(bare)
            if len(waiting) > 200:
                yield waiting.pop(0), None
            continue
        yield from ((one, at) for one in waiting)
        waiting.clear()
        yield bare, at
    yield from ((one, None) for one in waiting)


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
