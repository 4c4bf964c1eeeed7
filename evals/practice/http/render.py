"""From stored objects to answers: one object or a list, whole, as metadata only or as a Table; JSON or YAML."""

from __future__ import annotations

import orjson
import yaml

from evals.practice.errors import ApiError, bad_request
from evals.practice.hooks import Object
from evals.practice.http.call import Answer, Call
from evals.practice.http.convert import from_stored
from evals.practice.http.negotiate import Form, accepted_form, not_acceptable
from evals.practice.http.table import table_of
from evals.practice.kinds import Kind

_PARTIAL = "PartialObjectMetadata"


def encode(value: Object) -> bytes:
    return orjson.dumps(value)


def form_of(call: Call) -> Form:
    """The form that the client asked for; 406 when it asked for something else."""
    listing = call.target is not None and not call.target.name and call.method == "GET"
    return accepted_form(call.headers.get("accept", ""), streams=listing)


def body_in(form: Form, value: Object) -> tuple[bytes, str]:
    """The value written out, and its media type."""
    if form.media == "application/yaml":
        return yaml.safe_dump(value, sort_keys=True).encode(), form.media
    return encode(value), form.media


def single(call: Call, obj: Object, status: int = 200, *, kind: Kind | None = None) -> Answer:
    """One stored object in the form that the client accepts."""
    form = form_of(call)
    row = kind or call.kind
    shown = from_stored(row, obj)
    if form.view == "Table":
        return Answer(encode(_table(call, row, [shown], {"resourceVersion": _version(shown)})), status)
    if form.view == _PARTIAL:
        return Answer(encode(partial(shown)), status)
    if form.view:
        raise not_acceptable()
    if form.media == "application/json" and shown is obj and obj["metadata"].get("resourceVersion"):
        item = call.cluster.store.encoded_item(row.store_key, obj)
        head = f'{{"kind":"{row.kind}","apiVersion":"{row.api_version}",'.encode()
        return Answer(head + item[1:], status)
    ordered = {"kind": shown["kind"], "apiVersion": shown["apiVersion"], **shown}
    body, media = body_in(form, ordered)
    return Answer(body, status, content_type=media)


def _version(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))


def partial(obj: Object) -> Object:
    return {"kind": _PARTIAL, "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _table(call: Call, row: Kind, objects: list[Object], meta: Object, *, columns: bool = True) -> Object:
    include = call.query.get("includeObject", "") or "Metadata"
    if include not in ("None", "Metadata", "Object"):
        why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {why}")
    return table_of(row, objects, meta, include, call.cluster.clock.now(), columns=columns)


def collection(call: Call, objects: list[Object], meta: Object) -> Answer:
    """A list in the form that the client accepts; whole lists are joined from cached bytes."""
    form = form_of(call)
    row = call.kind
    if form.view == "Table":
        shown = [from_stored(row, obj) for obj in objects]
        return Answer(encode(_table(call, row, shown, meta)))
    if form.view == _PARTIAL:
        listed_as = f"*{row.group.split('.')[0] or 'core'}.{row.kind}List"
        why = f"you requested {_PARTIAL}, but the requested object is a list ({listed_as})"
        raise ApiError(406, "NotAcceptable", why)
    if form.view:
        if form.view != _PARTIAL + "List":
            raise not_acceptable()
        parts: list[Object] | None = [partial(obj) for obj in objects] or None
        listed = {"kind": _PARTIAL + "List", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": parts}
        return Answer(encode(listed))
    head = {"kind": row.kind + "List", "apiVersion": row.api_version, "metadata": meta}
    if form.media == "application/json" and row.store_key == row.resource and from_stored(row, {}) == {}:
        store, key = call.cluster.store, row.store_key
        items = b",".join([store.encoded_item(key, obj) for obj in objects])
        return Answer(encode(head)[:-1] + b',"items":[' + items + b"]}")
    items_shown = []
    for obj in objects:
        shown_item = from_stored(row, obj)
        items_shown.append({k: v for k, v in shown_item.items() if k not in ("kind", "apiVersion")})
    body, media = body_in(form, {**head, "items": items_shown})
    return Answer(body, content_type=media)


def watch_object(call: Call, form: Form, obj: Object, first: bool) -> Object:
    """What a watch event carries for an object."""
    row = call.kind
    shown = from_stored(row, obj)
    if form.view == "Table":
        return _table(call, row, [shown], {"resourceVersion": _version(shown)}, columns=first)
    if form.view.startswith(_PARTIAL):
        return partial(shown)
    return {"kind": row.kind, "apiVersion": row.api_version, **shown}


def checked_form(call: Call) -> Form:
    """The form of a watch; only plain JSON, Tables and metadata are streamed."""
    form = form_of(call)
    if form.view == "APIGroupDiscoveryList" or form.media != "application/json":
        raise not_acceptable()
    return form


__all__ = [
    "ApiError",
    "body_in",
    "checked_form",
    "collection",
    "encode",
    "form_of",
    "partial",
    "single",
    "watch_object",
]
