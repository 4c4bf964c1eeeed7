"""LimitRanges: the requests and limits that they give to a pod, and what they forbid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evals.practice.controllers.resources import amount, pod_requests, show
from evals.practice.errors import forbidden
from evals.practice.store import Store, name_of

Object = dict[str, Any]
_NOTE = "kubernetes.io/limit-ranger"


def apply_limit_defaults(store: Store, pod: Object) -> None:
    """Requests and limits of containers that say nothing, and a note of what was set."""
    told: list[str] = []
    for limit in _limits(store, pod, "Container"):
        for word, key in (("init container", "initContainers"), ("container", "containers")):
            for container in pod["spec"].get(key) or ():
                told += _fill(container, limit, word)
    if told:
        notes = pod["metadata"].setdefault("annotations", {})
        notes[_NOTE] = "LimitRanger plugin set: " + "; ".join(told)


def _fill(container: Object, limit: Object, word: str) -> list[str]:
    resources = container.setdefault("resources", {})
    told: list[str] = []
    for source, target, singular in (("defaultRequest", "requests", "request"), ("default", "limits", "limit")):
        added = []
        for name, value in (limit.get(source) or {}).items():
            if name not in (resources.get(target) or {}):
                resources.setdefault(target, {})[name] = value
                added.append(name)
        if added:
            told.append(f"{', '.join(sorted(added))} {singular} for {word} {container['name']}")
    return told


def check_limits(store: Store, resource: str, obj: Object) -> None:
    """403 for a pod or a claim beyond what a LimitRange of its namespace allows."""
    problems: list[str] = []
    if resource == "persistentvolumeclaims":
        asked = {"requests": (obj["spec"].get("resources") or {}).get("requests") or {}}
        for limit in _limits(store, obj, "PersistentVolumeClaim"):
            problems += _problems(limit, "PersistentVolumeClaim", asked["requests"], asked["requests"])
    elif resource == "pods":
        problems += _pod_problems(store, obj)
    if problems:
        why = problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]"
        raise forbidden(resource, "", name_of(obj), why)


def _pod_problems(store: Store, pod: Object) -> Iterator[str]:
    containers = [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]
    for limit in _limits(store, pod, "Container"):
        for container in containers:
            resources = container.get("resources") or {}
            yield from _problems(limit, "Container", resources.get("requests") or {}, resources.get("limits") or {})
    for limit in _limits(store, pod, "Pod"):
        requests = {name: show(name, value) for name, value in pod_requests(pod).items()}
        limits = {name: show(name, value) for name, value in pod_requests(pod, "limits").items()}
        yield from _problems(limit, "Pod", requests, limits)


def _problems(limit: Object, kind: str, requests: Object, limits: Object) -> Iterator[str]:
    for name, least in (limit.get("min") or {}).items():
        if name not in requests:
            yield f"minimum {name} usage per {kind} is {least}.  No request is specified"
        elif amount(requests[name]) < amount(least):
            yield f"minimum {name} usage per {kind} is {least}, but request is {requests[name]}"
    for name, most in (limit.get("max") or {}).items():
        if name not in limits:
            yield f"maximum {name} usage per {kind} is {most}.  No limit is specified"
        elif amount(limits[name]) > amount(most):
            word = "request" if kind == "PersistentVolumeClaim" else "limit"
            yield f"maximum {name} usage per {kind} is {most}, but {word} is {limits[name]}"
    for name, ratio in (limit.get("maxLimitRequestRatio") or {}).items():
        if not amount(requests.get(name)) or not amount(limits.get(name)):
            continue
        found = amount(limits[name]) / amount(requests[name])
        if found > amount(ratio):
            yield f"{name} max limit to request ratio per {kind} is {ratio}, but provided ratio is {float(found):f}"


def _limits(store: Store, obj: Object, kind: str) -> Iterable[Object]:
    for one in store.list("limitranges", obj["metadata"]["namespace"]):
        yield from (limit for limit in one["spec"].get("limits") or () if limit.get("type") == kind)
