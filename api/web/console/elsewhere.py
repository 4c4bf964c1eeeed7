"""Signing in with an account of another site (OpenID Connect), linking one to oneself, and signing out there too.

What a sign-in under way must remember is sealed into a cookie of the browser that began it: an answer that another browser
brings, that comes twice, or that comes late is worth nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.identity.arrivals import Arrivals
from api.identity.door import WaitFirst
from api.identity.id_tokens import UnfitToken
from api.identity.provider import Begun, OidcProvider, ProviderUnfit, ProviderUnreachable
from api.web.access import Face, face_of, session_of, session_secret, visitor_at
from api.web.console.account import HERE, prove_again, submitted
from api.web.console.one_time import NewPassword
from api.web.console.sign_in import Csrf, entered_page, sign_in_page, wait_page
from api.web.console.visit import Visit, answered, local_path, said, told
from api.web.cookies import leave, take_away
from api.web.sessions import FLOW_COOKIE, cookie_name
from api.web.words import language_of, word
from knowledge.errors import NotFound, WrongState

router = APIRouter(include_in_schema=False)
log = structlog.get_logger("opsdesk.identity")

FLOW_SECONDS = 600
PURPOSE = "oidc-flow"


@dataclass(frozen=True, slots=True)
class Flow:
    """What the browser carries while the person is at the provider. ``linking`` is the session that asked to link an account,
    empty for a sign-in."""

    provider: str
    begun: Begun
    after: str
    linking: str = ""

    def sealed(self, face: Face) -> str:
        return face.sessions.wrapped(PURPOSE, json.dumps(asdict(self)))

    @classmethod
    def unsealed(cls, face: Face, cookie: str) -> Flow | None:
        text = face.sessions.unwrapped(PURPOSE, cookie, FLOW_SECONDS) if cookie else None
        if text is None:
            return None
        found = json.loads(text)
        return cls(found["provider"], Begun(**found["begun"]), found["after"], found["linking"])


@router.get("/sign-in/with/{name}")
def begin(name: str, request: Request, next: str = "/") -> Response:
    """To the provider. Beginning changes nothing: whose account it is says the answer alone."""
    face = face_of(request)
    provider = _provider(face, name)
    try:
        begun = provider.begin(redirect_uri(request, name))
    except (ProviderUnreachable, ProviderUnfit) as error:
        return _out_of_order(request, next, error)
    response = RedirectResponse(begun.address, status_code=303)
    _remember(response, face, Flow(name, begun, local_path(next)))
    return response


@router.get("/sign-in/with/{name}/back")
def back(name: str, request: Request) -> Response:
    """What the provider sends the browser back with, good once."""
    face = face_of(request)
    provider = _provider(face, name)
    cookie = request.cookies.get(cookie_name(FLOW_COOKIE, secure=face.desk.settings.web.secure_cookies), "")
    flow = Flow.unsealed(face, cookie)
    if flow is None or flow.provider != name or not _is_first(face, flow):
        response = sign_in_page(request, "/", status=400, wrong=word("elsewhere.stale", language_of(request)))
    else:
        response = _arrived(request, provider, flow)
    take_away(response, face.desk.settings.web, FLOW_COOKIE)
    return response


def _arrived(request: Request, provider: OidcProvider, flow: Flow) -> Response:
    face, language = face_of(request), language_of(request)
    arrivals = Arrivals(face.door, face.desk.ledger)
    answer, visitor = dict(request.query_params), visitor_at(request)
    try:
        if flow.linking:
            return _linked(request, provider, flow, answer)
        entered = arrivals.enter(
            provider,
            answer,
            flow.begun,
            redirect_uri(request, flow.provider),
            visitor,
            instead_of=session_secret(face, request.cookies),
            seal=lambda hint: face.sessions.wrapped("oidc-hint", hint),
        )
    except WaitFirst as error:
        return wait_page(request, flow.after, error)
    except UnfitToken as error:
        log.warning("sign_in_elsewhere_failed", provider=flow.provider, because=error.because, address=visitor.address)
        wrong = word("elsewhere.failed", language, provider=_title(provider))
        return sign_in_page(request, flow.after, status=401, wrong=wrong)
    except (ProviderUnreachable, ProviderUnfit) as error:
        return _out_of_order(request, flow.after, error)
    if entered is None:
        wrong = word("elsewhere.turned_away", language, provider=_title(provider))
        return sign_in_page(request, flow.after, status=403, wrong=wrong)
    return entered_page(face, entered, flow.after)


@router.post("/account/link/{name}")
def begin_link(name: str, request: Request, current: NewPassword = "", csrf: Csrf = "") -> Response:
    def act(visit: Visit) -> Response:
        prove_again(visit, current)
        provider = _provider(visit.face, name)
        begun = provider.begin(redirect_uri(request, name))
        response = onward_page(request, begun.address, _title(provider))
        _remember(response, visit.face, Flow(name, begun, HERE, linking=visit.who.session.id))
        return response

    return submitted(request, csrf, act)


def _linked(request: Request, provider: OidcProvider, flow: Flow, answer: dict[str, str]) -> Response:
    """Only into the very session that asked for it."""
    face, language = face_of(request), language_of(request)
    who = session_of(request)
    if who is None or who.session.id != flow.linking:
        raise UnfitToken("another session")
    settings = face.desk.settings.web
    told_as = provider.finish(answer, flow.begun, redirect_uri(request, flow.provider), face.desk.ledger.now())
    try:
        face.desk.ledger.linked_identities.link(
            provider.settings.provider, told_as.subject, who.principal.id, actor=who.principal.id
        )
    except WrongState as error:
        return said(HERE, "bad", told(error), secure=settings.secure_cookies)
    return said(HERE, "good", word("account.linked_now", language), secure=settings.secure_cookies)


def signed_out_there(request: Request, provider: str, hint: str) -> Response | None:
    """The page that goes on to the provider's own sign-out; None where there is none, or it does not answer."""
    face = face_of(request)
    known = face.door.providers.get(provider)
    if known is None:
        return None
    id_token = face.sessions.unwrapped("oidc-hint", hint, face.sessions.lifetime.total_seconds()) if hint else None
    try:
        address = known.sign_out_address(id_token or "", f"{base_address(request)}/sign-in")
    except (ProviderUnreachable, ProviderUnfit) as error:
        log.warning("sign_out_elsewhere_failed", provider=provider, reason=error.message)
        return None
    return onward_page(request, address, _title(known)) if address else None


def onward_page(request: Request, address: str, title: str) -> Response:
    """A form of ours may not lead to another site (our own content policy says so); a page may."""
    return answered(request, "onward.html", language_of(request), address=address, provider=title)


def redirect_uri(request: Request, name: str) -> str:
    return f"{base_address(request)}/sign-in/with/{name}/back"


def base_address(request: Request) -> str:
    """As people reach us; the provider takes no other than what was registered with it."""
    public = face_of(request).desk.settings.web.public_url
    return (public or str(request.base_url)).rstrip("/")


def _is_first(face: Face, flow: Flow) -> bool:
    digest = hashlib.sha256(flow.begun.state.encode()).hexdigest()
    return face.desk.ledger.sign_in_patience.spend(digest, timedelta(seconds=FLOW_SECONDS * 2))


def _remember(response: Response, face: Face, flow: Flow) -> None:
    leave(response, face.desk.settings.web, FLOW_COOKIE, flow.sealed(face), FLOW_SECONDS, strict=False)


def _provider(face: Face, name: str) -> OidcProvider:
    known = face.door.providers.get(name)
    if known is None:
        raise NotFound("there is no such sign-in provider", next_step="see the sign-in page for those that there are")
    return known


def _title(provider: OidcProvider) -> str:
    return provider.settings.title or provider.settings.name


def _out_of_order(request: Request, after: str, error: ProviderUnreachable | ProviderUnfit) -> Response:
    log.error("sign_in_provider_trouble", title=error.title, reason=error.message)
    return sign_in_page(request, after, status=503, wrong=word("elsewhere.out_of_order", language_of(request)))
