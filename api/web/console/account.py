"""A person's own account: the password, where they are signed in, their tokens, their accounts elsewhere, how it looks.

What would outlast a stolen session (a password, a token) asks for the password again; who has none has to have signed in a
moment ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.identity.door import WaitFirst
from api.web.access import session_secret, visitor_at
from api.web.console.one_time import NewPassword, check_pair, refused_words
from api.web.console.sign_in import Csrf, leave_preference
from api.web.console.visit import Visit, check_same_origin, said, told, visit_of
from api.web.cookies import take_away
from api.web.routes.linking import make_code
from api.web.sessions import COOKIE
from api.web.words import word
from knowledge.errors import BadInput, NotAuthorised, OpsdeskError, WrongState
from knowledge.ledger.preferences import Preference
from knowledge.vocabulary import Language

router = APIRouter(include_in_schema=False)

HERE = "/account"
FRESH = timedelta(minutes=15)
TOKEN_DAYS = (7, 30, 90, 365)
THEMES = ("light", "dark")
Short = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True)
class Told:
    """What the page says above its parts; ``token`` and ``code`` are shown this once."""

    kind: str = ""
    text: str = ""
    token: str = ""
    code: str = ""


@router.get(HERE)
def account(request: Request) -> Response:
    return account_page(visit_of(request))


def account_page(visit: Visit, status: int = 200, told: Told | None = None) -> Response:
    desk, principal = visit.face.desk, visit.principal
    ledger = desk.ledger
    titles = {one.provider: one.title or one.name for one in desk.settings.oidc}
    linked = ledger.linked_identities.of(principal.id)
    held = {one.provider for one in linked}
    more: dict[str, Any] = {"said": (told.kind, told.text)} if told and told.text else {}
    return visit.page(
        "account.html",
        status,
        session=visit.who.session,
        sessions=ledger.browser_sessions.of(principal.id),
        tokens=ledger.principals.tokens(principal.id),
        new_token=told.token if told else "",
        new_code=told.code if told else "",
        has_slack=desk.settings.slack.is_on,
        has_password=ledger.credentials.has_password(principal.id),
        linked=[(one, titles.get(one.provider, one.provider)) for one in linked],
        may_link=[one for one in desk.settings.oidc if one.provider not in held],
        preference=ledger.preferences.of(principal.id),
        languages=list(Language),
        themes=THEMES,
        zones=sorted(available_timezones()),
        token_days=TOKEN_DAYS,
        **more,
    )


@router.post("/account/password")
def change_password(
    request: Request,
    current: NewPassword = "",
    password: NewPassword = "",
    again: NewPassword = "",
    csrf: Csrf = "",
) -> Response:
    def act(visit: Visit) -> Response:
        face, principal = visit.face, visit.principal
        if not face.desk.ledger.credentials.has_password(principal.id):
            raise WrongState(word("account.no_password", visit.language))
        check_pair(password, again, principal.id)
        prove_again(visit, current)
        hashed = face.door.passwords.hash(password)
        session = visit.who.session.id
        face.desk.ledger.credentials.set_password(principal.id, hashed, actor=principal.id, but=session)
        return _done(visit, "account.password_changed")

    return submitted(request, csrf, act)


@router.post("/account/sessions/end")
def end_sessions(request: Request, session: Short = "", csrf: Csrf = "") -> Response:
    """One session, or with none named all of them: this one too."""

    def act(visit: Visit) -> Response:
        kept, principal = visit.face.desk.ledger.browser_sessions, visit.principal
        if session and session != visit.who.session.id:
            kept.end_one(principal.id, session, actor=principal.id)
            return _done(visit, "account.session_ended")
        if session:
            visit.face.sessions.close(session_secret(visit.face, request.cookies))
        else:
            kept.end_all(principal.id, actor=principal.id)
        response = said("/sign-in", "good", word("account.signed_out", visit.language), secure=_secure(visit))
        take_away(response, visit.face.desk.settings.web, COOKIE)
        return response

    return submitted(request, csrf, act)


@router.post("/account/tokens")
def make_token(
    request: Request,
    label: Short = "",
    days: Annotated[int, Form(ge=1, le=3650)] = 90,
    current: NewPassword = "",
    csrf: Csrf = "",
) -> Response:
    def act(visit: Visit) -> Response:
        name = label.strip()
        if not name or not name.isprintable() or len(name) > 64:
            raise BadInput(word("account.token_label", visit.language))
        prove_again(visit, current)
        ledger, principal = visit.face.desk.ledger, visit.principal
        ends = ledger.now() + timedelta(days=days)
        token = ledger.principals.issue_token(principal.id, name, ends, actor=principal.id)
        return account_page(visit, told=Told("good", word("account.token_made", visit.language), token))

    return submitted(request, csrf, act)


@router.post("/account/tokens/revoke")
def revoke_token(request: Request, label: Short = "", csrf: Csrf = "") -> Response:
    def act(visit: Visit) -> Response:
        principal = visit.principal
        visit.face.desk.ledger.principals.revoke_token(principal.id, label, actor=principal.id)
        return _done(visit, "account.token_revoked")

    return submitted(request, csrf, act)


@router.post("/account/link-code")
def make_link_code(request: Request, current: NewPassword = "", csrf: Csrf = "") -> Response:
    """A code that links an account of a chat platform: it outlasts the session, so it asks for the password."""

    def act(visit: Visit) -> Response:
        prove_again(visit, current)
        made = make_code(visit.face.desk, visit.principal)
        return account_page(visit, told=Told("good", word("account.code_made", visit.language), code=made.code))

    return submitted(request, csrf, act)


@router.post("/account/unlink")
def unlink(
    request: Request, provider: Short = "", subject: Annotated[str, Form(max_length=500)] = "", csrf: Csrf = ""
) -> Response:
    def act(visit: Visit) -> Response:
        ledger, principal = visit.face.desk.ledger, visit.principal
        mine = ledger.linked_identities.of(principal.id)
        if not any((one.provider, one.subject) == (provider, subject) for one in mine):
            raise NotAuthorised(word("account.not_linked", visit.language))
        ways = ledger.credentials.has_password(principal.id) or ledger.principals.tokens(principal.id)
        if not ways and len([one for one in mine if one.provider.startswith("oidc:")]) < 2:
            raise WrongState(word("account.last_way", visit.language))
        ledger.linked_identities.unlink(provider, subject, actor=principal.id)
        return _done(visit, "account.unlinked")

    return submitted(request, csrf, act)


@router.post("/account/preferences")
def prefer(
    request: Request, language: Short = "", time_zone: Short = "", theme: Short = "", csrf: Csrf = ""
) -> Response:
    def act(visit: Visit) -> Response:
        if time_zone and time_zone not in available_timezones():
            raise BadInput(word("account.unknown_zone", visit.language))
        preference = Preference(
            language=Language(language) if language in set(Language) else None,
            time_zone=time_zone,
            theme=theme if theme in THEMES else "",  # type: ignore[arg-type]  # the two are the type's
        )
        visit.face.desk.ledger.preferences.set(visit.principal.id, preference)
        spoken = preference.language or visit.language
        response = said(HERE, "good", word("account.preferences_kept", spoken), secure=_secure(visit))
        leave_preference(response, visit.face, preference)
        return response

    return submitted(request, csrf, act)


def prove_again(visit: Visit, current: str) -> None:
    """That it is the person and not just their browser. Raises WrongState, or WaitFirst after too many wrong ones."""
    ledger = visit.face.desk.ledger
    if ledger.credentials.has_password(visit.principal.id):
        if not visit.face.door.is_own_password(visit.principal, current, visitor_at(visit.request)):
            raise WrongState(word("password.wrong", visit.language))
    elif ledger.now() - visit.who.session.opened_at > FRESH:
        raise WrongState(word("account.not_fresh", visit.language))


def submitted(request: Request, csrf: str, act: Callable[[Visit], Response]) -> Response:
    """Runs ``act`` for a form of this session; what it refuses is said on the page."""
    check_same_origin(request)
    visit = visit_of(request)
    visit.face.sessions.check_csrf(visit.who.session.nonce, csrf)
    try:
        return act(visit)
    except WaitFirst as error:
        return account_page(visit, 429, Told("bad", told(error)))
    except NotAuthorised:
        raise
    except OpsdeskError as error:
        wrong = refused_words(error, visit.language) if isinstance(error, BadInput | WrongState) else told(error)
        return account_page(visit, 422, Told("bad", wrong))


def _done(visit: Visit, key: str) -> Response:
    return said(HERE, "good", word(key, visit.language), secure=_secure(visit))


def _secure(visit: Visit) -> bool:
    return visit.face.desk.settings.web.secure_cookies
