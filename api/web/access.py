"""Who asks. A bearer token acts on the API; a session cookie reads it, and acts through the console's forms alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.bootstrap import Desk, utc_now
from api.identity.door import Door
from api.identity.visitors import Visitor, visitor_of
from api.web.metrics import DeskMetrics
from api.web.sessions import COOKIE, DEVICE_COOKIE, Session, Sessions, cookie_name
from knowledge.errors import NotAuthenticated, NotAuthorised, NotFound
from knowledge.vocabulary import Incident, Principal, Role

if TYPE_CHECKING:
    from api.chat import Chat

FACE_KEY = "opsdesk.face"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")


@dataclass(frozen=True)
class Face:
    """What the routes of one application share."""

    desk: Desk
    sessions: Sessions
    metrics: DeskMetrics
    door: Door
    chat: Chat
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True)
class SignedIn:
    principal: Principal
    session: Session


def face_of(request: Request) -> Face:
    """Of the application; a page of the console, which NiceGUI serves, carries it in its scope."""
    face: Face = request.scope.get(FACE_KEY) or request.app.state.face
    return face


def desk_of(request: Request) -> Desk:
    return face_of(request).desk


def presented_token(request: Request) -> str:
    """The bearer token of the request; empty when it presents none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def session_of(request: Request) -> SignedIn | None:
    """Who is signed in with this browser. Blocking: it asks the ledger."""
    return session_in(face_of(request), request.cookies)


def session_in(face: Face, cookies: Mapping[str, str], *, is_seen: bool = True) -> SignedIn | None:
    """Whose session a browser's cookies carry. Blocking. ``is_seen`` False: nobody need be sitting there."""
    found = face.sessions.read(session_secret(face, cookies), is_seen=is_seen)
    return None if found is None else SignedIn(found[1], found[0])


def still_signed_in(face: Face, session: Session, *, is_seen: bool = False) -> Principal | None:
    """Who the session's principal is at this moment, with their roles of this moment; None when the session is over.
    Blocking: one read. With ``is_seen`` the person did something, which puts off the end of an idle session."""
    return face.sessions.still_stands(session, is_seen=is_seen)


def session_secret(face: Face, cookies: Mapping[str, str]) -> str:
    return cookies.get(cookie_name(COOKIE, secure=face.desk.settings.web.secure_cookies), "")


def visitor_at(request: Request) -> Visitor:
    """Where the request comes from, and the mark of who has signed in there before."""
    face = face_of(request)
    web = face.desk.settings.web
    device = request.cookies.get(cookie_name(DEVICE_COOKIE, secure=web.secure_cookies), "")
    return visitor_of(request, web.trusted_proxies, device)


def principal_of(request: Request) -> Principal:
    """Whoever makes this API call. Raises NotAuthenticated without saying what of the proof was wrong."""
    if request.headers.get("authorization"):
        token = presented_token(request)
        principal = face_of(request).desk.ledger.principals.by_token(token) if token else None
        if principal is None or not principal.roles:
            raise NotAuthenticated(
                "this token is not known, has run out, or was revoked",
                next_step="an admin makes a new one: opsdesk user token NAME",
            )
        return principal
    is_read = request.method in SAFE_METHODS
    signed_in = session_in(face_of(request), request.cookies, is_seen=False) if is_read else None
    if signed_in is None:
        raise NotAuthenticated("no token was sent", next_step="send the header Authorization: Bearer ops_...")
    return signed_in.principal


async def principal_of_async(request: Request) -> Principal:
    return await run_in_threadpool(principal_of, request)


def require(principal: Principal, role: Role) -> None:
    if not principal.may(role):
        held = ", ".join(sorted(principal.roles)) or "none"
        raise NotAuthorised(
            f"{principal.name} lacks the role {role.value} (has: {held})",
            next_step="an admin gives roles: opsdesk user add",
        )


def acting_as(role: Role) -> Callable[[Principal], Principal]:
    """A dependency: the asker, who must hold ``role``."""

    def check(principal: Annotated[Principal, Depends(principal_of)]) -> Principal:
        require(principal, role)
        return principal

    return check


def site_admin(principal: Annotated[Principal, Depends(acting_as(Role.ADMIN))]) -> Principal:
    require_site_admin(principal)
    return principal


def require_site_admin(principal: Principal) -> None:
    """Who gives roles gives them for every place: a limited admin would otherwise make itself an unlimited one."""
    require(principal, Role.ADMIN)
    if not principal.scope.is_everything:
        raise NotAuthorised(
            "your scope is limited: users and sources are the whole site's", next_step="ask a site admin"
        )


def known_id(value: str, what: str) -> str:
    """An id as it can be; anything else names nothing, and never reaches the database."""
    if not _ID.fullmatch(value):
        raise NotFound(f"there is no such {what}")
    return value


def incident_within(desk: Desk, principal: Principal, incident_id: str) -> Incident:
    """The incident, when the asker's scope covers it. What lies outside is not found: its existence is not told."""
    incident = desk.ledger.incidents.get(known_id(incident_id, "incident"))
    if not may_see(desk, principal, incident):
        raise NotFound(f"there is no incident {incident_id}", next_step="opsdesk incidents lists them")
    return incident


def may_see(desk: Desk, principal: Principal, incident: Incident) -> bool:
    return desk.ledger.incidents.sees(principal.scope, principal.id, incident.id)


FaceOf = Annotated[Face, Depends(face_of)]
DeskOf = Annotated[Desk, Depends(desk_of)]
Reader = Annotated[Principal, Depends(principal_of)]
"""Any principal with a role reads, within its scope."""
Responder = Annotated[Principal, Depends(acting_as(Role.RESPONDER))]
Approver = Annotated[Principal, Depends(acting_as(Role.APPROVER))]
Admin = Annotated[Principal, Depends(acting_as(Role.ADMIN))]
SiteAdmin = Annotated[Principal, Depends(site_admin)]
