"""One-time links: the welcome of the first admin, and the invitation that sets a password.

Looking at a link uses nothing up (a chat's preview looks at it too); the form does, once.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.identity.passwords import PasswordRefused, check_new_password
from api.web.access import face_of, session_secret, visitor_at
from api.web.console.sign_in import NAME_CHARACTERS, PASSWORD_CHARACTERS, Csrf, check_form, entered_page, form_page
from api.web.console.visit import told
from api.web.words import language_of, word
from knowledge.errors import BadInput, NotFound, WrongState
from knowledge.ledger.browser_sessions import SignInProof
from knowledge.ledger.credentials import INVITATION, WELCOME, OneTimeLink
from knowledge.ledger.principals import folded
from knowledge.vocabulary import Language, Role

router = APIRouter(include_in_schema=False)

FIRST_ROLES = frozenset({Role.ADMIN, Role.RESPONDER, Role.VIEWER})
NewPassword = Annotated[str, Form(max_length=PASSWORD_CHARACTERS)]


@router.get("/welcome/{secret}")
def welcome(secret: str, request: Request) -> Response:
    _link(request, secret, WELCOME)
    return form_page(request, "welcome.html", name="", approves=False, wrong="")


@router.post("/welcome/{secret}")
def make_first_admin(
    secret: str,
    request: Request,
    name: Annotated[str, Form(max_length=NAME_CHARACTERS)] = "",
    password: NewPassword = "",
    again: NewPassword = "",
    approves: Annotated[str, Form(max_length=10)] = "",
    csrf: Csrf = "",
) -> Response:
    check_form(request, csrf)
    _link(request, secret, WELCOME)
    face, language = face_of(request), language_of(request)
    roles = FIRST_ROLES | ({Role.APPROVER} if approves else set())
    try:
        check_pair(password, again, name)
        hashed = face.door.passwords.hash(password)
        principal = face.desk.ledger.credentials.use_welcome(secret, name, roles, hashed)
    except (BadInput, WrongState) as error:
        wrong = refused_words(error, language)
        return form_page(request, "welcome.html", 422, name=name, approves=bool(approves), wrong=wrong)
    entered = face.door.enter(
        principal, SignInProof(method="link", via=WELCOME), visitor_at(request), session_secret(face, request.cookies)
    )
    return entered_page(face, entered, "/")


@router.get("/set-password/{secret}")
def invitation(secret: str, request: Request) -> Response:
    link = _link(request, secret, INVITATION)
    return form_page(request, "set_password.html", name=link.principal_id, wrong="")


@router.post("/set-password/{secret}")
def set_password(
    secret: str, request: Request, password: NewPassword = "", again: NewPassword = "", csrf: Csrf = ""
) -> Response:
    check_form(request, csrf)
    link = _link(request, secret, INVITATION)
    face = face_of(request)
    try:
        check_pair(password, again, link.principal_id)
        hashed = face.door.passwords.hash(password)
        principal = face.desk.ledger.credentials.use_invitation(secret, hashed)
    except (BadInput, WrongState) as error:
        wrong = refused_words(error, language_of(request))
        return form_page(request, "set_password.html", 422, name=link.principal_id, wrong=wrong)
    visitor = visitor_at(request)
    if not principal.roles:  # the password is kept for the day that an admin gives a role
        raise WrongState(f"{principal.name} has no role yet", next_step="an admin gives one: opsdesk user roles")
    entered = face.door.enter(
        principal, SignInProof(method="link", via=INVITATION), visitor, session_secret(face, request.cookies)
    )
    return entered_page(face, entered, "/")


def check_pair(password: str, again: str, name: str) -> None:
    """Raises PasswordRefused for a new password that is no good, or was not typed the same twice."""
    check_new_password(password, folded(name))
    if password != again:
        raise PasswordRefused("differs", "the two are not the same")


def refused_words(error: BadInput | WrongState, language: Language) -> str:
    return word(f"password.{error.key}", language) if isinstance(error, PasswordRefused) else told(error)


def _link(request: Request, secret: str, purpose: str) -> OneTimeLink:
    """Raises NotFound alike for a link that never was, was used, or has run out."""
    link = face_of(request).desk.ledger.credentials.link(secret)
    if link is None or link.purpose != purpose:
        language = language_of(request)
        raise NotFound(word("link.over", language), next_step=word("link.another", language))
    return link
