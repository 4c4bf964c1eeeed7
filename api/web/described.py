"""What the OpenAPI says beyond the routes' own signatures, in one place: who proves itself how, and the errors that any call may
end in. ``api.web.problems`` makes those answers; a fuzz over this description holds both to each other."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from api.web.problems import MEDIA_TYPE
from api.web.sessions import COOKIE

READS = frozenset({"get", "head"})
PREFIX, WEBHOOKS = "/api/v1/", "/api/v1/webhooks/"
SCHEMAS = "#/components/schemas/"

SCHEMES: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal token, or the secret of a webhook's source.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A browser that is signed in to the console. It reads; it never acts on the API.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Opsdesk-Signature",
        "description": "`sha256=` and the HMAC-SHA256 of a webhook's raw body, with the source's secret.",
    },
}

ALWAYS = {
    401: "Who asks is not proved",
    403: "Who asks lacks the role, or the place is outside their scope",
    404: "Not there, or not within the asker's scope",
    503: "Something that it needs does not answer now: try again after `Retry-After` seconds",
}
WITH_INPUT = {422: "Something that was sent does not fit; `errors` names each field"}
WITH_BODY = {
    400: "The body is not what it is called: `line` and `column` say where it breaks",
    413: "The body is larger than `web.maximum_body_bytes`",
    415: "The body is not called JSON",
}
CHANGING = {
    409: "Refused by what is true now: the state, a freeze, an earlier vote",
    429: "Too many of these for now: try again after `Retry-After` seconds",
}
ASKING_THE_WORLD = {502: "A system outside refuses the desk, or answers what cannot be used"}
WORLDLY = frozenset({"/api/v1/chat", "/api/v1/incidents/{incident_id}/charts"})
LATER = frozenset({429, 503})


class WrongField(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """Problem details (RFC 9457). `next_step` says what to do about it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(pattern="^urn:opsdesk:problem:")
    title: str
    status: int
    detail: str
    instance: str = Field("", description="The path that was asked.")
    next_step: str = ""
    source: str = Field("", description="Which file, cluster or service it is about.")
    line: int = 0
    column: int = 0
    expected: Any = None
    errors: list[WrongField] = Field(default_factory=list)


class DescribedApi(FastAPI):
    """An application whose OpenAPI tells of its errors and its proofs too."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    parts = description.setdefault("components", {})
    parts["securitySchemes"] = SCHEMES
    schemas = parts.setdefault("schemas", {})
    for model in (WrongField, Problem):
        schemas[model.__name__] = _schema(model)
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own form, which is never sent
        schemas.pop(unused, None)
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if path.startswith(PREFIX):
                _complete(path, method, operation)
    return description


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    made = model.model_json_schema(ref_template=SCHEMAS + "{model}")
    made.pop("$defs", None)
    return made


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["security"] = _proofs(path, method)
    told = dict(ALWAYS)
    if operation.get("parameters") or operation.get("requestBody"):
        told |= WITH_INPUT
    if operation.get("requestBody"):
        told |= WITH_BODY
    if method not in READS:
        told |= CHANGING
    if path in WORLDLY:
        told |= ASKING_THE_WORLD
    responses = operation["responses"]
    for status, why in sorted(told.items()):
        responses[str(status)] = _problem(why, status)


def _proofs(path: str, method: str) -> list[dict[str, list[str]]]:
    if path.startswith(WEBHOOKS):
        return [{"token": []}, {"signature": []}]
    return [{"token": []}, {"session": []}] if method in READS else [{"token": []}]


def _problem(why: str, status: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": why,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{SCHEMAS}{Problem.__name__}"}}},
    }
    if status in LATER:
        seconds = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait.", "required": True}
        made["headers"] = {"Retry-After": seconds}
    return made
