"""From the bytes of a request to an object: JSON or YAML, the right kind, known fields, right types."""

from __future__ import annotations

import json
from typing import Any

import yaml

from evals.practice.errors import ApiError, bad_request
from evals.practice.hooks import Object
from evals.practice.http.call import Call
from evals.practice.kinds import BY_KIND, Kind
from evals.practice.schema.fields import WrongType, read_object, root_type

MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


class BadJson(Exception):
    """A text that is no JSON; the message is Go's."""


def parse_json(text: str) -> tuple[Any, list[str]]:
    """The value and the paths of fields that occur twice. Raises `BadJson`."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadJson(_go_json_error(text, error)) from None
    except RecursionError:
        raise BadJson("exceeded max depth") from None
    return value, _duplicates(text) if isinstance(value, dict) else []


def _go_json_error(text: str, error: json.JSONDecodeError) -> str:
    stripped = text.lstrip()
    position = error.pos
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    if not stripped or position >= len(text):
        return "unexpected end of JSON input"
    letter = text[position]
    shown = f"'{letter}'" if 0x20 <= ord(letter) < 0x7F else f"'\\u{ord(letter):04x}'"
    if error.msg.startswith("Expecting property name"):
        return f"invalid character {shown} looking for beginning of object key string"
    if error.msg.startswith("Expecting ',' delimiter"):
        return f"invalid character {shown} after object key:value pair"
    return f"invalid character {shown} looking for beginning of value"


def _duplicates(text: str) -> list[str]:
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in items:
            if key in result:
                found.append(key)
            result[key] = value
        return result

    value = json.loads(text, object_pairs_hook=pairs)
    return [_path_to(value, key) for key in found]


def _path_to(value: Any, key: str, path: str = "") -> str:
    """The path of the first field of this name: enough to say where a duplicate is."""
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            if name == key:
                return here
            deeper = _path_to(inner, key, here)
            if deeper:
                return deeper
    return ""


def _quoted_body(text: str) -> str:
    """How the server shows a body that it could not read."""
    if not text:
        return "<empty>"
    if (text[0] in "{[" and len(text.encode()) > 20) or text[0] == "{":
        return text if len(text) <= 25 else text[:30] + " ..."
    return text.encode().hex()


def read_value(call: Call, kind_name: str) -> tuple[Any, list[str]]:
    """The parsed body; 415 for another media type, 400 for what is no JSON or YAML."""
    media = call.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media in ("application/yaml", "text/yaml", "application/apply-patch+yaml"):
        return _read_yaml(call, kind_name), []
    if media not in ("application/json", "", "*/*"):
        message = f"the body of the request was in an unknown format - accepted media types include: {MEDIA_TYPES}"
        raise ApiError(415, "UnsupportedMediaType", message)
    text = call.body.decode("utf-8", "replace")
    try:
        value, duplicates = parse_json(text)
    except BadJson as error:
        raise _unrecognized(kind_name, str(error), text) from None
    if not isinstance(value, dict):
        word = {list: "array", str: "string", bool: "bool"}.get(type(value), "number")
        go = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        raise _unrecognized(kind_name, f"json: cannot unmarshal {word} into Go value of type {go}", text)
    return value, duplicates


def _unrecognized(kind_name: str, why: str, text: str) -> ApiError:
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind_name}): couldn't get version/kind; "
        f"json parse error: {why} ({_quoted_body(text)})"
    )


def _read_yaml(call: Call, kind_name: str) -> Any:
    try:
        value = yaml.safe_load(call.body.decode("utf-8", "replace"))
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    if not isinstance(value, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind_name}): not an object")
    return json.loads(json.dumps(value, default=str))


def read_as(call: Call, group: str, version: str, kind: str) -> Object:
    """The body as an object of this kind, unknown fields treated as `fieldValidation` asks."""
    value, duplicates = read_value(call, kind)
    written_version, written_kind = value.get("apiVersion"), value.get("kind")
    expected = f"{group}/{version}" if group else version
    short_version = str(written_version or expected).rpartition("/")[2]
    if written_kind and written_kind != kind:
        known = (str(written_version or expected), str(written_kind)) in BY_KIND
        go_from = f"{short_version}.{written_kind}"
        why = f"converting ({go_from}) to ({(group.split('.', maxsplit=1)[0] or 'core')}.{kind}): unknown conversion"
        if not known:
            why = _not_registered(str(written_kind), str(written_version))
        raise bad_request(f'{written_kind} in version "{short_version}" cannot be handled as a {kind}: {why}')
    if written_version and written_version != expected:
        why = _not_registered(str(written_kind or kind), str(written_version))
        raise bad_request(f'{kind} in version "{short_version}" cannot be handled as a {kind}: {why}')
    return shaped(call, group, version, kind, value, duplicates)


def _not_registered(kind: str, version: str) -> str:
    return f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/api/legacyscheme/scheme.go:30"'


def shaped(call: Call, group: str, version: str, kind: str, value: Object, duplicates: list[str]) -> Object:
    """The value in the shape of its kind; 400 on a wrong type, a warning or 400 on unknown fields."""
    root = root_type(group, version, kind)
    if root is None:
        return value
    short = version
    try:
        cleaned, unknown = read_object(root, value)
    except WrongType as error:
        raise bad_request(f'{kind} in version "{short}" cannot be handled as a {kind}: {error}') from None
    complaints = [f'duplicate field "{path}"' for path in duplicates] + [f'unknown field "{path}"' for path in unknown]
    policy = call.query.get("fieldValidation") or "Warn"
    if complaints and policy == "Strict":
        joined = ", ".join(complaints)
        raise bad_request(f'{kind} in version "{short}" cannot be handled as a {kind}: strict decoding error: {joined}')
    if policy == "Warn":
        call.warnings.extend(complaints)
    return cleaned


def read_kind(call: Call, kind: Kind) -> Object:
    """The body as an object of the request's kind."""
    return read_as(call, kind.group, kind.version, kind.kind)
