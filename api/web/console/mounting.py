"""NiceGUI inside the desk's own application: its pages and its socket are served beside the API, on one address.

NiceGUI keeps one application for the whole process. Here it is reached through a route that knows only what NiceGUI knows, so
that every other path still ends in the desk's own answers; it is started by the loop that serves it, and its pages carry a
content policy under which no script runs that the server did not write.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.access import FACE_KEY, Face, session_in
from api.web.console.socket import guard_socket, is_own_page
from api.web.words import language_of
from knowledge.vocabulary import Language

if TYPE_CHECKING:
    from fastapi import FastAPI

SOCKET_PATH = "/_nicegui_ws/"
CLIENT_PATH = "/_nicegui/client/"
"""Where a page's files arrive: its id is no proof of whose it is."""
RECONNECT_SECONDS = 30.0
MOST_MESSAGE_BYTES = 2_000_000
_HTML = re.compile(rb"<html[^>]*>")
_SCRIPT = re.compile(rb"<script(?=[\s>])")


class ConsoleRoute(BaseRoute):
    """Hands NiceGUI the paths that are its own; all others stay the application's."""

    def __init__(self, face: Face) -> None:
        from nicegui import core

        self._face = face
        self._inner = core.app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] not in {"http", "websocket"}:
            return Match.NONE, {}
        if scope["path"].startswith("/_nicegui"):
            return Match.FULL, {}
        best = Match.NONE
        for route in self._inner.routes:
            if isinstance(route, Route):
                found, _ = route.matches(scope)
                best = max(best, found, key=lambda one: one.value)
        return best, {}

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        _start(self._inner)
        scope[FACE_KEY] = self._face
        if scope["path"].startswith((SOCKET_PATH, CLIENT_PATH)) and not await run_in_threadpool(
            _may_connect, self._face, scope
        ):
            await _refuse(scope, receive, send)
            return
        await self._inner({**scope, "app": self._inner}, receive, send)


def mount_console(app: FastAPI, face: Face) -> None:
    """Adds NiceGUI's paths to ``app``: call it when every other route is there."""
    _configure()
    app.router.routes.append(ConsoleRoute(face))


def _configure() -> None:
    """Once a process: no welcome, no refresh loops, no utility classes generated in the browser."""
    from nicegui import core, ui
    from starlette.middleware.gzip import GZipMiddleware

    if core.app.config.has_run_config:
        return
    core.script_mode = False
    core.app.config.add_run_config(
        reload=False,
        title="opsdesk",
        viewport="width=device-width, initial-scale=1",
        favicon=None,
        dark=None,
        language=None,  # the page says its own, in `PagePolicy`
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_SECONDS,
        message_history_length=1000,
        tailwind=False,
        unocss=None,
        prod_js=True,
        show_welcome_message=False,
        cache_control_directives="public, max-age=31536000, immutable",
        markdown=False,
    )
    core.app.add_middleware(PagePolicy)
    core.app.add_middleware(GZipMiddleware, minimum_size=1_000)
    ui.add_body_html(
        "<noscript><p class='said bad'>The console needs JavaScript. 控制台需要启用 JavaScript。</p></noscript>",
        shared=True,
    )
    core.sio.eio.max_http_buffer_size = MOST_MESSAGE_BYTES
    guard_socket(core.sio)
    from api.web.console.rendering import static_url

    ui.add_head_html(
        f'<link rel="stylesheet" href="{static_url("console.css")}">'
        f'<script src="{static_url("console.js")}" defer></script>'
        f'<script src="{static_url("keys.js")}" defer></script>',
        shared=True,
    )


def _start(inner: Any) -> None:
    """Starts NiceGUI on the loop that serves this request; a loop that is gone (an earlier server of this process) is left."""
    from nicegui import core

    loop = asyncio.get_running_loop()
    if core.loop is loop and inner.is_started:
        return
    core.loop = loop
    interval = max(RECONNECT_SECONDS * 0.8, 4.0)
    core.sio.eio.ping_interval, core.sio.eio.ping_timeout = interval, interval / 2
    core.sio.eio.start_service_task = True
    core.sio.eio.sockets.clear()
    inner.start()


def _may_connect(face: Face, scope: Scope) -> bool:
    """The socket is a browser's that is signed in, and of a page of ours: another site's page has neither."""
    headers = Headers(scope=scope)
    origin = headers.get("origin", "")
    public = urlsplit(face.desk.settings.web.public_url).netloc
    if origin and urlsplit(origin).netloc not in {headers.get("host", ""), public} - {""}:
        return False
    cookies: SimpleCookie = SimpleCookie()
    cookies.load(headers.get("cookie", ""))
    if session_in(face, {name: morsel.value for name, morsel in cookies.items()}) is None:
        return False
    return not scope["path"].startswith(CLIENT_PATH) or is_own_page(scope)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4401, "reason": "sign in first"})
        return
    await PlainTextResponse("sign in first", status_code=401)(scope, receive, send)


class PagePolicy:
    """Gives each page a nonce: a script that somebody's text smuggled in has none, and does not run.

    NiceGUI's own scripts evaluate expressions that the server sends, so evaluation stays allowed; what the server sends is
    never made of anybody's text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_nicegui"):
            await self._app(scope, receive, send)
            return
        begin: Message | None = None
        body = bytearray()

        async def collected(message: Message) -> None:
            nonlocal begin
            if message["type"] == "http.response.start":
                begin = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body") or begin is None:
                return
            headers = MutableHeaders(scope=begin)
            whole = bytes(body)
            if headers.get("content-type", "").startswith("text/html"):
                nonce = secrets.token_urlsafe(18)
                whole = _SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), whole)
                whole = _HTML.sub(f'<html lang="{_language(scope)}">'.encode(), whole, count=1)
                headers["content-security-policy"] = page_policy(nonce)
                headers["content-length"] = str(len(whole))
                headers["cache-control"] = "no-store"
            await send(begin)
            await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, collected)


def _language(scope: Scope) -> str:
    return "zh-Hans" if language_of(Request(scope)) is Language.ZH else "en"


def page_policy(nonce: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
