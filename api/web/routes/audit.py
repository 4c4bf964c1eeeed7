"""The audit's signed checkpoints, for whoever keeps them where this desk cannot write: fetched by a cron job elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import AwareDatetime, BaseModel

from api.web.access import DeskOf, SiteAdmin
from api.web.routes.strict import api_router
from knowledge.vocabulary import AuditEntry

router = api_router("desk")


class AuditPage(BaseModel):
    """Oldest first. ``next`` is the sequence to go on after; null at the end."""

    items: list[AuditEntry]
    next: int | None = None


@router.get("/audit", summary="What was done, by whom, when")
def entries(
    desk: DeskOf,
    principal: SiteAdmin,
    since: Annotated[AwareDatetime | None, Query(description="Only from here on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Only before here.")] = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditPage:
    """The audit, page by page. Each entry's digest seals it to the one before: `opsdesk audit verify` checks the whole chain."""
    del principal
    found = list(desk.ledger.audit.export(since, until, after, limit + 1))
    return AuditPage(items=found[:limit], next=found[limit - 1].sequence if len(found) > limit else None)


@router.get(
    "/audit/checkpoints",
    summary="Signed checkpoints of the audit",
    response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
def checkpoints(
    desk: DeskOf,
    principal: SiteAdmin,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only those of entries behind this one.")] = 0,
) -> Response:
    """One JSON object a line, oldest first: what `opsdesk audit verify --checkpoints` takes."""
    del principal
    lines = "".join(f"{one.line}\n" for one in desk.ledger.audit.checkpoints(after=after))
    return Response(lines, media_type="application/x-ndjson")
