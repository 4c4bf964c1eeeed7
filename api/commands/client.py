"""The command line's side of the HTTP API: acts with the person's own token, and turns problem details back into errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import httpx
import orjson

from api.settings import Settings
from knowledge.errors import (
    BadInput,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    OpsdeskError,
    Permanent,
    Refused,
    Temporary,
)

Json = Any


class DeskClient:
    """Talks to a running ``opsdesk serve``."""

    def __init__(self, settings: Settings) -> None:
        if settings.token is None:
            raise NotAuthenticated(
                "no token is set",
                next_step="an admin makes one with `opsdesk user token NAME`; put it into OPSDESK_TOKEN",
            )
        self._url = settings.server_url
        headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
        self._http = httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, timeout=30.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Json:
        given = {key: value for key, value in query.items() if value not in (None, "", False)}
        return self._answer("GET", path, params=given)

    def post(self, path: str, body: Json = None) -> Json:
        return self._answer("POST", path, json=body if body is not None else {})

    def _answer(self, method: str, path: str, **request: Any) -> Json:
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise Temporary(
                f"no answer from {self._url}: {error}",
                next_step="start it with `opsdesk serve`, or set OPSDESK_URL to where it runs",
            ) from error
        if response.is_success:
            return orjson.loads(response.content) if response.content else None
        raise _problem(response)

    def events(self, path: str) -> Iterator[Json]:
        """The JSON data of a server-sent event stream, until the server ends it."""
        try:
            with self._http.stream("GET", path, timeout=httpx.Timeout(30.0, read=None)) as response:
                if not response.is_success:
                    response.read()
                    raise _problem(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield orjson.loads(line.removeprefix("data:").strip() or "null")
        except httpx.HTTPError as error:
            raise Temporary(
                f"the connection to {self._url} was lost: {error}", next_step="run the command again"
            ) from error


def _problem(response: httpx.Response) -> OpsdeskError:
    """RFC 9457 problem details as the error that they tell of."""
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP {response.status_code}")
    next_step = str(problem.get("next_step", ""))
    kinds: dict[int, type[OpsdeskError]] = {
        400: BadInput,
        401: NotAuthenticated,
        403: NotAuthorised,
        404: NotFound,
        409: Refused,
        413: BadInput,
        422: BadInput,
    }
    kind = kinds.get(response.status_code, Temporary if response.status_code >= 500 else Permanent)
    return kind(detail, next_step=next_step)
