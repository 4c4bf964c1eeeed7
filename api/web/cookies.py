"""The cookies that we leave in a browser, each with the strictest rules that it can have."""

from __future__ import annotations

from starlette.responses import Response

from api.identity.door import Entered
from api.settings import WebSettings
from api.web.sessions import COOKIE, DEVICE_COOKIE, cookie_name

DEVICE_SECONDS = 180 * 24 * 3600


def leave(response: Response, web: WebSettings, name: str, value: str, seconds: float, *, strict: bool = True) -> None:
    """``strict`` False: it comes along, too, when another site's link leads here."""
    secure = web.secure_cookies
    response.set_cookie(
        cookie_name(name, secure=secure),
        value,
        max_age=int(seconds),
        path="/",
        httponly=True,
        samesite="strict" if strict else "lax",
        secure=secure,
    )


def take_away(response: Response, web: WebSettings, name: str) -> None:
    secure = web.secure_cookies
    response.delete_cookie(cookie_name(name, secure=secure), path="/", secure=secure, httponly=True)


def leave_session(response: Response, web: WebSettings, entered: Entered) -> None:
    """Links from elsewhere (a chat, a mail) lead to a page that knows who asks; forms are guarded by more than this."""
    seconds = (entered.session.ends_at - entered.session.opened_at).total_seconds()
    leave(response, web, COOKIE, entered.secret, seconds, strict=False)
    leave(response, web, DEVICE_COOKIE, entered.device, DEVICE_SECONDS)
