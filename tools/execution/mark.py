"""Our mark on what we write: which step of which execution wrote it, and who approved. It is put on at sending, in a fixed
form, beside the frozen fields: the cluster's own audit log and the object itself then tell the story, and a write whose
answer was lost is known again by its target."""

from __future__ import annotations

import copy

from knowledge.vocabulary import ApiRequest, Json
from tools.actions.json_patch import ABSENT, Absent, parts_of, same, value_at

STEP = "opsdesk.io/step"
BY = "opsdesk.io/by"
_MAPS = frozenset({"/metadata/annotations", "/metadata/labels"})
_SUBRESOURCES = ("/scale", "/eviction", "/status")


def carries_mark(request: ApiRequest) -> bool:
    """Whether the request writes an object's own metadata (a Scale, an Eviction and a delete do not)."""
    return request.method in {"POST", "PATCH"} and not request.path.endswith(_SUBRESOURCES)


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
        return request.model_copy(update={"body": body})
    body = _as_found(body, item)
    metadata = (item or {}).get("metadata", {})
    there = {path for path in _MAPS if isinstance(metadata.get(path.rpartition("/")[2]), dict)}
    kept = [op for op in body if not (op["op"] == "add" and op["path"] in there and op.get("value") == {})]
    opened = there | {op["path"] for op in kept if op["op"] == "add"}
    if "/metadata/annotations" not in opened:
        kept.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    kept += [
        {"op": "add", "path": f"/metadata/annotations/{k.replace('/', '~1')}", "value": v} for k, v in marks.items()
    ]
    return request.model_copy(update={"body": kept})


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
