"""Figures of the desk: reports over a time, the desk's queues, and the series around an incident's onset."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from api.figures.desk import DeskView, desk_view
from api.figures.durations import recurrence_report, times_report
from api.figures.judgements import accuracy_report, detectors_report
from api.figures.onset import incident_charts
from api.figures.reports import (
    AccuracyReport,
    ApprovalsReport,
    DetectorsReport,
    ModelReport,
    RecurrenceReport,
    TimesReport,
)
from api.figures.series import AroundOnset
from api.figures.spending import approvals_report, model_report
from api.figures.windows import Window, window_of
from api.web.access import DeskOf, Reader, face_of, incident_within
from api.web.routes.incidents import Id
from api.web.routes.strict import api_router
from knowledge.vocabulary import Language

router = api_router("reports")

Limit = Annotated[int, Query(ge=1, le=500, description="Rows of each table.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Rows to pass over.")]
Lang = Annotated[Language, Query(description="Of titles and labels.")]


def window_asked(
    request: Request,
    since: Annotated[datetime | None, Query(description="Default: thirty days before `until`.")] = None,
    until: Annotated[datetime | None, Query(description="Default: now.")] = None,
    zone: Annotated[str, Query(max_length=60, description="IANA zone of weeks and days.")] = "UTC",
) -> Window:
    return window_of(since, until, face_of(request).now(), zone)


Asked = Annotated[Window, Depends(window_asked)]


@router.get("/reports/times", summary="Time to diagnose and to resolve")
def times(
    desk: DeskOf, principal: Reader, window: Asked, limit: Limit = 50, offset: Offset = 0, lang: Lang = Language.EN
) -> TimesReport:
    """Of the incidents that opened in the window: by service, severity and week, with charts. Seconds."""
    return times_report(desk.ledger, principal.scope, window, language=lang, offset=offset, limit=limit)


@router.get("/reports/recurrence", summary="What came back")
def recurrence(
    desk: DeskOf,
    principal: Reader,
    window: Asked,
    days: Annotated[float, Query(gt=0, le=365, description="Within so many days of the time before.")] = 7.0,
    limit: Limit = 50,
    offset: Offset = 0,
) -> RecurrenceReport:
    """The same fault named on the same object again."""
    return recurrence_report(desk.ledger, principal.scope, window, days=days, offset=offset, limit=limit)


@router.get("/reports/accuracy", summary="How often the desk was right")
def accuracy(desk: DeskOf, principal: Reader, window: Asked, limit: Limit = 50, offset: Offset = 0) -> AccuracyReport:
    """By what people said of the diagnoses; by confidence, service and fault."""
    return accuracy_report(desk.ledger, principal.scope, window, offset=offset, limit=limit)


@router.get("/reports/approvals", summary="How long people let requests wait")
def approvals(desk: DeskOf, principal: Reader, window: Asked, limit: Limit = 50, offset: Offset = 0) -> ApprovalsReport:
    """From asking to the deciding vote, and what nobody decided."""
    return approvals_report(desk.ledger, principal.scope, window, offset=offset, limit=limit)


@router.get("/reports/model", summary="Use and cost of the chat model")
def model(
    desk: DeskOf, principal: Reader, window: Asked, limit: Limit = 50, offset: Offset = 0, lang: Lang = Language.EN
) -> ModelReport:
    """Questions, answers, tokens, cost and seconds; by model, purpose and incident."""
    return model_report(desk.ledger, principal.scope, window, language=lang, offset=offset, limit=limit)


@router.get("/reports/detectors", summary="What the detectors said")
def detectors(desk: DeskOf, principal: Reader, window: Asked, limit: Limit = 50, offset: Offset = 0) -> DetectorsReport:
    """Hits of the last 7 and 30 days before `until`, and what people said where a detector's fault was the named cause."""
    known = desk.deps.detectors.by_id
    return detectors_report(desk.ledger, principal.scope, window, known=known, offset=offset, limit=limit)


@router.get("/desk", summary="My queue, nobody's, and their ages against the targets")
def my_desk(request: Request, desk: DeskOf, principal: Reader, limit: Limit = 50) -> DeskView:
    return desk_view(desk.ledger, principal, desk.settings.targets, face_of(request).now(), limit=limit)


@router.get("/incidents/{incident_id}/charts", summary="The metrics around its onset", tags=["incidents"])
async def charts(
    incident_id: Id, request: Request, desk: DeskOf, principal: Reader, lang: Lang = Language.EN
) -> AroundOnset:
    """What the diagnosis cites first, then the golden signals of the service. What cannot be read is a gap."""
    from starlette.concurrency import run_in_threadpool

    incident = await run_in_threadpool(incident_within, desk, principal, incident_id)
    return await incident_charts(desk, incident, principal, face_of(request).now(), language=lang)
