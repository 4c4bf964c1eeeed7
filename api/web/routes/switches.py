"""The freeze, and who may act: an admin's own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.web import acts
from api.web.access import Admin, DeskOf, Reader, SiteAdmin, face_of, known_id, presented_token, session_in
from api.web.routes.incidents import Id
from api.web.routes.strict import api_router
from knowledge.errors import NotAuthenticated
from knowledge.ledger.browser_sessions import BrowserSession, Method
from knowledge.ledger.values import Freeze, SourceAuth, SourceKind
from knowledge.vocabulary import Principal, Role, Scope

router = api_router("desk")


class SignedInBy(BaseModel):
    """`method` is `token` for a personal token (`via` is its label), else how the browser's session began."""

    method: Method
    via: str = ""
    session: str = Field("", description="The browser session's id; empty for a token that was sent itself.")
    since: datetime
    ends_at: datetime | None


class Me(BaseModel):
    principal: Principal
    clusters: list[str]
    signed_in: SignedInBy


class UserOrder(acts.Order):
    name: acts.Name
    roles: list[Role] = Field(min_length=1)
    scope: Scope = Scope()
    person: acts.Name = Field("", description="Links several identities of one human: they count once.")


class TokenOrder(acts.Order):
    label: acts.Said
    expires_at: AwareDatetime | None = None


class IssuedToken(BaseModel):
    token: str = Field(description="Shown this once.")
    label: str
    expires_at: datetime | None


class SourceView(BaseModel):
    id: str
    kind: SourceKind
    auth: SourceAuth


class SourceOrder(acts.Order):
    id: acts.Name
    kind: SourceKind
    auth: SourceAuth
    secret: str = Field(min_length=16, max_length=500)


@router.get("/me", summary="Who I am")
def me(request: Request, desk: DeskOf, principal: Reader) -> Me:
    """Roles and scope as they are now, and what was shown as proof."""
    return Me(principal=principal, clusters=acts.clusters_within(desk, principal), signed_in=_signed_in_by(request))


def _signed_in_by(request: Request) -> SignedInBy:
    face, token = face_of(request), presented_token(request)
    if token:
        found = face.desk.ledger.principals.token_of(token)
        if found is not None:
            held = found[1]
            return SignedInBy(method="token", via=held.label, since=held.created_at, ends_at=held.expires_at)
    who = session_in(face, request.cookies, is_seen=False)
    if who is None:  # it ended between two reads
        raise NotAuthenticated("your session has ended", next_step="sign in again")
    kept = who.session
    return SignedInBy(method=kept.method, via=kept.via, session=kept.id, since=kept.opened_at, ends_at=kept.ends_at)


@router.get("/me/sessions", summary="Where I am signed in")
def my_sessions(desk: DeskOf, principal: Reader) -> list[BrowserSession]:
    return desk.ledger.browser_sessions.of(principal.id)


@router.delete("/me/sessions", status_code=204, summary="Sign out everywhere")
def end_my_sessions(desk: DeskOf, principal: Reader) -> Response:
    """Every browser session ends at once; tokens stay."""
    desk.ledger.browser_sessions.end_all(principal.id, actor=principal.id)
    return Response(status_code=204)


@router.get("/freeze", summary="What is frozen")
def frozen(desk: DeskOf, principal: Reader) -> list[Freeze]:
    return frozen_within(desk, principal)


def frozen_within(desk: DeskOf, principal: Reader) -> list[Freeze]:
    freezes: list[Freeze] = desk.ledger.switches.list()
    return [one for one in freezes if one.cluster == "*" or principal.scope.allows(cluster=one.cluster)]


@router.post("/freeze", summary="Stop every execution")
def freeze(order: acts.FreezeOrder, desk: DeskOf, principal: Admin) -> list[Freeze]:
    """No execution is handed out in the cluster until it is thawed."""
    acts.freeze(desk, principal, order)
    return frozen_within(desk, principal)


@router.delete("/freeze", summary="Let executions run again")
def unfreeze(desk: DeskOf, principal: Admin, cluster: Annotated[str, Query(max_length=253)] = "*") -> list[Freeze]:
    acts.unfreeze(desk, principal, cluster)
    return frozen_within(desk, principal)


@router.get("/users", summary="People and machines that act", tags=["admin"])
def users(desk: DeskOf, principal: SiteAdmin) -> list[Principal]:
    del principal
    found: list[Principal] = desk.ledger.principals.list()
    return found


@router.post("/users", status_code=201, summary="Add one", tags=["admin"])
def add_user(order: UserOrder, desk: DeskOf, principal: SiteAdmin) -> Principal:
    return desk.ledger.principals.add(order.name, order.roles, order.scope, person=order.person, actor=principal.id)


@router.delete("/users/{user_id}", status_code=204, summary="Disable one", tags=["admin"])
def disable_user(user_id: Id, desk: DeskOf, principal: SiteAdmin) -> Response:
    """From now on none of its tokens works. Its past stays."""
    desk.ledger.principals.disable(known_id(user_id, "user"), actor=principal.id)
    return Response(status_code=204)


@router.delete("/users/{user_id}/sessions", status_code=204, summary="Sign one out everywhere", tags=["admin"])
def end_sessions(user_id: Id, desk: DeskOf, principal: SiteAdmin) -> Response:
    known = desk.ledger.principals.by_id(known_id(user_id, "user"))
    desk.ledger.browser_sessions.end_all(known.id, actor=principal.id)
    return Response(status_code=204)


@router.post("/users/{user_id}/tokens", status_code=201, summary="Give a personal token", tags=["admin"])
def issue_token(user_id: Id, order: TokenOrder, desk: DeskOf, principal: SiteAdmin) -> IssuedToken:
    token = desk.ledger.principals.issue_token(
        known_id(user_id, "user"), order.label, order.expires_at, actor=principal.id
    )
    return IssuedToken(token=token, label=order.label, expires_at=order.expires_at)


@router.get("/sources", summary="Sources of alerts", tags=["admin"])
def sources(desk: DeskOf, principal: SiteAdmin) -> list[SourceView]:
    del principal
    return [SourceView(id=one.id, kind=one.kind, auth=one.auth) for one in desk.ledger.sources.list()]


@router.post("/sources", status_code=201, summary="Add a source of alerts", tags=["admin"])
def add_source(order: SourceOrder, desk: DeskOf, principal: SiteAdmin) -> SourceView:
    known_id(order.id, "alert source")
    added = desk.ledger.sources.add(order.id, order.kind, order.auth, order.secret, actor=principal.id)
    return SourceView(id=added.id, kind=added.kind, auth=added.auth)
