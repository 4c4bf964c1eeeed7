"""The audit's signed checkpoints, for whoever keeps them where this desk cannot write: fetched by a cron job elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from api.web.access import DeskOf, SiteAdmin
from api.web.routes.strict import api_router

router = api_router("desk")


@router.get(
    "/audit/checkpoints",
    summary="Signed checkpoints of the audit",
    response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
def checkpoints(
    desk: DeskOf,
    principal: SiteAdmin,
    after: Annotated[int, Query(ge=0, description="Only those of entries behind this one.")] = 0,
) -> Response:
    """One JSON object a line, oldest first: what `opsdesk audit verify --checkpoints` takes."""
    del principal
    lines = "".join(f"{one.line}\n" for one in desk.ledger.audit.checkpoints(after=after))
    return Response(lines, media_type="application/x-ndjson")
