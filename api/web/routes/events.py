"""Server-sent events: an incident's timeline as it grows, resumable where the connection broke."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.web.access import Face, FaceOf, incident_within, principal_of_async
from api.web.dossier import timeline_within
from api.web.routes.strict import api_router
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Incident, Principal, TimelineEntry

router = api_router("incidents")

POLL_SECONDS = 0.3
BEAT_SECONDS = 15.0
RECHECK_SECONDS = 10.0
RETRY_MILLISECONDS = 2000


@router.get(
    "/incidents/{incident_id}/events",
    summary="Follow the incident's story",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "One event a timeline entry; id: its sequence"}
    },
)
async def events(
    incident_id: Annotated[str, Path(max_length=128)],
    request: Request,
    face: FaceOf,
    principal: Annotated[Principal, Depends(principal_of_async)],
    after: Annotated[int, Query(ge=0, le=2**53, description="Only entries after this sequence.")] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Every entry from the start (or after `Last-Event-ID`), then each new one. The stream ends when the asker's token
    does."""
    incident = await run_in_threadpool(incident_within, face.desk, principal, incident_id)
    seen = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else after
    stream = follow(request, face, principal, incident, min(seen, 2**53))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def follow(
    request: Request, face: Face, principal: Principal, incident: Incident, seen: int
) -> AsyncIterator[str]:
    """The stream's text. Whether the asker may still read is asked again every few seconds."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    beat = recheck = time.monotonic()
    while not request.app.state.should_stop() and not await request.is_disconnected():
        try:
            if time.monotonic() - recheck >= RECHECK_SECONDS:
                principal = await principal_of_async(request)
                await run_in_threadpool(incident_within, face.desk, principal, incident.id)
                recheck = time.monotonic()
            entries = await run_in_threadpool(face.desk.ledger.timeline.for_incident, incident.id, seen)
        except OpsdeskError:
            return  # the browser connects again and is told why in an answer of its own
        for entry in await run_in_threadpool(timeline_within, face.desk, principal, incident, entries):
            yield event_of(entry)
            seen, beat = entry.sequence, time.monotonic()
        if time.monotonic() - beat >= BEAT_SECONDS:
            yield ": still here\n\n"
            beat = time.monotonic()
        await asyncio.sleep(POLL_SECONDS)


def event_of(entry: TimelineEntry) -> str:
    return f"id: {entry.sequence}\ndata: {entry.model_dump_json()}\n\n"
