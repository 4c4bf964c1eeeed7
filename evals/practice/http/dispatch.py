"""From a call to its handler: authorization first, then whether it is served, then the work."""

from __future__ import annotations

from collections.abc import Callable

from evals.practice.http import reviews
from evals.practice.http.authz import Asked
from evals.practice.http.bindings import bind_pod, finalize_namespace
from evals.practice.http.call import Answer, Call, method_not_allowed, page_not_found, resource_not_found
from evals.practice.http.crud import create_object, get_object, update_object
from evals.practice.http.deletion import delete_collection, delete_object
from evals.practice.http.discovery import discover, is_served
from evals.practice.http.eviction import evict_pod
from evals.practice.http.lists import list_objects
from evals.practice.http.logs import read_logs
from evals.practice.http.metrics import read_metrics
from evals.practice.http.patch import patch_object
from evals.practice.http.routing import SERVED_GROUPS, check_served, target_of, verb_of
from evals.practice.http.scale import handle_scale
from evals.practice.http.watch import watch_objects

Handle = Callable[[Call], Answer]

_OBJECT: dict[str, Handle] = {
    "get": get_object,
    "list": list_objects,
    "watch": watch_objects,
    "create": create_object,
    "update": update_object,
    "patch": patch_object,
    "delete": delete_object,
    "deletecollection": delete_collection,
}
_SUBRESOURCE: dict[str, Handle] = {
    "scale": handle_scale,
    "eviction": evict_pod,
    "log": read_logs,
    "token": reviews.request_token,
    "binding": bind_pod,
    "finalize": finalize_namespace,
}


def handle(call: Call) -> Answer:
    """The answer to a call; refusals are raised as `ApiError`."""
    target = target_of(call.path)
    if target is None:
        return _discovery(call)
    call.target = target
    verb = verb_of(call, target)
    call.cluster.authorizer.require_target(call.user, verb, target)
    if target.kind is None or not is_served(call.cluster.store, target.kind):
        if target.group not in SERVED_GROUPS:
            return page_not_found()
        raise resource_not_found()
    check_served(call, verb)
    if target.subresource and target.subresource.split("/")[0] != "status":
        return _subresource(call, target.subresource.split("/")[0])
    if target.kind.virtual:
        return _virtual(call)
    return _OBJECT[verb](call)


def _discovery(call: Call) -> Answer:
    path = call.path.rstrip("/") or "/"
    call.cluster.authorizer.require(call.user, Asked(call.method.lower(), path=path))
    if call.method not in ("GET", "HEAD"):
        raise method_not_allowed()
    return discover(call)


def _subresource(call: Call, name: str) -> Answer:
    handler = _SUBRESOURCE.get(name)
    if name == "ephemeralcontainers":
        return _OBJECT[{"GET": "get", "PUT": "update", "PATCH": "patch"}[call.method]](call)
    if handler is None:  # exec, attach, portforward and proxy need a connection upgrade that nobody here answers
        raise resource_not_found()
    return handler(call)


def _virtual(call: Call) -> Answer:
    if call.kind.group == "metrics.k8s.io":
        return read_metrics(call)
    if call.kind.plural == "bindings":
        return bind_pod(call)
    if call.kind.plural == "componentstatuses":
        return Answer({"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": []})
    return reviews.review(call)
