"""Every error as problem details (RFC 9457), mapped once. A person in a browser gets the same words as a page.

``type`` is ``urn:opsdesk:problem:<condition>``; extensions: ``next_step``, ``source``, ``line``, ``column``, ``expected``,
``errors`` (what failed validation), ``correlation_id`` (a bug: the same id is in the log, with the traceback).
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.web.headers import SECURITY_HEADERS
from knowledge.errors import (
    AccessDenied,
    AnswerTooLarge,
    ApproverIsRequester,
    BadInput,
    LedgerUnusable,
    MalformedSettings,
    ModelAnswerInvalid,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    OpsdeskError,
    Permanent,
    RateLimited,
    Refused,
    ScriptRefused,
    Temporary,
    WriteRejected,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5.0

STATUS_OF: tuple[tuple[type[OpsdeskError], HTTPStatus], ...] = (
    (NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (NotAuthorised, HTTPStatus.FORBIDDEN),
    (ApproverIsRequester, HTTPStatus.FORBIDDEN),
    (ScriptRefused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (Refused, HTTPStatus.CONFLICT),
    (NotFound, HTTPStatus.NOT_FOUND),
    (MalformedSettings, HTTPStatus.INTERNAL_SERVER_ERROR),
    (BadInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (LedgerUnusable, HTTPStatus.SERVICE_UNAVAILABLE),
    (AccessDenied, HTTPStatus.BAD_GATEWAY),
    (AnswerTooLarge, HTTPStatus.BAD_GATEWAY),
    (ModelAnswerInvalid, HTTPStatus.BAD_GATEWAY),
    (WriteRejected, HTTPStatus.BAD_GATEWAY),
    (Temporary, HTTPStatus.SERVICE_UNAVAILABLE),
    (Permanent, HTTPStatus.CONFLICT),
)
"""First match wins: a leaf stands before its parent."""

log = structlog.get_logger("opsdesk.web")

Page = Callable[[Request, dict[str, Any]], Response]
"""Renders a problem as a page of the console."""


class UnreadableBody(BadInput):
    """The body is not what its content type says: nothing in it can be judged."""

    title = "unreadable body"


def status_of(error: OpsdeskError) -> int:
    if isinstance(error, UnreadableBody):
        return HTTPStatus.BAD_REQUEST.value
    return next(status.value for kind, status in STATUS_OF if isinstance(error, kind))


def problem_of(error: OpsdeskError) -> dict[str, Any]:
    """The problem details of an error of the tree."""
    problem: dict[str, Any] = {
        "type": f"urn:opsdesk:problem:{_slug(type(error).__name__)}",
        "title": error.title,
        "status": status_of(error),
        "detail": error.message,
    }
    for name in ("next_step", "source", "line", "column", "expected"):
        value = getattr(error, name, None)
        if value not in (None, ""):
            problem[name] = value
    return problem


def answer(problem: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(problem, status_code=problem["status"], headers=headers, media_type=MEDIA_TYPE)


def plain_problem(status: int, detail: str, next_step: str = "", **more: Any) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase.lower()
    problem: dict[str, Any] = {
        "type": f"urn:opsdesk:problem:{_slug(phrase)}",
        "title": phrase,
        "status": status,
        "detail": detail,
    }
    if next_step:
        problem["next_step"] = next_step
    return problem | more


def bug_problem(path: str, error: Exception) -> dict[str, Any]:
    """An error that nobody foresaw: logged whole, told with the id that finds it there."""
    correlation_id = uuid.uuid4().hex
    log.error("web_bug", path=path, correlation_id=correlation_id, exc_info=error)
    next_step = "report it with this correlation id: the server's log has the rest"
    return plain_problem(500, "opsdesk has a bug here", next_step, correlation_id=correlation_id)


def install_problems(app: FastAPI, page: Page | None = None) -> None:
    """Makes every way a request can fail end in problem details, or in ``page`` for the console's own paths."""

    def told(request: Request, problem: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
        problem = problem | {"instance": request.url.path}
        if page is not None and not is_for_machines(request):
            response = page(request, problem)
            response.headers.update(headers or {})
            return response
        return answer(problem, headers)

    async def of_the_tree(request: Request, error: Exception) -> Response:
        assert isinstance(error, OpsdeskError)
        if isinstance(error, (MalformedSettings, LedgerUnusable)):
            log.error("request_failed", path=request.url.path, title=error.title, reason=error.message)
        return told(request, problem_of(error), _headers_of(error))

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = plain_problem(error.status_code, str(error.detail), _NEXT_STEPS.get(error.status_code, ""))
        return told(request, problem, dict(error.headers or {}))

    async def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return told(request, validation_problem(error))

    async def of_bugs(request: Request, error: Exception) -> Response:
        return told(request, bug_problem(request.url.path, error), SECURITY_HEADERS | {"cache-control": "no-store"})

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        OpsdeskError: of_the_tree,
        HTTPException: of_http,
        RequestValidationError: of_validation,
        Exception: of_bugs,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def is_for_machines(request: Request) -> bool:
    """API paths always answer JSON; a page answers JSON only to who does not ask for HTML."""
    path = request.url.path
    if path.startswith("/api/") or path in {"/metrics", "/healthz", "/readyz"}:
        return True
    return "text/html" not in request.headers.get("accept", "")


def validation_problem(error: RequestValidationError) -> dict[str, Any]:
    """Names each field that does not fit. What was sent is never echoed: it may be a secret, or ten megabytes."""
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        where = next(one for one in found if one["type"] == "json_invalid")
        because = str(where.get("ctx", {}).get("error", "not JSON"))
        return plain_problem(400, f"the body is not valid JSON: {because}", "send JSON in UTF-8") | _place(error, where)
    errors = [{"field": _field(one["loc"]), "message": str(one["msg"])} for one in found[:20]]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors[:5])
    return plain_problem(422, detail, "see /api/v1/openapi.json for what is accepted", errors=errors)


def _place(error: RequestValidationError, where: Any) -> dict[str, Any]:
    """Line and column of a JSON error, both from 1."""
    position, text = where["loc"][-1], error.body
    if not isinstance(position, int) or not isinstance(text, str):
        return {}
    before = text[:position]
    return {"line": before.count("\n") + 1, "column": position - (before.rfind("\n") + 1) + 1}


def _field(location: tuple[Any, ...]) -> str:
    parts = [str(part) for part in location]
    return ".".join(parts[1:] if len(parts) > 1 and parts[0] == "body" else parts) or "body"


def _headers_of(error: OpsdeskError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer realm="opsdesk"'}
    if isinstance(error, (Temporary, RateLimited)):
        seconds = RETRY_AFTER_SECONDS if error.retry_after_seconds is None else error.retry_after_seconds
        return {"Retry-After": str(max(1, math.ceil(seconds)))}
    return {}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-")


_NEXT_STEPS = {
    400: "send what /api/v1/openapi.json describes",
    404: "see /api/v1/openapi.json for the paths that there are",
    405: "see /api/v1/openapi.json for the methods of this path",
    415: "send the header Content-Type: application/json",
}
