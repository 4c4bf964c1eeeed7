"""DELETE of one object or of a collection: preconditions, propagation, grace period, dry run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evals.practice.errors import ApiError, Cause, conflict, invalid
from evals.practice.hooks import Object
from evals.practice.http.body import BadJson, parse_json
from evals.practice.http.call import Answer, Call, success
from evals.practice.http.lists import selection
from evals.practice.http.options import list_options
from evals.practice.http.render import collection, single
from evals.practice.store import name_of, namespace_of

_POLICIES = ("Foreground", "Background", "Orphan")
# kinds whose deletion answers with the object itself even when it is gone at once
_ANSWER_OBJECT = frozenset(["pods", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts", "services",
                            "podtemplates", "resourcequotas", "storageclasses.storage.k8s.io"])  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a deletion was asked for: by its body, or where it has none by its query."""

    dry_run: bool
    grace_seconds: int | None
    policy: str
    uid: str
    version: str


def delete_options(call: Call) -> DeleteOptions:
    """Checked options of a deletion; a broken body is answered 500, as the server does."""
    body: dict[str, Any] = {}
    text = call.body.decode("utf-8", "replace")
    if text.strip():
        try:
            value, _ = parse_json(text)
        except BadJson as error:
            raise ApiError(500, "", f"couldn't get version/kind; json parse error: {error}") from None
        body = value if isinstance(value, dict) else {}
    query = {} if call.body else call.query  # with a body the server reads no option from the query, dryRun included
    policy = str(body.get("propagationPolicy") or query.get("propagationPolicy") or "")
    if policy and policy not in _POLICIES:
        cause = Cause.unsupported("propagationPolicy", policy, [*_POLICIES, "nil"])
        raise invalid("DeleteOptions", "meta.k8s.io", "", [cause])
    if not policy and (body.get("orphanDependents") or (query and call.is_true("orphanDependents"))):
        policy = "Orphan"
    grace = body.get("gracePeriodSeconds")
    if grace is None and query.get("gracePeriodSeconds"):
        grace = int(query["gracePeriodSeconds"])
    dry = body.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
    if dry and dry != ["All"]:
        shown = ", ".join(f'"{one}"' for one in dry)
        cause = Cause(
            "FieldValueNotSupported", "dryRun", f'Unsupported value: []string{{{shown}}}: supported values: "All"'
        )
        raise invalid("DeleteOptions", "meta.k8s.io", "", [cause])
    conditions = body.get("preconditions") or {}
    grace_seconds = None if grace is None else 1 if grace < 0 else int(grace)
    return DeleteOptions(
        bool(dry), grace_seconds, policy, conditions.get("uid") or "", conditions.get("resourceVersion") or ""
    )


def check_preconditions(call: Call, obj: Object, options: DeleteOptions) -> None:
    """409 when the object is not the one that was meant."""
    meta, kind = obj["metadata"], call.kind
    why = ""
    if options.uid and options.uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif options.version and options.version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in "
            f"record ({meta['resourceVersion']}). The object might have been modified"
        )
    if why:
        raise conflict(kind.kind, kind.group, name_of(obj), why)


def delete_object(call: Call) -> Answer:
    """DELETE by name."""
    options = delete_options(call)
    kind, place, store = call.kind, call.place, call.cluster.store
    obj = store.get(kind.store_key, place.namespace, place.name)
    check_preconditions(call, obj, options)
    gone, result = delete_one(call, obj, options)
    if gone and kind.store_key not in _ANSWER_OBJECT:
        details: Object = {"name": place.name}
        if kind.group:
            details["group"] = kind.group
        details.update(kind=kind.plural, uid=obj["metadata"]["uid"])
        return Answer(success(details))
    return single(call, result)


def delete_one(call: Call, obj: Object, options: DeleteOptions) -> tuple[bool, Object]:
    """Delete with its propagation; (is it gone, the object to show)."""
    store, key = call.cluster.store, call.kind.store_key
    namespace, name = namespace_of(obj), name_of(obj)
    finalizers = _propagation_finalizers(obj, options.policy)
    if options.dry_run:
        held = bool(finalizers or obj["metadata"].get("finalizers"))
        return not held, obj
    if finalizers != (obj["metadata"].get("finalizers") or []):
        # one write on a real server: the finalizer and the deletion share a version
        return False, store.mark_deleted(
            key, namespace, name, grace_seconds=options.grace_seconds, finalizers=finalizers
        )
    result = store.mark_deleted(key, namespace, name, grace_seconds=options.grace_seconds)
    return store.find(key, namespace, name) is None, result


def _propagation_finalizers(obj: Object, policy: str) -> list[str]:
    """The finalizers with which the garbage collector is told what to do with the dependents."""
    held = list(obj["metadata"].get("finalizers") or [])
    if policy == "Orphan" and "orphan" not in held:
        return [*[one for one in held if one != "foregroundDeletion"], "orphan"]
    if policy == "Foreground" and "foregroundDeletion" not in held:
        return [*[one for one in held if one != "orphan"], "foregroundDeletion"]
    if policy == "Background":
        return [one for one in held if one not in ("orphan", "foregroundDeletion")]
    return held


def delete_collection(call: Call) -> Answer:
    """DELETE of what the selectors leave; answers with the list of what was there."""
    options = delete_options(call)
    listed = list_options(call)
    predicate = selection(call.kind, listed)
    store = call.cluster.store
    version = store.version
    rows = store.list(call.kind.store_key, call.place.namespace or None)
    chosen = [row for row in rows if predicate is None or predicate(row)]
    for row in chosen:
        delete_one(call, row, options)
    return collection(call, chosen, {"resourceVersion": str(version)})
