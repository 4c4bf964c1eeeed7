"""The ASGI application: reads a request, lets it be handled, writes the answer, keeps the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from evals.practice.clock import micro_timestamp
from evals.practice.cluster import Cluster
from evals.practice.errors import ApiError, internal
from evals.practice.http.call import Answer, Call, refused
from evals.practice.http.control import PREFIX, Control
from evals.practice.http.dispatch import handle
from evals.practice.http.injection import Injection, Injections
from evals.practice.http.request_log import RequestLog, Seen

log = logging.getLogger(__name__)
MAX_BODY_BYTES = 3 * 1024 * 1024


class DroppedConnection(Exception):
    """Raised to end a connection without an answer; uvicorn closes the socket."""


class PracticeApp:
    """One cluster behind HTTP."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.requests = RequestLog()
        self.injections = Injections()
        self._control = Control(self.requests, self.injections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        response = await self._respond(request, body)
        if response is None:
            _drop(scope)
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request, body: bytes) -> Response | None:
        """The response, or None when the connection is to be dropped."""
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        headers = {key.lower(): value for key, value in request.headers.items()}
        path = request.url.path
        started = time.perf_counter()
        agent = headers.get("user-agent", "")
        controlled = path == PREFIX or path.startswith(PREFIX + "/")
        now = micro_timestamp(self.cluster.clock.now())
        seen = Seen(0, now, request.method, path, query, "", agent, "") if controlled else (
            self.requests.begin(now, request.method, path, query, agent, body)
        )  # fmt: skip
        order = None if controlled else self.injections.take(request.method, path, is_dry_run="dryRun" in query)
        if order is not None:
            seen.injected = order.effect
            early = await self._before(order)
            if early is None or early is not _GO_ON:
                return self._finished(seen, started, early)
        answer = self._handled(request.method, path, query, headers, body, seen, controlled)
        if order is not None and order.effect == "drop_after_write":
            return self._finished(seen, started, None)
        if order is not None and order.effect == "status_after_write":
            answer = refused(_injected_error(order))
        response = _response(answer)
        if order is not None and order.effect in {"garbage", "truncated"}:
            response = _spoilt(response, order.effect)
        return self._finished(seen, started, response)

    def _finished(self, seen: Seen, started: float, response: Response | None) -> Response | None:
        seen.status = 0 if response is None else response.status_code
        seen.milliseconds = round((time.perf_counter() - started) * 1000, 3)
        return response

    async def _before(self, order: Injection) -> Response | None:
        """What an order does before the request is looked at: a response, None to drop, `_GO_ON` for nothing."""
        if order.effect == "status":
            return _response(refused(_injected_error(order)))
        if order.effect == "drop":
            return None
        if order.effect == "hang":
            await asyncio.sleep(order.seconds)
            return None
        if order.effect == "late":
            await asyncio.sleep(order.seconds)
        return _GO_ON

    def _handled(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes,
        seen: Seen,
        controlled: bool,
    ) -> Answer:
        warnings: list[str] = []
        try:
            user = self.cluster.tokens.user_of(headers)
            seen.user = user.name
            _check_size(body)
            call = Call(self.cluster, method, path, query, headers, body, user, None, warnings)
            answer = self._control.answer(call) if controlled else handle(call)
        except ApiError as error:
            answer = refused(error)
        except (
            Exception
        ) as error:  # the edge of the server: a bug must be seen by the client and must not end the process
            log.exception("%s %s failed", method, path)
            answer = refused(internal(f"{type(error).__name__}: {error}"))
        if warnings:
            answer.headers["Warning"] = ", ".join(f'299 - "{_escaped(one)}"' for one in warnings)
        return answer


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BODY_BYTES:
        why = f"Request entity too large: limit is {MAX_BODY_BYTES}"
        raise ApiError(413, "RequestEntityTooLarge", why, details={})


_GO_ON = Response(status_code=299)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _injected_error(order: Injection) -> ApiError:
    reasons = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 429: "TooManyRequests",
               500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}  # fmt: skip
    reason = order.reason or reasons.get(order.status, "")
    retry = order.retry_after_seconds
    return ApiError(order.status, reason, order.message, details={}, retry_after_seconds=retry)


def _response(answer: Answer) -> Response:
    body = answer.body
    headers = {key: value for key, value in answer.headers.items() if key != "Transfer-Encoding"}
    headers["Audit-Id"] = "00000000-0000-4000-8000-000000000000"
    if isinstance(body, dict):
        return Response(orjson.dumps(body), answer.status, headers, answer.content_type)
    if isinstance(body, str | bytes):
        response = Response(body, answer.status, headers)
        response.headers["Content-Type"] = answer.content_type
        return response
    if body is None:
        return Response(None, answer.status, headers)
    response = StreamingResponse(_as_bytes(body), answer.status, headers)
    response.headers["Content-Type"] = answer.content_type
    return response


def _spoilt(response: Response, effect: str) -> Response:
    """What a proxy in between may make of an answer."""
    if effect == "garbage":
        return Response("<html><body>Welcome to the guest network</body></html>", 200, media_type="text/html")
    body = bytes(response.body)
    return Response(body[: len(body) // 2], response.status_code, media_type="application/json")


async def _as_bytes(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for part in stream:
        yield part


def _drop(scope: Scope) -> None:
    """End the connection without a word: the transport is closed under the server."""
    transport = scope.get("extensions", {}).get("practice.transport")
    if transport is not None:
        transport.abort()
        return
    raise DroppedConnection


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
