"""Whose socket speaks for which page. NiceGUI trusts whoever knows a page's id; here a page listens to its own principal's
browser alone, on the socket that shook hands for it, and only while the session that opened the page stands.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.web.access import FACE_KEY, Face, face_of, session_in

if TYPE_CHECKING:
    from nicegui.client import Client

FOLLOW_UPS = ("javascript_response", "ack", "log")
_turns: weakref.WeakKeyDictionary[Client, asyncio.Lock] = weakref.WeakKeyDictionary()


def guard_socket(sio: Any) -> None:
    """Once a process: puts the questions in front of NiceGUI's own handlers."""
    from nicegui import ui
    from nicegui.client import Client
    from socketio import exceptions  # type: ignore[import-untyped]

    from api.web.console.visit import sign_in_address

    own = dict(sio.handlers["/"])

    async def connect(sid: str, environ: dict[str, Any], auth: object = None) -> None:
        page = Client.instances.get(_asked_page(environ))
        if page is not None and not await run_in_threadpool(_is_of, page, environ):
            raise exceptions.ConnectionRefusedError("Implicit handshake failed")
        await own["connect"](sid, environ, auth)

    async def handshake(sid: str, said: Any) -> bool:
        page = _page(said)
        if page is None or not await run_in_threadpool(_is_of, page, sio.get_environ(sid)):
            return False
        return bool(await own["handshake"](sid, said))

    async def event(sid: str, said: Any) -> None:
        page = _page(said)
        if page is None or page.id not in sio.rooms(sid):
            return
        async with _turns.setdefault(page, asyncio.Lock()):  # what was typed first is heard first
            if await run_in_threadpool(_stands, page):
                own["event"](sid, said)
                return
            with page:
                ui.navigate.to(sign_in_address(page.request))

    def follow_up(name: str) -> Any:
        def heard(sid: str, said: Any) -> None:
            page = _page(said)
            if page is not None and page.id in sio.rooms(sid):
                own[name](sid, said)

        return heard

    sio.on("connect", connect)
    sio.on("handshake", handshake)
    sio.on("event", event)
    for name in FOLLOW_UPS:
        sio.on(name, follow_up(name))


def is_own_page(scope: Any) -> bool:
    """Whether what is sent to a page (``/_nicegui/client/ID/...``) comes from the browser of whoever it was made for. Blocking."""
    from nicegui.client import Client

    parts = str(scope["path"]).split("/")
    page = Client.instances.get(parts[3]) if len(parts) > 3 else None
    return page is not None and _is_of(page, {"asgi.scope": scope})


def _asked_page(environ: Mapping[str, Any]) -> str:
    return parse_qs(str(environ.get("QUERY_STRING", ""))).get("client_id", [""])[0]


def _page(said: Any) -> Client | None:
    from nicegui.client import Client

    name = said.get("client_id") if isinstance(said, dict) else None
    return Client.instances.get(name) if isinstance(name, str) else None


def _is_of(page: Client, environ: Mapping[str, Any]) -> bool:
    """Whether the socket's browser is signed in as whoever the page was made for. Blocking."""
    scope = environ.get("asgi.scope", {})
    face: Face | None = scope.get(FACE_KEY)
    if face is None or face is not face_of(page.request):
        return False
    here = session_in(face, Request({**scope, "type": "http"}).cookies, is_seen=False)
    owner = session_in(face, page.request.cookies, is_seen=False)
    return here is not None and owner is not None and here.principal.id == owner.principal.id


def _stands(page: Client) -> bool:
    """Whether the page's session does; its person is there at this moment. Blocking."""
    return session_in(face_of(page.request), page.request.cookies) is not None
