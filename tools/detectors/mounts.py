# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""What a container mounts of its own: claims, host paths, empty folders; not what Kubernetes itself puts into every pod."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, one_path
from tools.detectors.scene import Scene

KUBERNETES_OWN = "/var/run/secrets/"


def _own_mounts(pod: Json, container: Json) -> list[str]:
    """Paths of mounts whose volume is not projected; a volume that was not told (a table's row) counts by its path."""
    volumes = {one.get("name"): one for one in (pod.get("spec") or {}).get("volumes") or ()}
    return [
        str(mount.get("mountPath", ""))
        for mount in container.get("volumeMounts") or ()
        if "projected" not in volumes.get(mount.get("name"), {})
        and not str(mount.get("mountPath", "")).startswith(KUBERNETES_OWN)
    ]


def mounts_own_volume(arguments: Sequence[Argument]) -> Check:
    container = one_path(arguments, "mounts_own_volume(@)")
    return lambda scene, root, element: bool(_own_mounts(root, container.first(root, element) or {}))


def own_mounts(arguments: Sequence[Argument]) -> FactOf:
    container = one_path(arguments, "own_mounts(@)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        return ", ".join(_own_mounts(root, container.first(root, element) or {}))

    return fact


MOUNT_CHECKS: dict[str, Callable[[Sequence[Argument]], Check]] = {"mounts_own_volume": mounts_own_volume}
MOUNT_FACTS: dict[str, Callable[[Sequence[Argument]], FactOf]] = {"own_mounts": own_mounts}
