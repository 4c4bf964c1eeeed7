"""What every request meets first: a bound on its body and on the time that it takes to arrive.

Pure ASGI, so that nothing larger than the bound is ever read, whatever the application behind would do with it.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.problems import answer, plain_problem

BODY_SECONDS = 30.0
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class BodyLimit:
    """Answers 413 for a body above ``maximum_bytes`` without reading on, and 408 for one that does not arrive."""

    def __init__(self, app: ASGIApp, maximum_bytes: int, seconds: float = BODY_SECONDS) -> None:
        self._app, self._maximum, self._seconds = app, maximum_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > self._maximum:
            await self._refuse_size(scope, receive, send)
            return
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message.get("body", b"")
                    if len(body) > self._maximum:
                        await self._refuse_size(scope, receive, send)
                        return
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            problem = plain_problem(408, f"the body did not arrive within {self._seconds:.0f} s", "send it again")
            await answer(problem, {"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, _replayed(bytes(body), receive), send)

    async def _refuse_size(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"the body is larger than {self._maximum} bytes; nothing of it was taken"
        next_step = "send less at a time, or raise web.maximum_body_bytes"
        await answer(plain_problem(413, detail, next_step), {"Connection": "close"})(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever comes on the connection (its end)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
