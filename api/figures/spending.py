"""What waits for people, and what the model costs. Blocking: it reads the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from agent.chat.reply import Chart, Line
from api.figures.reports import ApprovalsReport, ModelReport, ModelRow, WaitingRow
from api.figures.sums import Rows, grouped, page_of, share_of, spread_of
from api.figures.windows import Window
from knowledge.ledger.figures import ApprovalFact, ModelCallFact
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalRequest, ApprovalStatus, Language, Scope, Severity, Text

_COST = Text(en="Cost of the model by day", zh="模型每日费用")
_CALLS = Text(en="Questions to the model by day", zh="模型每日调用次数")


def approvals_report(
    ledger: Ledger, reach: Scope, window: Window, *, offset: int = 0, limit: int = 50
) -> ApprovalsReport:
    """How long requests waited for the deciding vote, and how many nobody decided."""
    asked = ledger.figures.approvals(reach, window.since, window.until)
    by_service = grouped(asked, lambda one: one.service)
    by_severity = grouped(asked, lambda one: one.severity)
    services = [_waiting(name, some) for name, some in by_service.items()]
    tally = Counter(one.request.status for one in asked)
    return ApprovalsReport(
        window=window,
        overall=_waiting("", asked),
        by_status={status: tally[status] for status in ApprovalStatus},
        glass_broken=sum(one.request.is_glass_broken for one in asked),
        by_service=page_of(sorted(services, key=lambda row: (-row.requests, row.name)), offset, limit),
        by_severity=tuple(_waiting(one.value, by_severity[one.value]) for one in Severity if one.value in by_severity),
    )


def _waiting(name: str, asked: Sequence[ApprovalFact]) -> WaitingRow:
    decided = [(one.request, at) for one in asked if (at := _decided_at(one.request)) is not None]
    return WaitingRow(
        name=name,
        requests=len(asked),
        decided=spread_of((at - request.asked_at).total_seconds() for request, at in decided),
        expired=sum(one.request.status is ApprovalStatus.EXPIRED and one.request.approved_at is None for one in asked),
    )


def _decided_at(request: ApprovalRequest) -> datetime | None:
    if request.approved_at is not None:
        return request.approved_at
    return request.votes[-1].at if request.status is ApprovalStatus.REJECTED and request.votes else None


def model_report(
    ledger: Ledger,
    reach: Scope,
    window: Window,
    *,
    language: Language = Language.EN,
    offset: int = 0,
    limit: int = 50,
) -> ModelReport:
    """What the chat model was asked, how often it answered, and what that cost."""
    calls = ledger.figures.model_calls(reach, window.since, window.until)
    by_incident = grouped([one for one in calls if one.incident_id], lambda one: one.incident_id)
    dearest = page_of(sorted(by_incident, key=lambda name: _dear(name, by_incident[name])), offset, limit)
    rows = tuple(_used(name, by_incident[name]) for name in dearest.rows)
    return ModelReport(
        window=window,
        overall=_used("", calls),
        by_model=_by(calls, lambda one: one.model or one.profile),
        by_purpose=_by(calls, lambda one: one.purpose),
        by_outcome=dict(Counter(one.outcome for one in calls)),
        by_incident=Rows(rows=rows, total=dearest.total, offset=offset),
        incidents=len(by_incident),
        charts=_charts(calls, window, language),
    )


def _dear(name: str, calls: Sequence[ModelCallFact]) -> tuple[float, int, str]:
    return -sum(one.cost for one in calls), -sum(one.input_tokens + one.output_tokens for one in calls), name


def _by(calls: Sequence[ModelCallFact], key: Callable[[ModelCallFact], str]) -> tuple[ModelRow, ...]:
    rows = [_used(name, some) for name, some in grouped(calls, key).items()]
    return tuple(sorted(rows, key=lambda row: (-row.calls, row.name)))


def _used(name: str, calls: Sequence[ModelCallFact]) -> ModelRow:
    return ModelRow(
        name=name,
        calls=len(calls),
        answered_share=share_of(sum(one.outcome == "answered" for one in calls), len(calls)),
        input_tokens=sum(one.input_tokens for one in calls),
        output_tokens=sum(one.output_tokens for one in calls),
        cost=round(sum(one.cost for one in calls), 6),
        seconds=spread_of(one.seconds for one in calls),
    )


def _charts(calls: Sequence[ModelCallFact], window: Window, language: Language) -> tuple[Chart, ...]:
    days = grouped(calls, lambda one: window.day_of(one.at).isoformat())
    points = [(datetime.fromisoformat(day), some) for day, some in sorted(days.items())]
    models = sorted({one.model or one.profile for one in calls})
    lines = tuple(
        Line(
            label=model,
            points=tuple(
                (at, sum(one.cost for one in some if (one.model or one.profile) == model)) for at, some in points
            ),
        )
        for model in models
    )
    asked = Line(label=_CALLS.within(language), points=tuple((at, float(len(some))) for at, some in points))
    return (
        Chart(title=_COST.within(language), query="", unit="", lines=lines),
        Chart(title=_CALLS.within(language), query="", unit="count", lines=(asked,)),
    )
