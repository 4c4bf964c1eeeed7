"""The errors of the practice API: each knows the `Status` object that a real API server would answer with."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """One refused request. `str(error)` is the message of the Status, as controllers quote it in events."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after_seconds: int | None = None,
        continue_token: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after_seconds = retry_after_seconds
        self.continue_token = continue_token

    def status(self) -> dict[str, Any]:
        """The body of the answer, keys in the server's order."""
        meta = {"continue": self.continue_token} if self.continue_token else {}
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": meta, "status": "Failure"}
        body["message"] = self.message
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def _subject(plural: str, group: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = plural
    return details


def _qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def not_found(plural: str, group: str, name: str) -> ApiError:
    message = f'{_qualified(plural, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, details=_subject(plural, group, name))


def already_exists(plural: str, group: str, name: str, *, being_deleted: bool = False) -> ApiError:
    message = f'{_qualified(plural, group)} "{name}" already exists'
    if being_deleted:
        message = "object is being deleted: " + message
    return ApiError(409, "AlreadyExists", message, details=_subject(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {_qualified(plural, group)} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_subject(plural, group, name))


OBJECT_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(plural: str, group: str, name: str, why: str) -> ApiError:
    if name:
        message = f'{_qualified(plural, group)} "{name}" is forbidden: {why}'
    else:
        message = f"{_qualified(plural, group)} is forbidden: {why}"
    return ApiError(403, "Forbidden", message, details=_subject(plural, group, name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def internal(message: str) -> ApiError:
    cause = {"message": message}
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", details={"causes": [cause]})


def too_many_requests(message: str, *, details: dict[str, Any] | None = None, retry_after_seconds: int = 0) -> ApiError:
    return ApiError(429, "TooManyRequests", message, details=details or {}, retry_after_seconds=retry_after_seconds)


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> ApiError:
    """The 422 of a failed validation: one cause for each field."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    subject = f"{kind}.{group}" if group else kind
    details = _subject(kind, group, name)
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(422, "Invalid", f'{subject} "{name}" is invalid: {joined}', details=details)


class Cause:
    """One field that a validation found wrong; the class methods give the server's wording."""

    __slots__ = ("field", "message", "reason")

    def __init__(self, reason: str, field: str, message: str) -> None:
        self.reason = reason
        self.field = field
        self.message = message

    @classmethod
    def required(cls, field: str, detail: str = "") -> Cause:
        return cls("FieldValueRequired", field, "Required value" + (f": {detail}" if detail else ""))

    @classmethod
    def invalid(cls, field: str, value: object, detail: str) -> Cause:
        return cls("FieldValueInvalid", field, f"Invalid value: {_shown(value)}: {detail}")

    @classmethod
    def unsupported(cls, field: str, value: object, allowed: list[str]) -> Cause:
        names = ", ".join(f'"{name}"' for name in allowed)
        return cls("FieldValueNotSupported", field, f"Unsupported value: {_shown(value)}: supported values: {names}")

    @classmethod
    def forbidden(cls, field: str, detail: str) -> Cause:
        return cls("FieldValueForbidden", field, f"Forbidden: {detail}")

    @classmethod
    def duplicate(cls, field: str, value: object) -> Cause:
        return cls("FieldValueDuplicate", field, f"Duplicate value: {_shown(value)}")

    @classmethod
    def not_found(cls, field: str, value: object) -> Cause:
        return cls("FieldValueNotFound", field, f"Not found: {_shown(value)}")

    @classmethod
    def too_long(cls, field: str, detail: str) -> Cause:
        return cls("FieldValueTooLong", field, f"Too long: {detail}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return f'"{value}"' if isinstance(value, str) else str(value)
