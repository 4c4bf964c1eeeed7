"""PATCH: which kind of patch it is, and what becomes of its result."""

from __future__ import annotations

import json
from typing import Any

from evals.practice.errors import ApiError, Cause, bad_request, invalid
from evals.practice.hooks import Object
from evals.practice.http.apply import apply_object
from evals.practice.http.body import BadJson, parse_json
from evals.practice.http.call import Answer, Call
from evals.practice.http.convert import from_stored, to_stored
from evals.practice.http.crud import check_place, check_version_text, write_over
from evals.practice.http.options import write_options
from evals.practice.http.patch_json import PatchRefused, apply_json_patch
from evals.practice.http.patch_merge import apply_merge_patch, apply_strategic_patch
from evals.practice.http.render import form_of, single
from evals.practice.schema.fields import WrongType, read_object, root_type
from evals.practice.store import copy_of

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def unsupported_patch() -> ApiError:
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})


def patch_type(call: Call) -> str:
    """The media type of the patch; 415 for anything but the four."""
    media = call.headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH):
        raise unsupported_patch()
    return media


def patch_object(call: Call) -> Answer:
    """PATCH of an object or of its status."""
    media = patch_type(call)
    options = write_options(call, "PatchOptions")
    form_of(call)
    if media == APPLY_PATCH:
        return apply_object(call, options)
    if "force" in call.query:
        cause = Cause.forbidden("force", "may not be specified for non-apply patch")
        raise invalid("PatchOptions", "meta.k8s.io", "", [cause])
    kind, place, store = call.kind, call.place, call.cluster.store
    patch = read_patch(call, media)
    old = store.get(kind.store_key, place.namespace, place.name)
    before = from_stored(kind, copy_of(old))
    root = root_type(kind.group, kind.version, kind.kind)
    patched = patched_value(media, before, patch, root)
    obj = to_stored(kind, _shaped(call, media, root, patched, patch))
    _check_identity(call, obj, old)
    return single(call, write_over(call, obj, old, dry_run=options.dry_run))


def read_patch(call: Call, media: str) -> Any:
    """The patch document; 400 when it is none."""
    try:
        value, _ = parse_json(call.body.decode("utf-8", "replace"))
    except BadJson as error:
        raise bad_request(f"error decoding patch: {error}") from None
    wanted: type = list if media == JSON_PATCH else dict
    if not isinstance(value, wanted):
        word = {dict: "object", list: "array", str: "string", bool: "bool"}.get(type(value), "number")
        go = "[]handlers.jsonPatchOp" if media == JSON_PATCH else "map[string]interface {}"
        raise bad_request(f"error decoding patch: json: cannot unmarshal {word} into Go value of type {go}")
    return value


def patched_value(media: str, before: Object, patch: Any, root: str | None) -> Object:
    """The object after the patch, before its shape is checked."""
    if media == JSON_PATCH:
        try:
            result = apply_json_patch(before, patch)
        except PatchRefused:
            why = "the server rejected our request due to an error in our request"
            raise ApiError(422, "Invalid", why, details={}) from None
        if not isinstance(result, dict):
            raise ApiError(422, "Invalid", "the server rejected our request due to an error in our request", details={})
        return result
    if media == MERGE_PATCH:
        merged: Object = apply_merge_patch(before, patch)
        return merged
    return apply_strategic_patch(root, before, patch)


def _shaped(call: Call, media: str, root: str | None, patched: Object, patch: Any) -> Object:
    """Unknown fields and wrong types of the result."""
    if root is None:
        return patched
    shown = f"map[{_go_map(patch)}]" if media == STRATEGIC_PATCH else json.dumps(patched, separators=(",", ":"))
    try:
        cleaned, unknown = read_object(root, patched)
    except WrongType as error:
        raise bad_result(shown, str(error)) from None
    complaints = [f'unknown field "{path}"' for path in unknown]
    policy = call.query.get("fieldValidation") or "Warn"
    if complaints and policy == "Strict":
        raise bad_result(shown, "strict decoding error: " + ", ".join(complaints))
    if policy == "Warn":
        call.warnings.extend(complaints)
    return cleaned


def bad_result(shown: str, why: str) -> ApiError:
    """422: what a patch made of the object cannot be read as one."""
    error = invalid("", "", "", [Cause.invalid("patch", shown, why)])
    error.details = {"causes": (error.details or {}).get("causes", [])}
    return error


def _go_map(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(
            f"{k}:{'map[' + _go_map(v) + ']' if isinstance(v, dict) else _go_map(v)}" for k, v in value.items()
        )
    if isinstance(value, list):
        return "[" + " ".join(f"map[{_go_map(v)}]" if isinstance(v, dict) else _go_map(v) for v in value) + "]"
    return "<nil>" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _check_identity(call: Call, obj: Object, old: Object) -> None:
    """A patch may not rename, move or re-identify an object."""
    check_place(call, obj, call.place.name)
    meta = obj["metadata"]
    check_version_text(meta)
    if meta.get("uid") != old["metadata"]["uid"]:
        cause = Cause.invalid("metadata.uid", meta.get("uid", ""), "field is immutable")
        error = invalid(call.kind.kind, call.kind.group, call.place.name, [cause])
        error.details = {**(error.details or {}), "causes": (error.details or {})["causes"] * 2}
        raise error
