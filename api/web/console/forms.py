"""What a person does in the console: every form proves its session, acts as its principal, and goes back where it was."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from api.bootstrap import Desk
from api.web import acts
from api.web.console.visit import SignInFirst, Visit, check_same_origin, said, told, visit_of
from api.web.sessions import CSRF_FIELD
from api.web.words import word
from knowledge.errors import BadInput, OpsdeskError
from knowledge.vocabulary import Principal

router = APIRouter(include_in_schema=False)

Fields = dict[str, str]
Act = Callable[[Desk, Principal, Fields], str]
"""Does it; answers with the path to go to, or an empty one to go back."""

Again = Callable[[Visit, Fields, str], Response]

Order = TypeVar("Order", bound=acts.Order)
MOST_FIELDS = 20


async def _submitted(request: Request, back: str, done: str, act: Act, again: Again | None = None) -> Response:
    """Runs ``act`` for a form that is of this session. What it refuses is said on the page that the form was on, which
    ``again`` renders with what was typed."""
    check_same_origin(request)
    fields = _texts(await request.form(max_files=0, max_fields=MOST_FIELDS))
    return await run_in_threadpool(_run, request, fields, back, done, act, again)


def _run(request: Request, fields: Fields, back: str, done: str, act: Act, again: Again | None) -> Response:
    try:
        visit = visit_of(request)
    except SignInFirst:
        return RedirectResponse(f"/sign-in?next={quote(back)}", status_code=303)
    visit.face.sessions.check_csrf(visit.who.session.nonce, fields.pop(CSRF_FIELD, ""))
    secure = visit.face.desk.settings.web.secure_cookies
    try:
        after = act(visit.face.desk, visit.principal, fields)
    except OpsdeskError as error:
        return again(visit, fields, told(error)) if again else said(back, "bad", told(error), secure=secure)
    return said(after or back, "good", word(done, visit.language), secure=secure)


def _texts(form: FormData) -> Fields:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _order(kind: type[Order], fields: Fields, *names: str) -> Order:
    try:
        return kind.model_validate({name: fields[name] for name in names if name in fields})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{field}: {first['msg'].removeprefix('Value error, ')}") from None


def _path(incident_id: str) -> str:
    return f"/incidents/{quote(incident_id, safe='')}"


@router.post("/tickets")
async def open_ticket(request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        given = fields | {"channel": "web"}
        order = _order(acts.TicketOrder, given, "text", "cluster", "namespace", "service", "channel")
        return _path(acts.open_ticket(desk, principal, order, fields.get("key", "")[:100]).id)

    return await _submitted(request, "/tickets/new", "done.ticket", act, ticket_page)


def ticket_page(visit: Visit, given: Fields, refused: str = "") -> Response:
    """The form; after a refusal with everything that was typed, and with the key that makes a second press harmless."""
    blank = {"text": "", "cluster": "", "namespace": "", "service": "", "key": secrets.token_urlsafe(12)}
    clusters = acts.clusters_within(visit.face.desk, visit.principal)
    more = {"said": ("bad", refused)} if refused else {}
    return visit.page("ticket.html", 422 if refused else 200, clusters=clusters, given=blank | given, **more)


@router.post("/incidents/{incident_id}/assign")
async def assign(incident_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        acts.assign(desk, principal, incident_id, _order(acts.AssignOrder, fields, "assignee"))
        return ""

    return await _submitted(request, _path(incident_id), "done.assigned", act)


@router.post("/incidents/{incident_id}/merge")
async def merge(incident_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        return _path(acts.merge(desk, principal, incident_id, _order(acts.MergeOrder, fields, "into")).id)

    return await _submitted(request, _path(incident_id), "done.merged", act)


@router.post("/incidents/{incident_id}/close")
async def close(incident_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        acts.close(desk, principal, incident_id, _order(acts.ReasonOrder, fields, "reason"))
        return ""

    return await _submitted(request, _path(incident_id), "done.closed", act)


@router.post("/incidents/{incident_id}/reopen")
async def reopen(incident_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        acts.reopen(desk, principal, incident_id, _order(acts.ReasonOrder, fields, "reason"))
        return ""

    return await _submitted(request, _path(incident_id), "done.reopened", act)


@router.post("/incidents/{incident_id}/feedback")
async def feedback(incident_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        acts.give_feedback(desk, principal, incident_id, _order(acts.FeedbackOrder, fields, "verdict", "text"))
        return ""

    return await _submitted(request, _path(incident_id), "done.feedback", act)


@router.post("/incidents/{incident_id}/approvals/{approval_id}/{decision}")
async def decide(incident_id: str, approval_id: str, decision: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        is_alone = decision == "break-glass"
        given = fields | {
            "decision": "approve" if is_alone else decision,
            "break_glass": "true" if is_alone else "false",
        }
        order = _order(acts.DecisionOrder, given, "decision", "reason", "digest", "break_glass")
        acts.decide(desk, principal, approval_id, order)
        return ""

    done = "done.rejected" if decision == "reject" else "done.approved"
    return await _submitted(request, _path(incident_id), done, act)


@router.post("/incidents/{incident_id}/plans/{plan_id}/manual-steps/{index}")
async def tick(incident_id: str, plan_id: str, index: int, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        del fields
        acts.tick(desk, principal, plan_id, index)
        return ""

    return await _submitted(request, _path(incident_id), "done.ticked", act)


@router.post("/incidents/{incident_id}/executions/{execution_id}/cancel")
async def cancel(incident_id: str, execution_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        del fields
        acts.cancel(desk, principal, execution_id)
        return ""

    return await _submitted(request, _path(incident_id), "done.cancelled", act)


@router.post("/incidents/{incident_id}/executions/{execution_id}/undo")
async def undo(incident_id: str, execution_id: str, request: Request) -> Response:
    def act(desk: Desk, principal: Principal, fields: Fields) -> str:
        del fields
        acts.undo(desk, principal, execution_id)
        return ""

    return await _submitted(request, _path(incident_id), "done.undo", act)
