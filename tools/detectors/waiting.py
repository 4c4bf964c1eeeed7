# ruff: noqa: ARG001 - every compiled condition has the same signature
"""Conditions and facts about pods that wait for a node; ``placement.py`` judges, this file lets detectors ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, one_path
from tools.detectors.placement import Placement, placement_of, pods_kept_by_cordon, would_take
from tools.detectors.scene import Scene, name_of, namespace_of


def _placement(scene: Scene, root: Json, element: Any) -> Placement:
    """Of the pod at hand; where an event is at hand, by what that event says."""
    is_event = isinstance(element, dict) and element.get("reason") == "FailedScheduling"
    message = str(element.get("message") or element.get("note") or "") if is_event else ""
    return placement_of(scene, root, message)


def unplaced_by(arguments: Sequence[Argument]) -> Check:
    """``unplaced_by("cpu")``: what decides that the pod finds no node. A request that no node could ever hold is
    ``cpu-too-large``; ``cpu`` alone then does not hold."""
    if not arguments or not all(isinstance(argument, str) for argument in arguments):
        raise ValueError('expected unplaced_by("reason", ...): see placement.py')
    reasons = frozenset(map(str, arguments))

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        found = _placement(scene, root, element)
        return bool(found.reason) and found.reason + ("-too-large" if found.is_too_large else "") in reasons

    return holds


def waits_for_node(arguments: Sequence[Argument]) -> Check:
    """``waits_for_node($)``: but for its cordon, the node would take a pod that waits."""
    one_path(arguments, "waits_for_node($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        return any(would_take(pod, root) for pod in pods_kept_by_cordon(scene))

    return holds


def was_told(arguments: Sequence[Argument]) -> Check:
    """``was_told("Scheduled|FailedScheduling")``: an event with such a reason speaks of the object. Without any event in
    the snapshot nobody knows, and the condition holds."""
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise ValueError('expected was_told("regex over reasons")')
    search = re2.compile(f"^({arguments[0]})$").search

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        if not scene.snapshot.of_kind("Event"):
            return True
        events = scene.snapshot.events_about(str(root.get("kind", "")), namespace_of(root), name_of(root))
        return any(search(str(event.get("reason", ""))) for event in events)

    return holds


def still_unnamed(arguments: Sequence[Argument]) -> Check:
    """``still_unnamed("ServiceAccount", "account ([a-z]+) not found")``: what the event at hand misses is still not there, as far as
    objects of that kind were gathered from its namespace."""
    if len(arguments) != 2 or not all(isinstance(argument, str) for argument in arguments):
        raise ValueError('expected still_unnamed("Kind", "regex with one (group)")')
    kind, search = str(arguments[0]), re2.compile(str(arguments[1])).search

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        found = search(str(element.get("message") or element.get("note") or "")) if isinstance(element, dict) else None
        about = (element.get("involvedObject") or element.get("regarding") or {}) if found else {}
        return found is None or scene.snapshot.find(kind, about.get("namespace", ""), found.group(1)) is None

    return holds


def has_its_pods(arguments: Sequence[Argument]) -> Check:
    """``has_its_pods($)``: the controller has created as many pods as it wants, whatever hindered it before."""
    one_path(arguments, "has_its_pods($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        wanted, has = (root.get("spec") or {}).get("replicas"), (root.get("status") or {}).get("replicas")
        return isinstance(wanted, int) and isinstance(has, int) and wanted > 0 and has >= wanted

    return holds


def placement(arguments: Sequence[Argument]) -> FactOf:
    """``placement("taint")``: resource, taint, nodes, wanted or message."""
    if len(arguments) != 1 or arguments[0] not in ("resource", "taint", "nodes", "wanted", "message"):
        raise ValueError('expected placement("resource" | "taint" | "nodes" | "wanted" | "message")')
    name = str(arguments[0])

    def fact(scene: Scene, root: Json, element: Any) -> str:
        value = getattr(_placement(scene, root, element), name)
        return ", ".join(value) if isinstance(value, tuple) else str(value)

    return fact


STATIC_PODS = ("kube-scheduler", "kube-controller-manager")


def static_pod_missing(arguments: Sequence[Argument]) -> Check:
    """``static_pod_missing("kube-scheduler")``: of an API server's pod: the node's other static pod is there, and this
    component's is nowhere. Where neither is there they may run as services of the host."""
    if len(arguments) != 1 or arguments[0] not in STATIC_PODS:
        raise ValueError(f"expected static_pod_missing(one of {', '.join(STATIC_PODS)})")
    component = str(arguments[0])
    other = next(one for one in STATIC_PODS if one != component)

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        if scene.names_unknown("Pod"):
            return False
        names = {name_of(pod) for pod in scene.snapshot.of_kind("Pod") if namespace_of(pod) == namespace_of(root)}
        host = name_of(root).removeprefix("kube-apiserver")
        return f"{other}{host}" in names and not any(name.startswith(f"{component}-") for name in names)

    return holds
