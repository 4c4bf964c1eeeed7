"""Signing in with a name and a password, with a personal token, or elsewhere; signing out; and the language."""

from __future__ import annotations

import math
import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.identity.door import Entered, WaitFirst, WrongProof
from api.web.access import Face, face_of, session_of, session_secret, visitor_at
from api.web.console.visit import THEME_COOKIE, ZONE_COOKIE, answered, check_same_origin, local_path, visit_of
from api.web.cookies import leave, leave_session, take_away
from api.web.sessions import COOKIE, FORM_COOKIE, cookie_name
from api.web.words import LANGUAGE_COOKIE, language_of, word
from knowledge.ledger.preferences import Preference
from knowledge.vocabulary import Language

router = APIRouter(include_in_schema=False)

YEAR_SECONDS = 365 * 24 * 3600
FORM_SECONDS = 3600
TOKEN_CHARACTERS = 200
NAME_CHARACTERS = 200
PASSWORD_CHARACTERS = 1_000

Csrf = Annotated[str, Form(max_length=200)]
After = Annotated[str, Form(max_length=2_000)]


@router.get("/sign-in")
def form(request: Request, next: str = "/") -> Response:
    if session_of(request) is not None:
        return RedirectResponse(local_path(next), status_code=303)
    return sign_in_page(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=NAME_CHARACTERS)] = "",
    password: Annotated[str, Form(max_length=PASSWORD_CHARACTERS)] = "",
    token: Annotated[str, Form(max_length=TOKEN_CHARACTERS)] = "",
    csrf: Csrf = "",
    next: After = "/",
) -> Response:
    check_form(request, csrf)
    face = face_of(request)
    before, visitor = session_secret(face, request.cookies), visitor_at(request)
    language = language_of(request)
    try:
        if token.strip():
            entered = face.door.with_token(token.strip(), visitor, before)
        else:
            entered = face.door.with_password(name, password, visitor, before)
    except WrongProof:
        wrong = word("sign_in.wrong" if token.strip() else "sign_in.wrong_password", language)
        return sign_in_page(request, next, status=401, wrong=wrong)
    except WaitFirst as error:
        return wait_page(request, next, error)
    return entered_page(face, entered, next)


def entered_page(face: Face, entered: Entered, after: str) -> Response:
    """To the page that was asked for, with the session's cookie and the language that the person chose once."""
    web = face.desk.settings.web
    response = RedirectResponse(local_path(after), status_code=303)
    leave_session(response, web, entered)
    take_away(response, web, FORM_COOKIE)
    leave_preference(response, face, face.desk.ledger.preferences.of(entered.principal.id))
    return response


def leave_preference(response: Response, face: Face, preference: Preference) -> None:
    """As cookies, so that a page needs not ask for them; what is not chosen is the browser's."""
    chosen = {
        LANGUAGE_COOKIE: preference.language.value if preference.language else "",
        THEME_COOKIE: preference.theme,
        ZONE_COOKIE: preference.time_zone,
    }
    secure = face.desk.settings.web.secure_cookies
    for name, value in chosen.items():
        if value:
            response.set_cookie(name, value, max_age=YEAR_SECONDS, httponly=True, samesite="lax", secure=secure)
        else:
            response.delete_cookie(name)


def wait_page(request: Request, after: str, error: WaitFirst) -> Response:
    seconds = error.retry_after_seconds or 1
    count = math.ceil(seconds) if seconds < 100 else math.ceil(seconds / 60)
    key = "sign_in.wait_seconds" if seconds < 100 else "sign_in.wait_minutes"
    response = sign_in_page(request, after, status=429, wrong=word(key, language_of(request), count=count))
    response.headers["retry-after"] = str(math.ceil(seconds))
    return response


@router.post("/sign-out")
def sign_out(request: Request, csrf: Csrf = "") -> Response:
    check_same_origin(request)
    visit = visit_of(request)
    face = visit.face
    face.sessions.check_csrf(visit.who.session.nonce, csrf)
    face.sessions.close(session_secret(face, request.cookies))
    response: Response = RedirectResponse("/sign-in", status_code=303)
    session = visit.who.session
    if session.method == "oidc":
        from api.web.console.elsewhere import signed_out_there  # it stands on this module

        response = signed_out_there(request, session.via, session.hint) or response
    take_away(response, face.desk.settings.web, COOKIE)
    return response


@router.get("/language/{language}")
def choose_language(language: Language, request: Request, next: str = "/") -> Response:
    response = RedirectResponse(local_path(next), status_code=303)
    secure = face_of(request).desk.settings.web.secure_cookies
    response.set_cookie(LANGUAGE_COOKIE, language.value, max_age=YEAR_SECONDS, samesite="lax", secure=secure)
    return response


def form_nonce(request: Request) -> str:
    """What the forms of a browser without session are bound to; empty when it has none yet."""
    secure = face_of(request).desk.settings.web.secure_cookies
    return request.cookies.get(cookie_name(FORM_COOKIE, secure=secure), "")


def check_form(request: Request, csrf: str) -> None:
    """A form of a browser without session: of our own page, and of this very browser. Nobody is signed in by somebody
    else's page as somebody else."""
    check_same_origin(request)
    face_of(request).sessions.check_csrf(form_nonce(request), csrf)


def form_page(request: Request, template: str, status: int = 200, **values: object) -> Response:
    """A page with a form for a browser without session."""
    face = face_of(request)
    nonce = form_nonce(request) or secrets.token_urlsafe(18)
    values = {"csrf": face.sessions.csrf_token(nonce), **values}
    response = answered(request, template, language_of(request), status, **values)
    leave(response, face.desk.settings.web, FORM_COOKIE, nonce, FORM_SECONDS)
    return response


def sign_in_page(request: Request, after: str, *, status: int = 200, wrong: str = "") -> Response:
    settings = face_of(request).desk.settings
    return form_page(
        request,
        "sign_in.html",
        status,
        after=local_path(after),
        wrong=wrong,
        asks_for_password=settings.sign_in.asks_for_password,
        providers=[{"name": one.name, "title": one.title or one.name} for one in settings.oidc],
    )
