"""Our mark on what we write: which step of which execution wrote it, and who approved. It is put on at sending, in a fixed
form, beside the frozen fields: the cluster's own audit log and the object itself then tell the story, and a write whose
answer was lost is known again by its target."""

from __future__ import annotations

import copy

from knowledge.vocabulary import ApiRequest, Json
from tools.actions.json_patch import ABSENT, Absent, parts_of, same, value_at

STEP = "opsdesk.io/step"
BY = "opsdesk.io/by"
VERSION = "/metadata/resourceVersion"
_SUBRESOURCES = ("/scale", "/eviction", "/status")


def carries_mark(request: ApiRequest) -> bool:
    """Whether the request writes an object's own metadata (a Scale, an Eviction and a delete do not)."""
    return request.method in {"POST", "PATCH"} and not request.path.endswith(_SUBRESOURCES)


def is_apply(request: ApiRequest) -> bool:
    """Whether it is a server-side apply."""
    return request.content_type == "application/apply-patch+yaml"


def mark_of(item: Json) -> str:
    return str((item["metadata"].get("annotations") or {}).get(STEP, ""))


def with_mark(request: ApiRequest, item: Json | None, key: str, by: str) -> ApiRequest:
    """The request with the mark. ``item`` is the target as it is now: a map that came into being since the review is not
    opened again, since that would empty it."""
    if not carries_mark(request):
        return request
    body = copy.deepcopy(request.body)
    marks = {STEP: key, BY: by}
    if not isinstance(body, list):
        body["metadata"]["annotations"] = {**(body["metadata"].get("annotations") or {}), **marks}
        if is_apply(request) and item is not None:
            # An apply tests no field: it insists on the very object, in the very state, that was just held against the review.
            found = {name: item["metadata"][name] for name in ("uid", "resourceVersion") if name in item["metadata"]}
            body["metadata"] = {**body["metadata"], **found}
        return request.model_copy(update={"body": body})
    body = _as_found(body, item)
    kept = [op for op in body if not _is_there(op, item)]
    is_open = isinstance(value_at(item, ("metadata", "annotations")), dict)
    if not is_open and not any(op["op"] == "add" and op["path"] == "/metadata/annotations" for op in kept):
        kept.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    kept += [{"op": "add", "path": path, "value": marks[key]} for path, key in _paths(marks).items()]
    version = (item or {}).get("metadata", {}).get("resourceVersion")
    if version and _untested(kept, set(_paths(marks))):
        # What was absent cannot be tested by value, nor that no map came into being between our look and the write.
        kept.insert(0, {"op": "test", "path": VERSION, "value": version})
    return request.model_copy(update={"body": kept})


def tested_version(request: ApiRequest) -> str:
    """The resourceVersion that a marked request insists on, empty when it does not."""
    if is_apply(request):
        return str(request.body["metadata"].get("resourceVersion", ""))
    first = request.body[0] if isinstance(request.body, list) and request.body else {}
    return str(first["value"]) if first.get("path") == VERSION else ""


def _paths(marks: dict[str, str]) -> dict[str, str]:
    return {f"/metadata/annotations/{key.replace('/', '~1')}": key for key in marks}


def _untested(operations: list[Json], marks: set[str]) -> bool:
    """Whether some field is written that no test of its own value guards: sent twice, it would be carried out twice."""
    tested = [op["path"] for op in operations if op["op"] == "test"]
    return any(
        not any(
            path == op["path"] or path.startswith(f"{op['path']}/") or op["path"].startswith(f"{path}/")
            for path in tested
        )
        for op in operations
        if op["op"] != "test" and op["path"] not in marks
    )


def _is_there(operation: Json, item: Json | None) -> bool:
    """Whether an operation would open a map that has come into being since: opening it again would empty it."""
    if operation["op"] != "add" or operation.get("value") != {}:
        return False
    return isinstance(value_at(item, parts_of(operation["path"])), dict)


def _as_found(operations: list[Json], item: Json | None) -> list[Json]:
    """A test of what we wrote, widened to what the server made of it: it fills in defaults, which a plain test would trip
    over. Only a value that says the same is taken over; everything else is still tested as it was frozen."""
    if item is None:
        return operations
    found: list[Json] = []
    for operation in operations:
        now = value_at(item, parts_of(operation["path"])) if operation["op"] == "test" else ABSENT
        says_same = not isinstance(now, Absent) and same(now, operation["value"])
        found.append({**operation, "value": now} if says_same else operation)
    return found
