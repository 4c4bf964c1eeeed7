# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""Between a Service and its pods: protocols that differ, endpoints that are wanted and missing, policies that cut off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, one_path, two_paths
from tools.detectors.labels import selector_fits
from tools.detectors.scene import Scene, name_of, namespace_of

STREAMED = frozenset({"httpGet", "grpc", "tcpSocket"})


def protocol_unserved(arguments: Sequence[Argument]) -> Check:
    """``protocol_unserved($.spec.selector, @)``: the selected pods serve the port's target, over other protocols only."""
    selector, port = two_paths(arguments, "protocol_unserved($.spec.selector, @)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        one = port.first(root, element)
        pods = scene.selected_pods(namespace_of(root), selector.first(root, element) or {})
        if not isinstance(one, dict):
            return False
        wanted, is_served = str(one.get("protocol") or "TCP"), False
        for served in _each_protocol(pods, one):
            if served == wanted:
                return False
            is_served = True
        return is_served

    return holds


def _protocols(pods: Sequence[Json], port: Json) -> set[str]:
    return set(_each_protocol(pods, port))


def _each_protocol(pods: Sequence[Json], port: Json) -> Iterator[str]:
    """The protocols over which containers serve the port's target: declared, or proved by a probe that asks there."""
    target = port.get("targetPort") or port.get("port")
    for pod in pods:
        for container in (pod.get("spec") or {}).get("containers") or ():
            for declared in container.get("ports") or ():
                if target in (declared.get("containerPort"), declared.get("name")):
                    yield str(declared.get("protocol") or "TCP")
            for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
                asked = [how for how in (container.get(probe) or {}) if how in STREAMED]
                if any(((container[probe] or {})[how] or {}).get("port") == target for how in asked):
                    yield "TCP"


def protocol(arguments: Sequence[Argument]) -> FactOf:
    """``protocol(@)``: of a Service port; TCP goes without saying."""
    path = one_path(arguments, "protocol(@)")
    return lambda scene, root, element: str((path.first(root, element) or {}).get("protocol") or "TCP")


def target_port(arguments: Sequence[Argument]) -> FactOf:
    """``target_port(@)``: where a Service port sends to; its own number goes without saying."""
    path = one_path(arguments, "target_port(@)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        port = path.first(root, element) or {}
        return str(port.get("targetPort") or port.get("port") or "")

    return fact


def served_protocol(arguments: Sequence[Argument]) -> FactOf:
    path = one_path(arguments, "served_protocol(@)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        pods = scene.selected_pods(namespace_of(root), (root.get("spec") or {}).get("selector") or {})
        return ", ".join(sorted(_protocols(pods, path.first(root, element) or {})))

    return fact


def named_service_wants_pods(arguments: Sequence[Argument]) -> Check:
    """``named_service_wants_pods($)``: the Service of an Endpoints object selects pods, and somebody is meant to run there."""
    one_path(arguments, "named_service_wants_pods($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        service = scene.snapshot.find("Service", namespace_of(root), name_of(root)) or {}
        selector = (service.get("spec") or {}).get("selector") or {}
        return bool(selector) and scene.wanted_replicas(namespace_of(root), selector) != 0

    return holds


def policy_cuts_off(arguments: Sequence[Argument]) -> Check:
    """``policy_cuts_off($)``: a policy that does not allow everything isolates pods behind a Service whose callers time out,
    while one of those pods runs."""
    one_path(arguments, "policy_cuts_off($)")
    return lambda scene, root, element: bool(_cut_off(scene, root))


def cut_off(arguments: Sequence[Argument]) -> FactOf:
    one_path(arguments, "cut_off($)")
    return lambda scene, root, element: ", ".join(_cut_off(scene, root))


def _cut_off(scene: Scene, policy: Json) -> list[str]:
    """The Services that the policy seems to cut off, as ``service/name``."""
    spec = policy.get("spec") or {}
    rules = spec.get("ingress")
    is_open = any(not rule for rule in rules or ())
    if "Ingress" not in (spec.get("policyTypes") or ["Ingress"]) or is_open:
        return []
    found = []
    for attempt in scene.snapshot.of_kind("Reachability"):
        name = (attempt.get("spec") or {}).get("service")
        if (attempt.get("status") or {}).get("result") != "timeout" or not name:
            continue
        service = scene.snapshot.find("Service", namespace_of(policy), str(name)) or {}
        selector = (service.get("spec") or {}).get("selector") or {}
        pods = (
            scene.selected_pods(namespace_of(policy), selector)
            if selector
            else [pod for pod in scene.snapshot.of_kind("Pod") if _bears_name(scene, pod, policy, str(name))]
        )
        isolated = [pod for pod in pods if selector_fits(spec.get("podSelector") or {}, _labels(pod))]
        if any((pod.get("status") or {}).get("phase") == "Running" for pod in isolated):
            found.append(f"service/{name}")
    return sorted(set(found))


def _bears_name(scene: Scene, pod: Json, policy: Json, service: str) -> bool:
    """Where a Service's selector is not known (a table was pasted), the workload of its name stands behind it."""
    told = re.compile(rf"{re.escape(service)}((-[a-z0-9]{{5,10}}){{0,2}}|-\d{{1,3}})")
    return namespace_of(pod) == namespace_of(policy) and told.fullmatch(scene.workload_of(pod).name) is not None


def _labels(pod: Json) -> Json:
    found: Json = (pod.get("metadata") or {}).get("labels") or {}
    return found


def allowed_by(arguments: Sequence[Argument]) -> FactOf:
    """``allowed_by($)``: how many ingress rules a policy has, in words."""
    one_path(arguments, "allowed_by($)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        rules = (root.get("spec") or {}).get("ingress") or ()
        return f"{len(rules)} ingress rule(s)" if rules else "nothing (ingress: [])"

    return fact


def unit_runs_elsewhere(arguments: Sequence[Argument]) -> Check:
    """``unit_runs_elsewhere($)``: the same system service is active on another host, which then does the work."""
    one_path(arguments, "unit_runs_elsewhere($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        unit = str((root.get("spec") or {}).get("unit", ""))
        return any(
            other is not root
            and (other.get("spec") or {}).get("unit") == unit
            and (other.get("status") or {}).get("active") == "active"
            for other in scene.snapshot.of_kind("NodeService")
        )

    return holds


ROUTING_CHECKS: dict[str, Callable[[Sequence[Argument]], Check]] = {
    "protocol_unserved": protocol_unserved,
    "named_service_wants_pods": named_service_wants_pods,
    "policy_cuts_off": policy_cuts_off,
    "unit_runs_elsewhere": unit_runs_elsewhere,
}
ROUTING_FACTS: dict[str, Callable[[Sequence[Argument]], FactOf]] = {
    "protocol": protocol,
    "target_port": target_port,
    "served_protocol": served_protocol,
    "cut_off": cut_off,
    "allowed_by": allowed_by,
}
