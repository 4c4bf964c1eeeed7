"""One visit of a browser: who it is, in which language, and the page that it gets."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.web.access import Face, SignedIn, face_of, require, session_of, still_signed_in
from api.web.console.places import frame_values
from api.web.console.rendering import render
from api.web.words import language_of
from knowledge.errors import NotAuthenticated, NotAuthorised, OpsdeskError
from knowledge.vocabulary import Language, Principal, Role

FLASH_COOKIE = "opsdesk_said"
THEME_COOKIE = "opsdesk_theme"
ZONE_COOKIE = "opsdesk_zone"
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")


class SignInFirst(Exception):
    """No session: the page sends the browser to the sign-in, and back afterwards."""


@dataclass(frozen=True)
class Visit:
    """A signed-in browser's request."""

    request: Request
    face: Face
    who: SignedIn
    language: Language
    _now: list[Principal] = field(default_factory=list, compare=False, repr=False)

    @property
    def principal(self) -> Principal:
        """Whoever they were found to be when they were last asked for: a page may stand open while rights are taken away."""
        return self._now[-1] if self._now else self.who.principal

    @property
    def csrf(self) -> str:
        return self.face.sessions.csrf_token(self.who.session.nonce)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Blocking: the frame shows what is frozen and how much waits."""
        frame = frame_values(self.face.desk, self.principal, "")
        known = {"principal": self.principal, "csrf": self.csrf, "said": said_before(self.request), **frame}
        return answered(self.request, template, self.language, status, **(known | values))

    def shared(self) -> dict[str, Any]:
        """What every part of a page may name."""
        return {
            "language": self.language,
            "now": self.face.now(),
            "principal": self.principal,
            "csrf": self.csrf,
            "path": here(self.request),
            "theme": self.theme,
        }

    @property
    def theme(self) -> str:
        """``light``, ``dark``, or empty: as the reader's system has it."""
        return theme_of(self.request)

    def require(self, role: Role) -> None:
        """NotAuthorised for who lacks it: pages of that role say so instead of offering what would be refused."""
        require(self.principal, role)

    def may_any(self, *roles: Role) -> bool:
        return any(self.principal.may(role) for role in roles)

    def still_signed_in(self) -> Principal:
        """Who the visitor is at this moment. Blocking. Raises NotAuthenticated when the session has ended meanwhile."""
        principal = still_signed_in(self.face, self.who.session)
        if principal is None:
            raise NotAuthenticated("your session has ended", next_step="sign in again")
        self._now[:] = [principal]
        return principal


def visit_of(request: Request) -> Visit:
    """Blocking. Raises SignInFirst."""
    who = session_of(request)
    if who is None:
        raise SignInFirst
    return Visit(request, face_of(request), who, language_of(request))


def answered(request: Request, template: str, language: Language, status: int = 200, **values: Any) -> Response:
    nobody: dict[str, Any] = {"principal": None, "csrf": "", "frozen": [], "waiting": 0, "said": None}
    known = {
        "language": language,
        "now": face_of(request).now(),
        "path": here(request),
        "theme": theme_of(request),
        "zone": zone_of(request),
    }
    values = {**nobody, **known, **values}
    text = render(template, **values)
    response = HTMLResponse(text, status_code=status)
    if FLASH_COOKIE in request.cookies:
        response.delete_cookie(FLASH_COOKIE)
    return response


def problem_page(request: Request, problem: dict[str, Any]) -> Response:
    """Blocking. Within the frame for who is signed in."""
    language = language_of(request)
    who = session_of(request)
    if who is None:
        return answered(request, "problem.html", language, problem["status"], problem=problem)
    return Visit(request, face_of(request), who, language).page("problem.html", problem["status"], problem=problem)


def sign_in_address(request: Request) -> str:
    """Where to sign in, and come back from to the page that was asked for."""
    return f"/sign-in?next={quote(here(request) if request.method == 'GET' else '/')}"


def theme_of(request: Request) -> str:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in {"light", "dark"} else ""


def zone_of(request: Request) -> str:
    """The time zone that the reader chose (``Asia/Shanghai``), empty: the browser's."""
    chosen = request.cookies.get(ZONE_COOKIE, "")
    return chosen if len(chosen) <= 64 and _ZONE.fullmatch(chosen) else ""


def check_same_origin(request: Request) -> None:
    """A form of another site is refused whatever it carries; browsers say where a form comes from."""
    site = request.headers.get("sec-fetch-site", "")
    origin = request.headers.get("origin", "")
    is_foreign = site not in {"", "same-origin", "none"} or (
        origin not in {"", "null"} and urlsplit(origin).netloc not in _own_hosts(request)
    )
    if is_foreign or origin == "null":
        raise NotAuthorised("this form came from another site", next_step="open the console itself and send it there")


def _own_hosts(request: Request) -> set[str]:
    """As the browser calls us: by the Host header, or by the public address when a proxy rewrites that."""
    public = urlsplit(face_of(request).desk.settings.web.public_url).netloc
    return {request.headers.get("host", ""), public} - {""}


def said(path: str, kind: str, text: str, *, secure: bool) -> Response:
    """Back to ``path``, which says ``text`` once."""
    response = RedirectResponse(path, status_code=303)
    value = base64.urlsafe_b64encode(json.dumps([kind, text[:800]]).encode()).decode()
    response.set_cookie(FLASH_COOKIE, value, max_age=60, httponly=True, samesite="lax", secure=secure)
    return response


def said_before(request: Request) -> tuple[str, str] | None:
    try:
        kind, text = json.loads(base64.urlsafe_b64decode(request.cookies.get(FLASH_COOKIE, "")))
    except (ValueError, TypeError, binascii.Error):
        return None
    return ("good" if kind == "good" else "bad", str(text)[:800])


def told(error: OpsdeskError) -> str:
    return f"{error.title}: {error.message}" + (f" - {error.next_step}" if error.next_step else "")


def here(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def local_path(path: str) -> str:
    """``path`` when it stays on this host, else the front page: no open redirects."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and not any(c in path for c in "\r\n\t\\")
    return path if is_local else "/"
