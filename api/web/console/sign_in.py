"""Signing in with a personal token, signing out, and the language."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.web.access import face_of, session_of
from api.web.console.visit import answered, check_same_origin, local_path, visit_of
from api.web.sessions import COOKIE, FORM_COOKIE
from api.web.words import LANGUAGE_COOKIE, language_of
from knowledge.vocabulary import Language

router = APIRouter(include_in_schema=False)

YEAR_SECONDS = 365 * 24 * 3600
TOKEN_CHARACTERS = 200


@router.get("/sign-in")
def form(request: Request, next: str = "/") -> Response:
    if session_of(request) is not None:
        return RedirectResponse(local_path(next), status_code=303)
    return _form(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    token: Annotated[str, Form(max_length=TOKEN_CHARACTERS)] = "",
    csrf: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    check_same_origin(request)
    face = face_of(request)
    face.sessions.check_csrf(request.cookies.get(FORM_COOKIE, ""), csrf)
    principal = face.desk.ledger.principals.by_token(token.strip())
    if principal is None or not principal.roles:
        return _form(request, next, status=401, is_wrong=True)
    cookie, _ = face.sessions.open(token.strip(), face.now())
    response = RedirectResponse(local_path(next), status_code=303)
    secure = face.desk.settings.web.secure_cookies
    seconds = int(face.sessions.lifetime.total_seconds())
    response.set_cookie(COOKIE, cookie, max_age=seconds, httponly=True, samesite="strict", secure=secure)
    response.delete_cookie(FORM_COOKIE)
    return response


@router.post("/sign-out")
def sign_out(request: Request, csrf: Annotated[str, Form(max_length=200)] = "") -> Response:
    check_same_origin(request)
    visit = visit_of(request)
    visit.face.sessions.check_csrf(visit.who.session.nonce, csrf)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/language/{language}")
def choose_language(language: Language, request: Request, next: str = "/") -> Response:
    response = RedirectResponse(local_path(next), status_code=303)
    secure = face_of(request).desk.settings.web.secure_cookies
    response.set_cookie(LANGUAGE_COOKIE, language.value, max_age=YEAR_SECONDS, samesite="lax", secure=secure)
    return response


def _form(request: Request, after: str, *, status: int = 200, is_wrong: bool = False) -> Response:
    """A link from elsewhere comes without the strict cookie: the page loads itself once more, then the browser sends it."""
    face = face_of(request)
    nonce = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(18)
    again = f"/sign-in?next={quote(local_path(after))}" if request.headers.get("sec-fetch-site") == "cross-site" else ""
    response = answered(
        request,
        "sign_in.html",
        language_of(request),
        status,
        csrf=face.sessions.csrf_token(nonce),
        after=local_path(after),
        again=again,
        is_wrong=is_wrong,
    )
    secure = face.desk.settings.web.secure_cookies
    response.set_cookie(FORM_COOKIE, nonce, max_age=3600, httponly=True, samesite="strict", secure=secure)
    return response
