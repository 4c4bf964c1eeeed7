"""What the server fills into a pod's spec, in a pod and in every template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODE = 0o644
_IMAGE = re.compile(r"[\w.-]+(?::\d+)?(?:/[a-z0-9._-]+)*(?::[\w.-]+)?(?:@[A-Za-z0-9:+.-]+)?")
"""Loosely: what can be read as an image's name at all."""


def each_container(spec: Object) -> Iterator[Object]:
    """Ordinary, init and ephemeral containers."""
    for key in ("containers", "initContainers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def default_pod_spec(spec: Object) -> None:
    """Fill what pods and templates have in common."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in each_container(spec):
        _default_container(container)
        for port in (container.get("ports") or []) if spec.get("hostNetwork") else ():
            port.setdefault("hostPort", port.get("containerPort"))
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def default_template(template: Object) -> None:
    """A template's metadata always shows its (absent) time of creation."""
    template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
    default_pod_spec(template.setdefault("spec", {}))


def default_pod(pod: Object) -> None:
    """What only pods get: requests from limits, service links."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in each_container(spec):
        limits = container["resources"].get("limits") or {}
        for name, amount in limits.items():
            container["resources"].setdefault("requests", {}).setdefault(name, amount)


def pull_policy(image: str) -> str:
    """`Always` for the tag latest and for none, as the server decides."""
    if not _IMAGE.fullmatch(image):
        return "IfNotPresent"
    name = image.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    _, colon, tag = name.partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _default_container(container: Object) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", pull_policy(str(container.get("image") or "")))
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for key in _PROBES:
        if container.get(key) is not None:
            _default_probe(container[key])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _default_http(hook)
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        _default_field_sources(source)


def _default_field_sources(source: Object) -> None:
    if source.get("fieldRef") is not None:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if source.get("resourceFieldRef") is not None:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _default_probe(probe: Object) -> None:
    for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(key):
            probe[key] = value
    _default_http(probe)
    if probe.get("grpc") is not None:
        probe["grpc"].setdefault("service", "")


def _default_http(action: Object) -> None:
    if action.get("httpGet") is not None:
        action["httpGet"].setdefault("path", "/")
        action["httpGet"].setdefault("scheme", "HTTP")


def _default_volume(volume: Object) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for kind in ("secret", "configMap", "downwardAPI", "projected"):
        if volume.get(kind) is not None:
            volume[kind].setdefault("defaultMode", _MODE)
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")
    if volume.get("ephemeral", {}).get("volumeClaimTemplate") is not None:
        template = volume["ephemeral"]["volumeClaimTemplate"]
        template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
        template.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _default_field_sources(item)
    for source in (volume.get("projected") or {}).get("sources") or ():
        if source.get("serviceAccountToken") is not None:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            _default_field_sources(item)


def quality_of_service(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, from cpu and memory of all containers."""
    any_set = False
    complete = True
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            any_set = any_set or name in requests or name in limits
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                complete = False
    if any_set and complete:
        return "Guaranteed"
    return "Burstable" if any_set else "BestEffort"
