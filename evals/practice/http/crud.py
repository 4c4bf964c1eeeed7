"""Create, get and update of objects and of their status."""

from __future__ import annotations

from evals.practice.errors import ApiError, Cause, bad_request, conflict, invalid
from evals.practice.hooks import Object
from evals.practice.http.body import read_kind
from evals.practice.http.call import Answer, Call
from evals.practice.http.convert import to_stored
from evals.practice.http.options import too_large, version_number, write_options
from evals.practice.http.ownership import stamp_update
from evals.practice.http.render import form_of, single
from evals.practice.store import copy_of

WRONG_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"


def get_object(call: Call) -> Answer:
    """One object by name."""
    form_of(call)
    place, kind, store = call.place, call.kind, call.cluster.store
    version = version_number(call.query.get("resourceVersion", ""))
    if version > store.version:
        raise too_large(version, store.version)
    return single(call, store.get(kind.store_key, place.namespace, place.name))


def check_place(call: Call, obj: Object, name: str) -> None:
    """The object must be where the path says; fills in what it leaves out."""
    meta = obj.setdefault("metadata", {})
    if call.kind.namespaced:
        if meta.get("namespace") not in (None, "", call.place.namespace):
            raise bad_request(WRONG_NAMESPACE)
        meta["namespace"] = call.place.namespace
    else:
        meta.pop("namespace", None)
    if not name:
        return
    if meta.get("name") not in (None, "", name):
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")
    if not meta.get("name"):
        raise bad_request("name must be provided")


def create_object(call: Call) -> Answer:
    """POST to a collection."""
    options = write_options(call, "CreateOptions")
    form_of(call)
    kind, place = call.kind, call.place
    given = read_kind(call, kind)
    if kind.resource == "events.events.k8s.io" and not given.get("eventTime"):
        name = str((given.get("metadata") or {}).get("name") or "")
        raise invalid(kind.kind, "", name, [Cause.required("eventTime")])
    obj = to_stored(kind, given)
    check_place(call, obj, "")
    meta = obj["metadata"]
    if meta.get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    meta.pop("managedFields", None)
    if kind.namespaced:
        require_namespace(call, place.namespace)
    if not meta.get("name") and not meta.get("generateName"):
        cause = Cause.required("metadata.name", "name or generateName is required")
        raise invalid(kind.kind, kind.group, "", [cause])
    stamp = stamp_update(call, kind)
    made = call.cluster.store.create(kind.store_key, obj, dry_run=options.dry_run, stamp=stamp)
    return single(call, made, 201)


def require_namespace(call: Call, namespace: str) -> None:
    """404 in a namespace that does not exist; a terminating one is refused by admission."""
    call.cluster.store.get("namespaces", None, namespace)


def check_version_text(meta: Object) -> None:
    """A version in a body that is no number is answered 500; 0 and none mean whatever is stored."""
    version = str(meta.get("resourceVersion") or "")
    if version and not version.isdigit():
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version == "0":
        meta.pop("resourceVersion")


def update_object(call: Call) -> Answer:
    """PUT of an object or of its status."""
    options = write_options(call, "UpdateOptions")
    form_of(call)
    kind, place, store = call.kind, call.place, call.cluster.store
    obj = to_stored(kind, read_kind(call, kind))
    check_place(call, obj, place.name)
    check_version_text(obj["metadata"])
    old = store.get(kind.store_key, place.namespace, place.name)
    return single(call, write_over(call, obj, old, dry_run=options.dry_run))


def write_over(call: Call, obj: Object, old: Object, *, dry_run: bool) -> Object:
    """Store an object in the place of `old`, with the checks that a PUT and a patch share."""
    kind, place = call.kind, call.place
    uid = obj["metadata"].get("uid")
    if uid and uid != old["metadata"]["uid"]:
        record = old["metadata"]["uid"]
        group = f"{kind.group}/" if kind.group else ""
        key = f"/registry/{group}{kind.plural}/{place.namespace + '/' if place.namespace else ''}{place.name}"
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {record}"
        text = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
        raise conflict(kind.plural, kind.group, place.name, text)
    if "managedFields" in old["metadata"]:
        obj["metadata"]["managedFields"] = copy_of(old)["metadata"]["managedFields"]
    else:
        obj["metadata"].pop("managedFields", None)
    sub = "status" if place.subresource == "status" else place.subresource
    stamp = stamp_update(call, kind)
    return call.cluster.store.update(kind.store_key, obj, subresource=sub, dry_run=dry_run, stamp=stamp)
