# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""Conditions that look at a second object: a name that nobody bears, a selector that selects nothing, a port nobody serves.

Each entry of ``CROSS_REFERENCES`` takes its compiled arguments and gives a predicate; each of ``FACT_FUNCTIONS`` gives the
text of a fact. Both raise ValueError for arguments that make no sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import re2

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, KindPath, one_path, path_and_kind
from tools.detectors.calling import CALLING_CHECKS, CALLING_FACTS
from tools.detectors.claims import claim_fact, claim_mismatch
from tools.detectors.images import IMAGE_CHECKS, IMAGE_FACTS
from tools.detectors.mounts import MOUNT_CHECKS, MOUNT_FACTS
from tools.detectors.paths import Path
from tools.detectors.ports import port_unserved, probe_port, probe_port_undeclared, served_port
from tools.detectors.probes import PROBE_CHECKS, PROBE_FACTS
from tools.detectors.quotas import quota_blocks, quota_fact
from tools.detectors.routing import ROUTING_CHECKS, ROUTING_FACTS
from tools.detectors.scene import Scene, name_of, namespace_of
from tools.detectors.waiting import (
    has_its_pods,
    placement,
    static_pod_missing,
    still_unnamed,
    unplaced_by,
    waits_for_node,
    was_told,
)


def _missing(scene: Scene, root: Json, element: Any, path: Path, other: KindPath) -> list[Any]:
    if scene.names_unknown(other.kind):
        return []
    there = scene.values(other.kind, other.path, namespace_of(root))
    wanted = [value for value in path.values(root, element) if isinstance(value, (str, int))]
    return [value for value in wanted if value not in there]


def xref_missing(arguments: Sequence[Argument]) -> Check:
    path, other = path_and_kind(arguments, "xref_missing($.path, Kind.path)")
    return lambda scene, root, element: bool(_missing(scene, root, element, path, other))


def selects_none(arguments: Sequence[Argument]) -> Check:
    """Neither a pod nor a workload's template carries the labels: scaled to nothing is something else."""
    path = one_path(arguments, "selects_none($.spec.selector)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        selector, namespace = path.first(root, element), namespace_of(root)
        if not selector or not has_pods(scene) or scene.selected_pods(namespace, selector):
            return False
        return scene.wanted_replicas(namespace, selector) is None

    return holds


def has_pods(scene: Scene) -> bool:
    return not scene.names_unknown("Pod")


def selects_some(arguments: Sequence[Argument]) -> Check:
    path = one_path(arguments, "selects_some($.spec.selector)")
    return lambda scene, root, element: bool(scene.selected_pods(namespace_of(root), path.first(root, element) or {}))


def selects_none_ready(arguments: Sequence[Argument]) -> Check:
    """Pods are selected (or wanted by a selected workload), and none is ready."""
    path = one_path(arguments, "selects_none_ready($.spec.selector)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        selector, namespace = path.first(root, element), namespace_of(root)
        if not selector:
            return False
        pods = scene.selected_pods(namespace, selector)
        if not pods:
            return bool(scene.wanted_replicas(namespace, selector))
        return not any(_is_ready(pod) for pod in pods if pod.get("status", {}).get("phase") != "Succeeded")

    return holds


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def nearly_selects(arguments: Sequence[Argument]) -> Check:
    path = one_path(arguments, "nearly_selects($.spec.selector)")
    return lambda scene, root, element: bool(_nearest(scene, root, path.first(root, element) or {}))


def _nearest(scene: Scene, root: Json, selector: Json) -> Json | None:
    """The pod that matches most of a selector that matches nothing: by equal labels, equal keys, or the Service's name."""
    best, best_score = None, 0.0
    for pod in scene.snapshot.of_kind("Pod"):
        if namespace_of(pod) != namespace_of(root):
            continue
        labels = (pod.get("metadata") or {}).get("labels") or {}
        equal = sum(1 for key, value in selector.items() if labels.get(key) == value)
        related = sum(
            1 for key, value in selector.items() if key in labels and _resembles(str(value), str(labels[key]))
        )
        named = 1.0 if name_of(root) in labels.values() or name_of(pod).startswith(name_of(root)) else 0.0
        score = equal + 0.5 * related + 0.75 * named
        if score > best_score:
            best, best_score = pod, score
    return best


def _resembles(one: str, other: str) -> bool:
    """``llm-chat`` and ``llm-chat-v2`` resemble each other; so do ``gateway`` and ``gatewy``."""
    shorter, longer = sorted((one.lower(), other.lower()), key=len)
    common = len([1 for left, right in zip(shorter, longer, strict=False) if left == right])
    return bool(shorter) and (shorter in longer or common >= max(3, 0.6 * len(longer)))


def key_missing(arguments: Sequence[Argument]) -> Check:
    """``key_missing(@)``: the ConfigMap of a ``configMapKeyRef`` is there and lacks the key."""
    path = one_path(arguments, "key_missing(@.valueFrom.configMapKeyRef)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        for reference in path.values(root, element):
            if isinstance(reference, dict) and not reference.get("optional"):
                found = scene.snapshot.find("ConfigMap", namespace_of(root), str(reference.get("name", "")))
                if found is not None and reference.get("key") not in {
                    *(found.get("data") or {}),
                    *(found.get("binaryData") or {}),
                }:
                    return True
        return False

    return holds


def pods_are_well(arguments: Sequence[Argument]) -> Check:
    """``pods_are_well($)``: every pod of the workload is well."""
    path = one_path(arguments, "pods_are_well($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        item = path.first(root, element)
        pods = scene.pods_by_workload.get(scene.snapshot.reference(item).key, ()) if isinstance(item, dict) else ()
        return all(scene.is_well(pod) for pod in pods)

    return holds


def hosts_unwell_gpu_pod(arguments: Sequence[Argument]) -> Check:
    """``hosts_unwell_gpu_pod($)``: a pod on the node that uses a GPU is not well. Of a program's own GPU error this tells
    whether it still matters: such errors are everyday in development."""
    one_path(arguments, "hosts_unwell_gpu_pod($)")
    return lambda scene, root, element: name_of(root) in scene.nodes_of_unwell_gpu_pods


CROSS_REFERENCES: dict[str, Callable[[Sequence[Argument]], Check]] = {
    "xref_missing": xref_missing,
    "selects_none": selects_none,
    "selects_some": selects_some,
    "selects_none_ready": selects_none_ready,
    "nearly_selects": nearly_selects,
    "port_unserved": port_unserved,
    "probe_port_undeclared": probe_port_undeclared,
    "key_missing": key_missing,
    "pods_are_well": pods_are_well,
    "hosts_unwell_gpu_pod": hosts_unwell_gpu_pod,
    "unplaced_by": unplaced_by,
    "waits_for_node": waits_for_node,
    "was_told": was_told,
    "still_unnamed": still_unnamed,
    "has_its_pods": has_its_pods,
    "claim_mismatch": claim_mismatch,
    "static_pod_missing": static_pod_missing,
    "quota_blocks": quota_blocks,
    **CALLING_CHECKS,
    **ROUTING_CHECKS,
    **PROBE_CHECKS,
    **IMAGE_CHECKS,
    **MOUNT_CHECKS,
}


def missing(arguments: Sequence[Argument]) -> FactOf:
    path, other = path_and_kind(arguments, "missing($.path, Kind.path)")
    return lambda scene, root, element: _joined(_missing(scene, root, element, path, other))


def nearest(arguments: Sequence[Argument]) -> FactOf:
    """The workload whose pods a selector nearly matches, as ``deployment/name``."""
    path = one_path(arguments, "nearest($.spec.selector)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        pod = _nearest(scene, root, path.first(root, element) or {})
        workload = scene.workload_of(pod) if pod is not None else None
        return f"{workload.kind.lower()}/{workload.name}" if workload else ""

    return fact


def nearest_labels(arguments: Sequence[Argument]) -> FactOf:
    """A JSON patch's worth of truth: the labels that the nearest pods carry under the selector's keys."""
    path = one_path(arguments, "nearest_labels($.spec.selector)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        selector = path.first(root, element) or {}
        pod = _nearest(scene, root, selector)
        labels = ((pod or {}).get("metadata") or {}).get("labels") or {}
        if not set(selector) <= set(labels):
            return ""
        return ",".join(f'"{key}":"{labels[key]}"' for key in selector)

    return fact


def double(arguments: Sequence[Argument]) -> FactOf:
    """Twice a quantity such as ``512Mi``: a first proposal for a limit that was too small."""
    path = one_path(arguments, "double($.path)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        value = str(path.first(root, element) or "")
        digits = value.rstrip("KMGTPEkmi")
        return f"{int(digits) * 2}{value[len(digits) :]}" if digits.isdigit() else ""

    return fact


def number(arguments: Sequence[Argument]) -> FactOf:
    """A number that the API leaves out when it is nought."""
    path = one_path(arguments, "number($.path)")
    return lambda scene, root, element: str(path.first(root, element) or 0)


def matched(arguments: Sequence[Argument]) -> FactOf:
    """The first group of a regex within a text."""
    if len(arguments) != 2 or not isinstance(arguments[0], Path) or not isinstance(arguments[1], str):
        raise ValueError('expected matched($.path, "regex with one (group)")')
    path, search = arguments[0], re2.compile(arguments[1]).search

    def fact(scene: Scene, root: Json, element: Any) -> str:
        found = search(str(path.first(root, element) or ""))
        return str(found.group(1)) if found else ""

    return fact


def listed(arguments: Sequence[Argument]) -> FactOf:
    path = one_path(arguments, "listed($.path)")
    return lambda scene, root, element: _joined(path.values(root, element))


FACT_FUNCTIONS: dict[str, Callable[[Sequence[Argument]], FactOf]] = {
    "missing": missing,
    "nearest": nearest,
    "nearest_labels": nearest_labels,
    "served_port": served_port,
    "probe_port": probe_port,
    "matched": matched,
    "number": number,
    "double": double,
    "listed": listed,
    "placement": placement,
    "claim_fact": claim_fact,
    "quota_fact": quota_fact,
    **CALLING_FACTS,
    **ROUTING_FACTS,
    **PROBE_FACTS,
    **IMAGE_FACTS,
    **MOUNT_FACTS,
}


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))
