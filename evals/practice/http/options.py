"""The query parameters of reads and writes, checked as a server checks them."""

from __future__ import annotations

from dataclasses import dataclass

from evals.practice.errors import ApiError, Cause, bad_request, invalid
from evals.practice.http.call import Call


def _integer(call: Call, name: str) -> int:
    text = call.query.get(name, "")
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _options_invalid(kind: str, cause: Cause) -> ApiError:
    return invalid(kind, "meta.k8s.io", "", [cause])


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or a watch was asked for."""

    label_selector: str
    field_selector: str
    limit: int
    continue_token: str
    resource_version: str
    match: str
    timeout_seconds: int
    allow_bookmarks: bool
    send_initial_events: bool | None


def list_options(call: Call) -> ListOptions:
    """Checked options of a list or watch; 400 and 422 as the server's."""
    query = call.query
    limit, timeout = _integer(call, "limit"), _integer(call, "timeoutSeconds")
    version, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    initial = query.get("sendInitialEvents")
    return ListOptions(
        query.get("labelSelector", ""),
        query.get("fieldSelector", ""),
        max(limit, 0),
        query.get("continue", ""),
        version,
        match,
        timeout,
        call.is_true("allowWatchBookmarks"),
        None if initial is None else initial.lower() in ("true", "1", "t"),
    )


def check_list_match(options: ListOptions) -> None:
    """The rules on resourceVersionMatch of a list."""
    version, match = options.resource_version, options.match
    if not match:
        return
    field = "resourceVersionMatch"
    if options.continue_token:
        cause = Cause.forbidden(field, "resourceVersionMatch is forbidden when continue is provided")
    elif not version:
        cause = Cause.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    elif match not in ("Exact", "NotOlderThan"):
        cause = Cause.unsupported(field, match, ["Exact", "NotOlderThan", ""])
    elif match == "Exact" and version == "0":
        cause = Cause.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    else:
        return
    raise _options_invalid("ListOptions", cause)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a write was asked for."""

    dry_run: bool


def write_options(call: Call, kind: str) -> WriteOptions:
    """Checked options of a create, update or patch; `kind` is CreateOptions, UpdateOptions or PatchOptions."""
    dry = call.query.get("dryRun", "")
    if dry not in ("", "All"):
        cause = Cause(
            "FieldValueNotSupported", "dryRun", f'Unsupported value: []string{{"{dry}"}}: supported values: "All"'
        )
        raise _options_invalid(kind, cause)
    validation = call.query.get("fieldValidation", "")
    allowed = ["", "Ignore", "Strict", "Warn"]
    if validation not in allowed:
        raise _options_invalid(kind, Cause.unsupported("fieldValidation", validation, allowed))
    return WriteOptions(dry == "All")


def version_number(text: str) -> int:
    """A resourceVersion in a query; a bad one is answered 500, as the server does."""
    if not text:
        return 0
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, "", why)
    return number


def too_large(asked: int, current: int) -> ApiError:
    """504: the version is in the future."""
    message = "Too large resource version"
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": message}], "retryAfterSeconds": 1}
    text = f"Timeout: {message}: {asked}, current: {current}"
    return ApiError(504, "Timeout", text, details=details, retry_after_seconds=1)
