"""One request and its answer, as the handlers see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evals.practice.errors import ApiError
from evals.practice.hooks import Object
from evals.practice.kinds import Kind

if TYPE_CHECKING:
    from evals.practice.cluster import Cluster

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks; `groups` as an authenticator gives them."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path under /api or /apis points at. `kind` is None when nothing of that name is served."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    subresource: str
    kind: Kind | None
    is_watch_path: bool = False


@dataclass(slots=True)
class Call:
    """A request after authentication."""

    cluster: Cluster
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    user: User
    target: Target | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """The served kind; only called after routing has made sure of it."""
        if self.target is None or self.target.kind is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource", details={})
        return self.target.kind

    @property
    def place(self) -> Target:
        if self.target is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource", details={})
        return self.target

    @property
    def manager(self) -> str:
        """The field manager of a write: asked for, or the first word of the user agent."""
        asked = self.query.get("fieldManager")
        if asked:
            return asked
        agent = self.headers.get("user-agent", "").split("/")[0]
        return agent or "unknown"

    def is_true(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("true", "1", "t")


@dataclass(slots=True)
class Answer:
    """What goes back: `body` is an object, ready bytes, text, or a stream."""

    body: Object | bytes | str | AsyncIterator[bytes] | None
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    resource: str = ""
    """Set for stored objects, so that their encoded form can come from the cache."""


def refused(error: ApiError) -> Answer:
    """The answer of a refused request."""
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Answer(error.status(), status=error.code, headers=headers)


NOT_FOUND_TEXT = "404 page not found\n"


def page_not_found() -> Answer:
    """What the server says of a path that is no part of any API."""
    return Answer(NOT_FOUND_TEXT, status=404, content_type="text/plain; charset=utf-8")


def resource_not_found() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", details={})


def method_not_allowed() -> ApiError:
    return ApiError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
    )


def success(details: dict[str, Any] | None = None) -> Object:
    """A Status of success, as deletions answer."""
    body: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        body["details"] = details
    return body
