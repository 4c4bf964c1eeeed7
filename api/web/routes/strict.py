"""How the API reads a JSON body: UTF-8 only, no NaN, no bottomless nesting, and nothing that is not called JSON."""

from __future__ import annotations

import email.message
import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.web.problems import UnreadableBody


def loads(body: bytes) -> Any:
    """Raises UnreadableBody with line and column."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(
            f"the body is not valid JSON: {error.msg}",
            line=error.lineno,
            column=error.colno,
            next_step="send one JSON value in UTF-8",
        ) from None


def check_content_type(request: Request) -> None:
    """A body has to be called JSON; one without a type may be it."""
    given = request.headers.get("content-type")
    if not given:
        return
    message = email.message.Message()
    message["content-type"] = given
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise HTTPException(415, f"the body is called {given[:100]!r}; JSON is taken here")


class StrictRequest(Request):
    async def json(self) -> Any:
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from None


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if self.body_field is not None:
                check_content_type(request)
                if not request.headers.get("content-type"):
                    request.scope["headers"] = [*request.scope["headers"], (b"content-type", b"application/json")]
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def api_router(tag: str) -> APIRouter:
    return APIRouter(prefix="/api/v1", tags=[tag], route_class=StrictRoute)
