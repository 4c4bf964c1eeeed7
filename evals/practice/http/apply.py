"""Server-side apply: merge what a manager says with what is there, refuse what another manager owns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from evals.practice.clock import timestamp
from evals.practice.errors import OBJECT_MODIFIED, ApiError, Cause, bad_request, conflict, invalid
from evals.practice.hooks import Object
from evals.practice.http.call import Answer, Call
from evals.practice.http.crud import check_place, check_version_text, require_namespace
from evals.practice.http.fieldset import ABSENT, Fields, entry_key, fields_of_object, remove_at, shown, value_at
from evals.practice.http.options import WriteOptions
from evals.practice.http.ownership import Owner, object_root, owners_of, write_owners
from evals.practice.http.render import single
from evals.practice.kinds import Kind
from evals.practice.schema.fields import WrongType, fields_of, read_object
from evals.practice.schema.merge_keys import is_atomic, is_set, list_keys
from evals.practice.store import Stamp, copy_of


def apply_object(call: Call, options: WriteOptions) -> Answer:
    """PATCH with application/apply-patch+yaml."""
    kind, place, store = call.kind, call.place, call.cluster.store
    if not call.query.get("fieldManager"):
        cause = Cause.required("fieldManager", "is required for apply patch")
        raise invalid("PatchOptions", "meta.k8s.io", "", [cause])
    config = _read_config(call, kind)
    old = store.find(kind.store_key, place.namespace, place.name)
    if old is None:
        return _create(call, kind, config, options)
    version = config["metadata"].get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(kind.plural, kind.group, place.name, OBJECT_MODIFIED)
    uid = config["metadata"].pop(
        "uid", old["metadata"]["uid"]
    )  # a precondition like the version, no field of the applier's
    if uid != old["metadata"]["uid"]:
        cause = Cause.invalid("metadata.uid", uid, "field is immutable")
        raise invalid(kind.kind, kind.group, place.name, [cause])
    root = _root(kind)
    applied = fields_of_object(root, config)
    merged = _merge_struct(root, copy_of(old), config)
    previous = next((o for o in owners_of(old) if _is_mine(call, kind, o)), None)
    owners = [o for o in owners_of(old) if not _is_mine(call, kind, o)]
    owners = _settle_conflicts(call, owners, applied, old, config)
    if previous is not None:
        _drop_released(merged, previous.fields - applied, owners)
    stamp = _stamp(call, kind, applied, owners, previous)
    merged["metadata"].pop("resourceVersion", None)
    sub = place.subresource
    new = store.update(kind.store_key, merged, subresource=sub, dry_run=options.dry_run, stamp=stamp)
    return single(call, new)


def _root(kind: Kind) -> str:
    root = object_root(kind)
    if root is None:
        raise ApiError(500, "", f"no schema for {kind.kind}")
    return root


def _read_config(call: Call, kind: Kind) -> Object:
    try:
        config = yaml.safe_load(call.body.decode("utf-8", "replace"))
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    if not isinstance(config, dict) or not config.get("apiVersion") or not config.get("kind"):
        raise bad_request("invalid object type: /, Kind=")
    meta = config.setdefault("metadata", {}) or {}
    if meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    name = meta.get("name", "")
    gvk = f"{kind.group}/{kind.version}, Kind={kind.kind}"
    try:
        cleaned, unknown = read_object(_root(kind), config)
    except WrongType as error:
        raise ApiError(500, "", f"failed to create typed patch object (/{name}; {gvk}): {error}") from None
    if unknown:
        text = f".{unknown[0]}: field not declared in schema"
        namespace = meta.get("namespace", "")
        raise ApiError(500, "", f"failed to create typed patch object ({namespace}/{name}; {gvk}): {text}")
    config = {**cleaned, "apiVersion": config["apiVersion"], "kind": config["kind"]}
    check_version_text(config["metadata"])
    check_place(call, config, call.place.name)
    return config


def _is_mine(call: Call, kind: Kind, owner: Owner) -> bool:
    return owner.identity == (call.manager, "Apply", kind.api_version, call.place.subresource)


def _create(call: Call, kind: Kind, config: Object, options: WriteOptions) -> Answer:
    from evals.practice.http.authz import Asked

    place = call.place
    asked = Asked("create", kind.group, kind.plural, "", place.namespace, place.name)
    call.cluster.authorizer.require(call.user, asked)
    if kind.namespaced:
        require_namespace(call, place.namespace)
    config["metadata"].pop("resourceVersion", None)
    stamp = _stamp(call, kind, fields_of_object(_root(kind), config), [], None)
    made = call.cluster.store.create(kind.store_key, config, dry_run=options.dry_run, stamp=stamp)
    return single(call, made, 201)


def _stamp(call: Call, kind: Kind, applied: Fields, owners: list[Owner], previous: Owner | None) -> Stamp:
    now = timestamp(call.cluster.clock.now())
    mine = Owner(call.manager, "Apply", kind.api_version, call.place.subresource, applied, now)

    def stamp(new: Object, old: Object | None) -> None:
        same = previous is not None and previous.fields == applied and old is not None
        if same and previous is not None and _content(new) == _content(old):
            write_owners(new, [*owners, previous])
            return
        write_owners(new, [*owners, mine])

    return stamp


def _content(obj: Object | None) -> Object:
    shown_object = dict(obj or {})
    shown_object["metadata"] = {k: v for k, v in shown_object["metadata"].items() if k != "managedFields"}
    return shown_object


def _settle_conflicts(call: Call, owners: list[Owner], applied: Fields, old: Object, config: Object) -> list[Owner]:
    """409 unless forced; with force the fields leave their former owners."""
    parents = {path[:length] for path in applied for length in range(1, len(path))}
    differing = frozenset(
        path for path in applied if path not in parents and value_at(old, path) != value_at(config, path)
    )
    clashes = [(owner, sorted(owner.fields & differing)) for owner in owners]
    clashes = [(owner, paths) for owner, paths in clashes if paths]
    if not clashes:
        return owners
    if not call.is_true("force"):
        raise _apply_conflict(clashes)
    return [replace(owner, fields=owner.fields - differing) for owner in owners]


def _apply_conflict(clashes: list[tuple[Owner, list[tuple[str, ...]]]]) -> ApiError:
    causes = []
    texts = []
    for owner, paths in clashes:
        who = f'"{owner.manager}"'
        if owner.subresource:
            who += f' with subresource "{owner.subresource}"'
        if owner.operation == "Update":
            who += f" using {owner.api_version}"
        names = [shown(path) for path in paths]
        causes += [
            {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": name} for name in names
        ]
        if len(names) == 1:
            texts.append(f"conflict with {who}: {names[0]}")
        else:
            texts.append(f"conflicts with {who}:" + "".join(f"\n- {name}" for name in names))
    count = len(causes)
    message = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: " + "\n".join(texts)
    return ApiError(409, "Conflict", message, details={"causes": causes})


def _drop_released(merged: Object, released: Fields, owners: list[Owner]) -> None:
    """Remove what the manager no longer applies and nobody else owns; deepest first, so that entries go last."""
    kept = frozenset[tuple[str, ...]]().union(*(owner.fields for owner in owners))
    for path in sorted(released, key=len, reverse=True):
        if path in kept or any(other[: len(path)] == path for other in kept):
            continue
        if value_at(merged, path) is not ABSENT:
            remove_at(merged, path)


def _merge_struct(type_name: str, live: Any, config: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(live, dict):
        return config
    for name, value in config.items():
        live[name] = _merge_field(type_name, name, live.get(name), value)
    return live


def _merge_field(type_name: str, name: str, live: Any, value: Any) -> Any:
    kind = fields_of(type_name).get(name, ("any", False))[0]
    if live is None or is_atomic(type_name, name):
        return value
    if kind.startswith("@") and isinstance(value, dict):
        return _merge_struct(kind[1:], live, value)
    if kind.startswith("{}") and isinstance(value, dict):
        return {**live, **value}
    if kind.startswith("[]@") and (keys := list_keys(type_name, name)):
        return _merge_list(kind[3:], keys, live, value)
    if kind.startswith("[]") and is_set(type_name, name):
        return [*live, *(item for item in value if item not in live)]
    return value


def _merge_list(type_name: str, keys: tuple[str, ...], live: list[Any], value: list[Any]) -> list[Any]:
    known = {entry_key(item, keys): item for item in live}
    for item in value:
        key = entry_key(item, keys)
        known[key] = _merge_struct(type_name, known[key], item) if key in known else item
    return list(known.values())
