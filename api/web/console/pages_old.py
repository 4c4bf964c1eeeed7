"""What a person looks at."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import Response
from fastapi.routing import APIRouter

from api.web.access import incident_within
from api.web.console import forms
from api.web.console.incident_page import incident_values
from api.web.console.visit import Visit, visit_of
from api.web.routes.approvals import glass_broken_for, waiting_for
from knowledge.vocabulary import IncidentStatus

router = APIRouter(include_in_schema=False)
Visiting = Annotated[Visit, Depends(visit_of)]
Word = Annotated[str, Query(max_length=200)]

ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ANSWERED, IncidentStatus.CLOSED, IncidentStatus.MERGED})
ACTIVE = [status for status in IncidentStatus if status not in ENDED]
PAGE = 50


@router.get("/incidents/{incident_id}")
def incident(incident_id: str, visit: Visiting) -> Response:
    found = incident_within(visit.face.desk, visit.principal, incident_id)
    return visit.page("incident.html", **incident_values(visit.face.desk, visit.principal, found))


@router.get("/incidents/{incident_id}/live")
def incident_live(incident_id: str, visit: Visiting) -> Response:
    """The page's changing part, for the script that follows the timeline."""
    found = incident_within(visit.face.desk, visit.principal, incident_id)
    return visit.page("incident_live.html", **incident_values(visit.face.desk, visit.principal, found))


@router.get("/approvals")
def approvals(visit: Visiting) -> Response:
    desk, principal = visit.face.desk, visit.principal
    return visit.page(
        "approvals.html", requests=waiting_for(desk, principal), glass_broken=glass_broken_for(desk, principal)
    )


@router.get("/tickets/new")
def new_ticket(visit: Visiting) -> Response:
    return forms.ticket_page(visit, {})
