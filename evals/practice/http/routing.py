"""From a path to what it points at, and from a method to the verb that RBAC knows."""

from __future__ import annotations

from evals.practice.http.call import Call, Target, method_not_allowed, resource_not_found
from evals.practice.kinds import BY_PATH, KINDS

SERVED_GROUPS = frozenset(kind.group for kind in KINDS)


def target_of(path: str) -> Target | None:
    """The target of a path below /api/v1 or /apis/<group>/<version>; None for discovery and everything else."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = "/".join(rest[2:])
    kind = BY_PATH.get((group, version, plural))
    if kind is not None and kind.namespaced != bool(namespace) and (namespace or name):
        kind = None
    return Target(group, version, plural, namespace, name, subresource, kind, is_watch_path=watch)


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def verb_of(call: Call, target: Target) -> str:
    """The verb that authorization asks about."""
    if call.method in ("GET", "HEAD"):
        if target.is_watch_path or (call.is_true("watch") and not target.subresource and not target.name):
            return "watch"
        return "get" if target.name else "list"
    if call.method == "DELETE" and not target.name:
        return "deletecollection"
    return _VERBS.get(call.method, call.method.lower())


def check_served(call: Call, verb: str) -> None:
    """404 for what is not served, 405 for a method that the resource does not have."""
    target = call.place
    kind = call.kind
    if target.subresource:
        sub = kind.by_name.get(target.subresource.split("/")[0])
        if sub is None:
            raise resource_not_found()
        if verb not in sub.verbs:
            raise method_not_allowed()
        return
    if call.method == "POST" and target.name:
        raise method_not_allowed()
    if call.method in ("PUT", "PATCH") and not target.name:
        raise method_not_allowed()
    if verb not in kind.verbs:
        raise method_not_allowed()
