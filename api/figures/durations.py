"""How long incidents take, and which come back. Blocking: it reads the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from agent.chat.reply import Chart, Line
from api.figures.reports import RecurrenceReport, RecurrenceRow, TimesReport, TimesRow
from api.figures.sums import grouped, page_of, share_of, spread_of
from api.figures.windows import Window
from knowledge.ledger.figures import IncidentFact
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import IncidentStatus, Language, Scope, Severity, Text

OVER = frozenset({IncidentStatus.RESOLVED.value, IncidentStatus.CLOSED.value})
ENDED = OVER | {IncidentStatus.ANSWERED.value, IncidentStatus.MERGED.value}
MOST_NAMED = 10

_DIAGNOSED = Text(en="Time to diagnose by week", zh="每周诊断耗时")
_RESOLVED = Text(en="Time to resolve by week", zh="每周解决耗时")
_OPENED = Text(en="Incidents opened by week", zh="每周新增事件")
_MIDDLE = Text(en="half of them", zh="中位数（p50）")
_NINE = Text(en="nine of ten", zh="p90")
_COUNT = Text(en="incidents", zh="事件数")


def times_report(
    ledger: Ledger,
    reach: Scope,
    window: Window,
    *,
    language: Language = Language.EN,
    offset: int = 0,
    limit: int = 50,
) -> TimesReport:
    """Time to diagnose and to resolve of the incidents that opened in the window: by service (the busiest first), severity
    and week."""
    facts = [_timed(one, window) for one in ledger.figures.incidents(reach, window.since, window.until)]
    by_service = grouped(facts, lambda one: one.service)
    services = [_times(name, some) for name, some in by_service.items()]
    by_severity = grouped(facts, lambda one: one.severity)
    by_week = grouped(facts, lambda one: one.week)
    weeks = tuple(_times(week, by_week[week]) for week in sorted(by_week))
    return TimesReport(
        window=window,
        overall=_times("", facts),
        by_service=page_of(sorted(services, key=lambda row: (-row.incidents, row.name)), offset, limit),
        by_severity=tuple(_times(one.value, by_severity[one.value]) for one in Severity if one.value in by_severity),
        by_week=weeks,
        charts=tuple(_charts(weeks, language)),
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    """An incident with its durations, reckoned once for the three tables that it is in."""

    service: str
    severity: str
    week: str
    diagnosed: float | None
    resolved: float | None
    is_open: bool


def _timed(one: IncidentFact, window: Window) -> _Timed:
    return _Timed(
        service=one.service,
        severity=one.severity,
        week=window.week_of(one.opened_at).isoformat(),
        diagnosed=_seconds(one.opened_at, one.first.at) if one.first else None,
        resolved=_seconds(one.opened_at, one.closed_at) if one.closed_at and one.status in OVER else None,
        is_open=one.status not in ENDED,
    )


def _times(name: str, facts: Sequence[_Timed]) -> TimesRow:
    return TimesRow(
        name=name,
        incidents=len(facts),
        diagnosed=spread_of([one.diagnosed for one in facts if one.diagnosed is not None]),
        resolved=spread_of([one.resolved for one in facts if one.resolved is not None]),
        open=sum(one.is_open for one in facts),
    )


def _seconds(begin: datetime, end: datetime) -> float:
    """Never less than nothing: a ticket's opening is told by another clock than the diagnosis'."""
    return max((end - begin).total_seconds(), 0.0)


def _charts(weeks: Sequence[TimesRow], language: Language) -> list[Chart]:
    starts = [datetime.fromisoformat(week.name) for week in weeks]
    charts = []
    for title, spreads in (
        (_DIAGNOSED, [week.diagnosed for week in weeks]),
        (_RESOLVED, [week.resolved for week in weeks]),
    ):
        middle = tuple((at, one.p50) for at, one in zip(starts, spreads, strict=True) if one.p50 is not None)
        nine = tuple((at, one.p90) for at, one in zip(starts, spreads, strict=True) if one.p90 is not None)
        lines = (
            Line(label=_MIDDLE.within(language), points=middle),
            Line(label=_NINE.within(language), points=nine),
        )
        charts.append(Chart(title=title.within(language), query="", unit="seconds", lines=lines))
    counts = tuple((at, float(week.incidents)) for at, week in zip(starts, weeks, strict=True))
    opened = Line(label=_COUNT.within(language), points=counts)
    charts.append(Chart(title=_OPENED.within(language), query="", unit="count", lines=(opened,)))
    return charts


def recurrence_report(
    ledger: Ledger, reach: Scope, window: Window, *, days: float = 7.0, offset: int = 0, limit: int = 50
) -> RecurrenceReport:
    """Which faults came back to the same object within so many days: the ones that came most often first."""
    within = timedelta(days=days)
    facts = ledger.figures.incidents(reach, window.since - within, window.until)
    named = [one for one in facts if one.last and one.last.fault and _may_name(reach, one)]
    rows, diagnosed, recurrences = [], 0, 0
    for same in grouped(named, _what).values():
        inside = [one for one in same if one.opened_at >= window.since]
        diagnosed += len(inside)
        again = [
            later
            for earlier, later in pairwise(same)
            if later.opened_at >= window.since and later.opened_at - earlier.opened_at <= within
        ]
        recurrences += len(again)
        if again:
            rows.append(_recurring(same, again))
    ranked = sorted(rows, key=lambda row: (-row.times, -row.last_at.timestamp(), row.fault))
    return RecurrenceReport(
        window=window,
        days=days,
        diagnosed=diagnosed,
        recurrences=recurrences,
        share=share_of(recurrences, diagnosed),
        rows=page_of(ranked, offset, limit),
    )


def _what(one: IncidentFact) -> str:
    assert one.last is not None
    return f"{one.cluster}\n{one.last.fault}\n{one.last.object_key}"


def _may_name(reach: Scope, one: IncidentFact) -> bool:
    """The cause may lie in a namespace that the reader may not see."""
    assert one.last is not None
    parts = one.last.object_key.split("/")
    namespace = parts[1] if len(parts) == 3 else ""
    return reach.allows(cluster=one.cluster, namespace=namespace)


def _recurring(same: Sequence[IncidentFact], again: Sequence[IncidentFact]) -> RecurrenceRow:
    last = same[-1]
    assert last.last is not None
    return RecurrenceRow(
        fault=last.last.fault,
        cluster=last.cluster,
        object_key=last.last.object_key,
        times=len(again) + 1,
        last_at=last.opened_at,
        incidents=tuple(one.id for one in same[-MOST_NAMED:]),
    )
