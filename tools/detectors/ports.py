# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""Ports: what a Service sends to and a probe asks, against what the containers declare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, all_paths, one_path, two_paths
from tools.detectors.scene import Scene, namespace_of


def port_unserved(arguments: Sequence[Argument]) -> Check:
    """``port_unserved($.spec.selector, @)``: none of the selected pods declares the Service port's target."""
    selector, port = two_paths(arguments, "port_unserved($.spec.selector, @)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        target = _target(port.first(root, element))
        pods = scene.selected_pods(namespace_of(root), selector.first(root, element) or {})
        for pod in pods:
            declared = declared_ports(pod)
            if not declared or target in declared:
                return False
        return bool(pods)

    return holds


def _target(port: Any) -> Any:
    return (port.get("targetPort") or port.get("port")) if isinstance(port, dict) else port


def declared_ports(pod: Json) -> set[Any]:
    found: set[Any] = set()
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            found.update({port.get("containerPort"), port.get("name")} - {None})
    return found


def _probed_ports(pod: Json) -> set[Any]:
    """Ports that probes ask: something listens there whether it is declared or not."""
    found: set[Any] = set()
    for container in (pod.get("spec") or {}).get("containers") or ():
        for name in ("readinessProbe", "livenessProbe", "startupProbe"):
            found |= {how.get("port") for how in (container.get(name) or {}).values() if isinstance(how, dict)}
    return found - {None}


def served_port(arguments: Sequence[Argument]) -> FactOf:
    """The one port that the selected pods do declare; empty when there are several to choose from, or several to correct."""
    path = one_path(arguments, "served_port($.spec.selector)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        pods = scene.selected_pods(namespace_of(root), path.first(root, element) or {})
        numbers = {port for pod in pods for port in declared_ports(pod) if isinstance(port, int)}
        is_single = len((root.get("spec") or {}).get("ports") or ()) == 1
        return str(numbers.pop()) if is_single and len(numbers) == 1 else ""

    return fact


def probe_port_undeclared(arguments: Sequence[Argument]) -> Check:
    """``probe_port_undeclared(@.readinessProbe, @.ports)``: the probe asks a port that its container does not declare."""
    probe, ports = two_paths(arguments, "probe_port_undeclared(@.readinessProbe, @.ports)")
    return lambda scene, root, element: bool(
        _asked_in_vain(probe.first(root, element), ports.first(root, element) or ())
    )


def _asked_in_vain(probe: Any, ports: Sequence[Json]) -> str:
    asked = next((probe[how].get("port") for how in ("httpGet", "tcpSocket", "grpc") if how in (probe or {})), None)
    declared = {port.get(name) for port in ports for name in ("containerPort", "name")}
    return "" if asked is None or asked in declared else str(asked)


def probe_port(arguments: Sequence[Argument]) -> FactOf:
    """The first port that one of the probes asks in vain; the last argument is the container's ports."""
    *probes, ports = all_paths(arguments, "probe_port(@.readinessProbe, ..., @.ports)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        declared = ports.first(root, element) or ()
        return next((asked for one in probes if (asked := _asked_in_vain(one.first(root, element), declared))), "")

    return fact
