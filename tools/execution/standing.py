"""Where a write stands, told by re-reading its target: what happens after a crash or an answer that never came."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from operator import eq

from knowledge.errors import ObjectNotFound
from knowledge.vocabulary import ApiRequest, FieldState, FrozenStep, Json
from tools.actions.contract import CREATED_UID
from tools.actions.json_patch import Absent, parts_of, same, value_at
from tools.execution.mark import mark_of
from tools.ports import ClusterReader

SUBRESOURCES = ("/scale", "/eviction", "/status")


class Standing(StrEnum):
    """``not_sent_or_lost``: the target is as it was before, so that sending the same tested request is safe."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


def object_path(request: ApiRequest, step: FrozenStep) -> str:
    """The path of the object that a request writes: subresources off, a create's name on."""
    path = request.path
    for subresource in SUBRESOURCES:
        path = path.removesuffix(subresource)
    if request.method == "POST" and path == request.path and step.target is not None:
        path = f"{path}/{step.target.name}"
    return path


def target_path(step: FrozenStep) -> str | None:
    """The path of the step's own target: evictions of a drain write other objects. None when only those are left."""
    own = [request for request in (*step.requests, *step.inverse) if not request.path.endswith("/eviction")]
    return object_path(own[0], step) if own else None


async def read_object(reader: ClusterReader, path: str) -> Json | None:
    """The object as it is now, None when it is absent. Other errors are the caller's."""
    try:
        found = await reader.raw(path)
    except ObjectNotFound:
        return None
    return found if isinstance(found, dict) else None


def holds(item: Json | None, states: Sequence[FieldState], *, is_exact: bool = False) -> bool:
    """Whether every field is as ``states`` say. The empty path speaks of the object's being there at all. What we wrote may
    have been filled in by the server; what was read (``is_exact``) may not."""
    is_same = eq if is_exact else same
    for state in states:
        if state.path == "":
            if (item is None) is not state.is_absent or (item is not None and not same(item, state.value or {})):
                return False
            continue
        found = value_at(item, parts_of(state.path)) if item is not None else Absent()
        if isinstance(found, Absent):
            if not state.is_absent and state.value not in (None, 0, False, {}, []):
                return False
        elif state.is_absent or not is_same(found, state.value):
            return False
    return True


def mismatch(item: Json | None, states: Sequence[FieldState], *, is_exact: bool = False) -> str:
    """The first field that is not as ``states`` say, in words; empty when all are."""
    for state in states:
        if not holds(item, (state,), is_exact=is_exact):
            wanted = "absent" if state.is_absent else repr(state.value)[:200]
            found = value_at(item, parts_of(state.path)) if item is not None else "no object"
            return f"{state.path or 'the object'} is {found!r:.200}, reviewed as {wanted}"
    return ""


async def standing_of(
    request: ApiRequest, step: FrozenStep, reader: ClusterReader, key: str, *, is_inverse: bool
) -> Standing:
    """Raises what the reader raises when the target cannot be read: then nothing may be concluded."""
    item = await read_object(reader, object_path(request, step))
    if request.method == "DELETE" or request.path.endswith("/eviction"):
        return _standing_of_delete(request, item)
    if item is not None and mark_of(item) == key:
        return Standing.DONE
    if request.method == "POST":
        return _standing_of_create(item)
    wanted, origin = (step.before, step.after) if is_inverse else (step.after, step.before)
    if holds(item, wanted):
        return Standing.DONE
    return Standing.NOT_DONE if holds(item, origin) else Standing.UNKNOWN


def _standing_of_delete(request: ApiRequest, item: Json | None) -> Standing:
    body = request.body if isinstance(request.body, dict) else {}
    options = body.get("deleteOptions", body)
    uid = options.get("preconditions", {}).get("uid", "")
    if item is None or item["metadata"].get("deletionTimestamp"):
        return Standing.DONE
    if uid and uid != CREATED_UID and item["metadata"].get("uid") != uid:
        return Standing.DONE
    return Standing.NOT_DONE


def _standing_of_create(item: Json | None) -> Standing:
    """What is there without our mark was made by somebody else, between the check and the write."""
    return Standing.NOT_DONE if item is None else Standing.UNKNOWN
