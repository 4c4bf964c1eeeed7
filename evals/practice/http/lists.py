"""GET of a collection: selectors, pages, and which version of the list is meant."""

from __future__ import annotations

from evals.practice.errors import bad_request, expired
from evals.practice.hooks import Object
from evals.practice.http.call import Answer, Call
from evals.practice.http.options import ListOptions, check_list_match, list_options, too_large, version_number
from evals.practice.http.paging import read_token, token_expired, token_for
from evals.practice.http.render import collection, form_of
from evals.practice.http.selectors import Predicate, field_predicate, label_predicate
from evals.practice.kinds import Kind
from evals.practice.store import name_of, namespace_of


def selection(kind: Kind, options: ListOptions) -> Predicate | None:
    """Both selectors as one predicate; None when everything is meant."""
    by_label = label_predicate(options.label_selector)
    by_field = field_predicate(kind, options.field_selector)
    if by_label is None or by_field is None:
        return by_label or by_field
    return lambda obj: by_label(obj) and by_field(obj)


def list_objects(call: Call) -> Answer:
    """The answer to a list request."""
    options = list_options(call)
    form_of(call)
    if options.continue_token and options.resource_version:
        raise bad_request("specifying resource version is not allowed when using continue")
    check_list_match(options)
    predicate = selection(call.kind, options)
    if options.continue_token:
        version, start = read_token(options.continue_token)
        return _page(call, options, predicate, version, start)
    version = version_number(options.resource_version)
    current = call.cluster.store.version
    if version > current:
        raise too_large(version, current)
    if options.match == "Exact":
        if version < call.cluster.store.oldest_version:
            raise expired("The resourceVersion for the provided list is too old.")
        return _page(call, options, predicate, version, "")
    if options.resource_version == "0":  # served from a cache that does not page
        options = list_options_without_limit(options)
    return _page(call, options, predicate, -1, "")


def list_options_without_limit(options: ListOptions) -> ListOptions:
    from dataclasses import replace

    return replace(options, limit=0)


def _key(call: Call, obj: Object) -> str:
    return name_of(obj) if call.place.namespace else f"{namespace_of(obj)}/{name_of(obj)}"


def _page(call: Call, options: ListOptions, predicate: Predicate | None, version: int, start: str) -> Answer:
    store, key = call.cluster.store, call.kind.store_key
    namespace = call.place.namespace or None
    if version >= 0 and version < store.version:
        if version < store.oldest_version:
            raise token_expired(start)
        rows = store.list_at(version, key, namespace)
    else:
        rows = store.list(key, namespace)
        version = store.version
    if call.place.name:  # a watch path or a get by name through the list
        rows = [row for row in rows if name_of(row) == call.place.name]
    if start:
        rows = [row for row in rows if _key(call, row) > start]
    meta: Object = {"resourceVersion": str(version)}
    taken = rows if predicate is None else [row for row in rows if predicate(row)]
    if options.limit and len(taken) >= options.limit:
        taken = taken[: options.limit]
        last = _key(call, taken[-1])
        # with a selector nobody knows whether more will fit: the server only sees that keys are left
        left = sum(1 for row in rows if _key(call, row) > last)
        if left:
            meta["continue"] = token_for(version, last)
            if predicate is None:
                meta["remainingItemCount"] = left
    return collection(call, taken, meta)
