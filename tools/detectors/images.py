# ruff: noqa: ARG005 - every compiled condition has the same signature
"""Whether a registry that refuses an image wants credentials, or has no such image: it often says the same of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, one_path
from tools.detectors.paths import Path
from tools.detectors.scene import Scene


def registry_of(image: str) -> str:
    """The host before the first slash; an image without one comes from Docker Hub."""
    head, slash, _ = image.partition("/")
    return head if slash and ("." in head or ":" in head or head == "localhost") else "docker.io"


def _project_of(image: str) -> str:
    """Registry and first folder: what is public or private as one."""
    registry = registry_of(image)
    path = image.removeprefix(registry + "/")
    folder = path.split("/")[0] if "/" in path else ""
    return f"{registry}/{folder or ('library' if registry == 'docker.io' else '')}"


def _repository_of(image: str) -> str:
    """The image without tag and digest."""
    path, _, last = image.partition("@")[0].rpartition("/")
    return f"{path}/{last.partition(':')[0]}"


def project_is_open(arguments: Sequence[Argument]) -> Check:
    """``project_is_open(@.image)``: a pod that names no pull secret runs an image of the same registry and folder."""
    return _runs_alike(one_path(arguments, "project_is_open(@.image)"), _project_of)


def repository_is_open(arguments: Sequence[Argument]) -> Check:
    """``repository_is_open(@.image)``: such a pod runs another tag of this very repository. Of one that is there, a registry
    says that a tag is missing, not that the repository may not exist."""
    return _runs_alike(one_path(arguments, "repository_is_open(@.image)"), _repository_of)


def _runs_alike(image: Path, part_of: Callable[[str], str]) -> Check:
    def holds(scene: Scene, root: Json, element: Any) -> bool:
        known: frozenset[str] | None = scene.memo.get(("images in use", part_of))
        if known is None:
            known = scene.memo["images in use", part_of] = _open_parts(scene, part_of)
        return part_of(str(image.first(root, element) or "")) in known

    return holds


def _open_parts(scene: Scene, part_of: Callable[[str], str]) -> frozenset[str]:
    """Of the images that run in pods without a pull secret; gone over once for all that ask."""
    return frozenset(
        part_of(str(one.get("image", "")))
        for pod in scene.snapshot.of_kind("Pod")
        if not (pod.get("spec") or {}).get("imagePullSecrets")
        for one in (pod.get("status") or {}).get("containerStatuses") or ()
        if "running" in (one.get("state") or {})
    )


def registry(arguments: Sequence[Argument]) -> FactOf:
    """The host that an image is asked of."""
    image = one_path(arguments, "registry(@.image)")
    return lambda scene, root, element: registry_of(str(image.first(root, element) or ""))


IMAGE_CHECKS: dict[str, Callable[[Sequence[Argument]], Check]] = {
    "project_is_open": project_is_open,
    "repository_is_open": repository_is_open,
}
IMAGE_FACTS: dict[str, Callable[[Sequence[Argument]], FactOf]] = {"registry": registry}
