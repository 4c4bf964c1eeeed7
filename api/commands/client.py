"""The command line's side of the HTTP API: acts with the person's own token, and turns problem details back into errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Self

import httpx
import orjson

from api.settings import Settings
from knowledge.errors import (
    BadInput,
    MalformedSettings,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    OpsdeskError,
    Permanent,
    Refused,
    Temporary,
)

Json = Any

RECONNECTS = 5
"""So often a lost event stream is taken up again before the person is told."""
RECONNECT_SECONDS = 1.0
SILENCE_SECONDS = 60.0
"""The server says "still here" four times in this time; a stream that says nothing at all is dead."""

_START_IT = "start it with `opsdesk serve`, or set OPSDESK_URL to where it runs"
_MAKE_TOKEN = "an admin makes one with `opsdesk user token NAME`; put it into OPSDESK_TOKEN"  # noqa: S105 - advice
_NOT_OURS = "set OPSDESK_URL to where `opsdesk serve` runs; something else may listen there"


class DeskClient:
    """Talks to a running ``opsdesk serve``."""

    def __init__(self, settings: Settings, *, reconnect_seconds: float = RECONNECT_SECONDS) -> None:
        if settings.token is None:
            raise NotAuthenticated("no token is set", next_step=_MAKE_TOKEN)
        token = settings.token.get_secret_value().strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise NotAuthenticated("what OPSDESK_TOKEN holds is no token of opsdesk", next_step=_MAKE_TOKEN)
        self._url = _checked_url(settings.server_url)
        self._reconnect_seconds = reconnect_seconds
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, timeout=30.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Json:
        given = {key: value for key, value in query.items() if value not in (None, "", False)}
        return self._answer("GET", path, params=given)

    def post(self, path: str, body: Json = None) -> Json:
        headers = {"Content-Type": "application/json"}
        return self._answer("POST", path, content=self._content(body), headers=headers)

    @staticmethod
    def _content(body: Json) -> bytes:
        try:
            return orjson.dumps(body if body is not None else {})
        except TypeError as error:  # lone surrogates: bytes of the command line that were not UTF-8
            raise BadInput("the text is not UTF-8", next_step="check the terminal's encoding (LANG, LC_ALL)") from error

    def _answer(self, method: str, path: str, **request: Any) -> Json:
        try:
            response = self._http.request(method, path, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unanswered(method, error) from error
        if not response.is_success:
            raise _problem(response)
        try:
            return orjson.loads(response.content) if response.content else None
        except orjson.JSONDecodeError as error:
            raise Permanent(f"{self._url} answers, but not as opsdesk does", next_step=_NOT_OURS) from error

    def _unanswered(self, method: str, error: Exception) -> Temporary:
        message = f"no answer from {self._url}: {str(error) or type(error).__name__}"
        if method == "GET" or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL):
            return Temporary(message, next_step=_START_IT)
        return Temporary(
            message, next_step="it may have been taken in: look with `opsdesk incidents` before you repeat it"
        )

    def events(self, path: str) -> Iterator[Json]:
        """The JSON data of a server-sent event stream, until the caller has heard enough. A connection that is lost, or
        ended by a server that restarts, is taken up again after the last event that came; Temporary when it stays away."""
        seen, failures = "", 0
        while True:
            try:
                for identifier, data in self._stream(path, seen):
                    failures = 0
                    seen = identifier or seen
                    yield data
                lost: Exception | None = None
            except httpx.HTTPError as error:
                lost = error
            failures += 1
            if failures > RECONNECTS:
                after = f" after event {seen}" if seen else ""
                raise Temporary(
                    f"the connection to {self._url} was lost{after}: {lost or 'the server ended it'}",
                    next_step="the incident goes on without you; run the command again when the server is back",
                ) from lost
            time.sleep(self._reconnect_seconds)

    def parts(self, path: str, body: Json) -> Iterator[Json]:
        """The events of an answer that streams. A connection that is lost is not taken up again: the answer goes on at the
        server, and is kept there."""
        timeout = httpx.Timeout(30.0, read=SILENCE_SECONDS * 3)
        content, headers = self._content(body), {"Content-Type": "application/json", "Accept": "text/event-stream"}
        began = False
        try:
            with self._http.stream("POST", path, content=content, headers=headers, timeout=timeout) as response:
                self._check_stream(response)
                for _, data in _events_in(response.iter_lines()):
                    began = True
                    yield data
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if began:
                step = "the answer goes on without you and is kept: opsdesk chat --conversation ID"
                raise Temporary(f"the connection to {self._url} was lost: {error}", next_step=step) from error
            raise self._unanswered("POST", error) from error

    def _check_stream(self, response: httpx.Response) -> None:
        if not response.is_success:
            response.read()
            raise _problem(response)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise Permanent(f"{self._url} answers, but not as opsdesk does", next_step=_NOT_OURS)

    def _stream(self, path: str, seen: str) -> Iterator[tuple[str, Json]]:
        headers = {"Last-Event-ID": seen} if seen else {}
        timeout = httpx.Timeout(30.0, read=SILENCE_SECONDS)
        with self._http.stream("GET", path, timeout=timeout, headers=headers) as response:
            if not response.is_success:
                response.read()
                problem = _problem(response)
                if isinstance(problem, Temporary):  # a proxy's 502 while the server restarts
                    raise httpx.RemoteProtocolError(problem.message)
                raise problem
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Permanent(f"{self._url} answers, but not as opsdesk does", next_step=_NOT_OURS)
            yield from _events_in(response.iter_lines())


def _events_in(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    """Id and data of each whole event; one that breaks off is dropped, and comes again after reconnecting."""
    identifier, data = "", ""
    for line in lines:
        if line.startswith("id:"):
            identifier = line.removeprefix("id:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()
        elif not line and data:
            yield identifier, orjson.loads(data)
            data = ""


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise MalformedSettings(f"{url!r} is no URL: {error}", next_step=_START_IT, source="OPSDESK_URL") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise MalformedSettings(
            f"{url!r} is no URL of a server: it looks like http://127.0.0.1:8700",
            next_step=_START_IT,
            source="OPSDESK_URL",
        )
    return url


def _problem(response: httpx.Response) -> OpsdeskError:
    """RFC 9457 problem details as the error that they tell of."""
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, dict) or not (problem.get("detail") or problem.get("title")):
        unknown = Temporary if response.status_code >= 500 else Permanent
        return unknown(f"{response.url.copy_with(query=None)} answered {response.status_code}", next_step=_NOT_OURS)
    detail = str(problem.get("detail") or problem["title"])
    next_step = str(problem.get("next_step", ""))
    kinds: dict[int, type[OpsdeskError]] = {
        400: BadInput,
        401: NotAuthenticated,
        403: NotAuthorised,
        404: NotFound,
        409: Refused,
        413: BadInput,
        422: BadInput,
        429: Temporary,
    }
    kind = kinds.get(response.status_code, Temporary if response.status_code >= 500 else Permanent)
    return kind(detail, next_step=next_step)
