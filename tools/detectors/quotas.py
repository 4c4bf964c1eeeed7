# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""Which resource of a quota is used up while somebody is refused: read off the quota itself, without an event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.amounts import amount
from tools.detectors.arguments import Argument, Check, FactOf
from tools.detectors.calling import services_missing
from tools.detectors.claims import claims_of
from tools.detectors.scene import Scene, name_of, namespace_of

FAMILIES = {
    "cpu": re.compile(r"^((requests|limits)\.)?cpu$"),
    "memory": re.compile(r"^((requests|limits)\.)?memory$"),
    "pods": re.compile(r"^(count/)?pods$"),
    "services": re.compile(r"^(count/)?services(\.(loadbalancers|nodeports))?$"),
    "storage": re.compile(
        r"^(requests\.storage|(count/)?persistentvolumeclaims|(requests\.|limits\.)?ephemeral-storage|"
        r".*\.storageclass\.storage\.k8s\.io/.*)$"
    ),
    "gpu": re.compile(r"^(requests\.|limits\.)?[\w.-]+/\S*(gpu|npu|ascend|mlu|tpu|neuron)\S*$", re.IGNORECASE),
    "objects": re.compile(r"^(count/.+|configmaps|secrets|resourcequotas|replicationcontrollers)$"),
}
"""The first family whose expression fits is a resource's own."""


def family_of(resource: str) -> str:
    return next((family for family, pattern in FAMILIES.items() if pattern.match(resource)), "other")


def _lines(quota: Json) -> Iterator[tuple[str, float, float]]:
    """(resource, used, hard) as far as they are numbers."""
    status, spec = quota.get("status") or {}, quota.get("spec") or {}
    hard, used = status.get("hard") or spec.get("hard") or {}, status.get("used") or {}
    for resource, limit in hard.items():
        most, now = amount(limit), amount(used.get(resource, "0"))
        if most is not None and now is not None:
            yield str(resource), now, most


def _blocking(scene: Scene, quota: Json, family: str) -> str:
    """The resource of that family that keeps somebody out; empty when none does."""
    for resource, used, hard in _lines(quota):
        if family_of(resource) != family:
            continue
        namespace = namespace_of(quota)
        if family == "storage" and _blocks_a_claim(scene, namespace, hard - used):
            return resource
        if family == "services" and used >= hard and services_missing(scene, namespace):
            return resource
        if family in ("cpu", "memory", "pods", "gpu") and used >= hard and _lacks_pods(scene, namespace):
            return resource
    return ""


def _lacks_pods(scene: Scene, namespace: str) -> bool:
    """A ReplicaSet, StatefulSet or Job that has fewer pods than it wants, for want of leave to create them."""
    for kind in ("ReplicaSet", "StatefulSet"):
        for item in scene.snapshot.of_kind(kind):
            status = item.get("status") or {}
            wanted = (item.get("spec") or {}).get("replicas")
            if namespace_of(item) == namespace and isinstance(wanted, int) and (status.get("replicas") or 0) < wanted:
                return True
    return False


def _blocks_a_claim(scene: Scene, namespace: str, rest: float) -> bool:
    """Pods mount a claim that was never made, and less room is left than it asks for, or than the volume that waits for it
    holds."""
    there = {
        name_of(claim) for claim in scene.snapshot.of_kind("PersistentVolumeClaim") if namespace_of(claim) == namespace
    }
    wanted = {
        name
        for pod in scene.snapshot.of_kind("Pod")
        if namespace_of(pod) == namespace and not scene.is_well(pod)
        for name in claims_of(pod)
        if name and name not in there
    }
    if not wanted:
        return False
    sizes = [
        size
        for volume in scene.snapshot.of_kind("PersistentVolume")
        if (volume.get("status") or {}).get("phase") == "Available"
        and (size := amount(((volume.get("spec") or {}).get("capacity") or {}).get("storage"))) is not None
    ]
    return rest <= 0 or any(size > rest for size in sizes)


def quota_blocks(arguments: Sequence[Argument]) -> Check:
    """``quota_blocks("cpu")``: the quota leaves no room for a resource of the family, and somebody goes without."""
    if len(arguments) != 1 or arguments[0] not in FAMILIES:
        raise ValueError(f"expected quota_blocks(one of {', '.join(FAMILIES)})")
    family = str(arguments[0])
    return lambda scene, root, element: bool(_blocking(scene, root, family))


def quota_fact(arguments: Sequence[Argument]) -> FactOf:
    """``quota_fact("cpu")``: the resource as the quota names it, with what is used of how much."""
    if len(arguments) != 1 or arguments[0] not in FAMILIES:
        raise ValueError(f"expected quota_fact(one of {', '.join(FAMILIES)})")
    family = str(arguments[0])

    def fact(scene: Scene, root: Json, element: Any) -> str:
        resource = _blocking(scene, root, family)
        status = root.get("status") or {}
        used = (status.get("used") or {}).get(resource, "0")
        hard = (status.get("hard") or (root.get("spec") or {}).get("hard") or {}).get(resource, "")
        return f"{resource} {used}/{hard}" if resource else ""

    return fact
