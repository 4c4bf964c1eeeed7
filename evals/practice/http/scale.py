"""The scale subresource: a small view of the replicas of a workload."""

from __future__ import annotations

import json
from typing import Any

from evals.practice.errors import ApiError, Cause, bad_request, invalid, not_found
from evals.practice.hooks import Object
from evals.practice.http.body import read_as
from evals.practice.http.call import Answer, Call
from evals.practice.http.crud import check_version_text
from evals.practice.http.options import write_options
from evals.practice.http.ownership import stamp_update
from evals.practice.http.patch import APPLY_PATCH, bad_result, patch_type, patched_value, read_patch, unsupported_patch
from evals.practice.http.render import body_in, form_of
from evals.practice.http.selectors import selector_text
from evals.practice.schema.fields import WrongType, read_object, root_type
from evals.practice.store import copy_of


def scale_of(obj: Object) -> Object:
    """The Scale of a workload; zero replicas are left out of the spec, as the server's encoder does."""
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    replicas = obj["spec"].get("replicas", 0)
    spec = {"replicas": replicas} if replicas else {}
    selector = obj["spec"].get("selector") or {}
    labels = selector if obj["kind"] == "ReplicationController" else None
    text = ",".join(f"{k}={v}" for k, v in sorted(labels.items())) if labels else selector_text(selector)
    status: Object = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    if text:
        status["selector"] = text
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


def handle_scale(call: Call) -> Answer:
    """GET, PUT and PATCH of scale."""
    kind, place, store = call.kind, call.place, call.cluster.store
    old = store.find(kind.store_key, place.namespace, place.name)
    if old is None:
        raise not_found(kind.plural + "/scale", kind.group, place.name)
    if call.method == "GET":
        return _shown(call, scale_of(old))
    options = write_options(call, "PatchOptions" if call.method == "PATCH" else "UpdateOptions")
    wanted = _patched(call, scale_of(old)) if call.method == "PATCH" else read_as(call, "autoscaling", "v1", "Scale")
    meta = wanted.get("metadata", {})
    if meta.get("name") not in (None, "", place.name):
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({place.name})")
    check_version_text(meta)
    replicas = wanted.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        cause = Cause.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", "autoscaling", place.name, [cause])
    new = copy_of(old)
    new["spec"]["replicas"] = replicas
    if meta.get("resourceVersion"):
        new["metadata"]["resourceVersion"] = meta["resourceVersion"]
    stamp = stamp_update(call, kind)
    stored = store.update(kind.store_key, new, dry_run=options.dry_run, stamp=stamp)
    return _shown(call, scale_of(stored))


def _shown(call: Call, scale: Object) -> Answer:
    body, media = body_in(form_of(call), scale)
    return Answer(body, content_type=media)


def _patched(call: Call, scale: Object) -> Object:
    media = patch_type(call)
    if media == APPLY_PATCH:
        raise unsupported_patch()
    root = root_type("autoscaling", "v1", "Scale")
    patch: Any = read_patch(call, media)
    result = patched_value(media, {key: value for key, value in scale.items() if key != "status"}, patch, root)
    try:
        return read_object(root, result)[0] if root else result
    except WrongType as error:
        raise bad_result(json.dumps(result, separators=(",", ":")), str(error)) from None


__all__ = ["ApiError", "handle_scale", "scale_of"]
