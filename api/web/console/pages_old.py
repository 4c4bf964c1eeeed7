"""What a person looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRouter
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.web import acts
from api.web.access import incident_within
from api.web.console import forms, sign_in
from api.web.console.incident_page import incident_values
from api.web.console.rendering import STATIC
from api.web.console.visit import SignInFirst, Visit, answered, here, visit_of
from api.web.routes.approvals import glass_broken_for, waiting_for
from api.web.routes.incidents import Filters, incident_page
from api.web.routes.knowledge import one_case, search
from api.web.words import language_of
from knowledge.vocabulary import IncidentStatus, Severity

router = APIRouter(include_in_schema=False)
Visiting = Annotated[Visit, Depends(visit_of)]
Word = Annotated[str, Query(max_length=200)]

ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ANSWERED, IncidentStatus.CLOSED, IncidentStatus.MERGED})
ACTIVE = [status for status in IncidentStatus if status not in ENDED]
PAGE = 50


class Assets(StaticFiles):
    """Addresses carry the content's digest: a browser may keep what it has."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if b"v=" in scope.get("query_string", b"") and response.status_code == 200:
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def install_console(app: FastAPI) -> Callable[[Request, dict[str, Any]], Response]:
    """Adds the pages. Answers with what renders a problem as one."""
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.include_router(router)
    app.include_router(forms.router)
    app.include_router(sign_in.router)

    async def sign_in_first(request: Request, error: Exception) -> Response:
        del error
        after = here(request) if request.method == "GET" else "/"
        return RedirectResponse(f"/sign-in?next={quote(after)}", status_code=303)

    app.add_exception_handler(SignInFirst, sign_in_first)
    return problem_page


def problem_page(request: Request, problem: dict[str, Any]) -> Response:
    return answered(request, "problem.html", language_of(request), problem["status"], problem=problem)


@router.get("/")
def front() -> Response:
    return RedirectResponse("/incidents", status_code=303)


@router.get("/incidents")
def incidents(
    visit: Visiting,
    status: Word = "active",
    severity: Word = "",
    service: Word = "",
    cluster: Word = "",
    assignee: Word = "",
    text: Word = "",
    before: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """A filter with a value that there is not is no filter: a stale link still shows the list."""
    desk, principal = visit.face.desk, visit.principal
    given = {
        "status": status,
        "severity": severity,
        "service": service,
        "cluster": cluster,
        "assignee": assignee,
        "text": text,
    }
    filters = Filters(
        status=ACTIVE if status == "active" else [IncidentStatus(status)] if status in set(IncidentStatus) else [],
        severity=Severity(severity) if severity in set(Severity) else None,
        service=service.strip(),
        cluster=cluster.strip(),
        assignee=assignee.strip(),
        text=text.strip(),
    )
    page = incident_page(desk, principal, filters, PAGE, before or None)
    is_filtered = bool(before) or any(value for name, value in given.items() if (name, value) != ("status", "active"))
    has_any = bool(page.items) or bool(desk.ledger.incidents.list(principal.scope, limit=1))
    chosen = {name: value for name, value in given.items() if value}
    return visit.page(
        "incidents.html",
        page=page,
        given=given,
        older=urlencode({**chosen, "before": page.next}) if page.next else "",
        is_filtered=is_filtered,
        has_any=has_any,
        is_later=bool(before),
        statuses=list(IncidentStatus),
        severities=list(Severity),
        clusters=acts.clusters_within(desk, principal),
    )


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


@router.get("/knowledge")
def knowledge(visit: Visiting, q: Annotated[str, Query(max_length=4_000)] = "") -> Response:
    desk, principal = visit.face.desk, visit.principal
    found = search(desk, principal, q, limit=20) if q.strip() else None
    count = sum(row.is_within(principal.scope) for row in desk.library.entries("cases"))
    return visit.page("knowledge.html", q=q, found=found, count=count)


@router.get("/knowledge/cases/{case_id}")
def case(case_id: str, visit: Visiting) -> Response:
    return visit.page("case.html", case=one_case(case_id, visit.face.desk, visit.principal))
