# ruff: noqa: ARG005 - every compiled condition has the same signature
"""Why a claim finds no volume: each volume is held against what the claim asks for, and the nearest one tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.vocabulary import Json
from tools.detectors.amounts import amount
from tools.detectors.arguments import Argument, Check, FactOf
from tools.detectors.labels import selector_fits
from tools.detectors.scene import Scene, name_of, namespace_of

MODES = {"RWO": "ReadWriteOnce", "ROX": "ReadOnlyMany", "RWX": "ReadWriteMany", "RWOP": "ReadWriteOncePod"}
ORDER = ("occupied", "class", "access-mode", "capacity", "selector", "volume-mode")
STATIC = "kubernetes.io/no-provisioner"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """``reasons``: what keeps the nearest volume from the claim, of ORDER; ``none`` when there is no volume at all."""

    reasons: tuple[str, ...] = ()
    volume: str = ""
    wanted: str = ""
    offered: str = ""


def mismatch_of(scene: Scene, claim: Json) -> Mismatch:
    """Empty for a claim that is bound, that a provisioner serves, or whose volumes were not gathered; and where the nearest
    volume belongs to another claim or class and would not fit either: then it tells nothing."""
    if (claim.get("status") or {}).get("phase") not in (None, "Pending") or _is_provisioned(scene, claim):
        return Mismatch()
    volumes = scene.snapshot.of_kind("PersistentVolume")
    if not volumes:
        return Mismatch()
    named = (claim.get("spec") or {}).get("volumeName")
    if named:
        volumes = [volume for volume in volumes if name_of(volume) == named] or volumes
    judged = [(_between(claim, volume), volume) for volume in volumes]
    reasons, volume = min(judged, key=lambda pair: _distance(claim, pair[0], pair[1]))
    if not reasons or (len(reasons) > 1 and not {"occupied", "class"}.isdisjoint(reasons)):
        return Mismatch()
    wanted, offered = _words(reasons[0], claim, volume)
    return Mismatch(reasons=reasons, volume=name_of(volume), wanted=wanted, offered=offered)


def _distance(claim: Json, reasons: tuple[str, ...], volume: Json) -> tuple[bool, int, bool, int]:
    """A free volume that lacks one thing is nearer than one that another claim holds; of equals, the one named alike."""
    stem = name_of(claim).rsplit("-", 1)[0]
    named_alike = bool(stem) and name_of(volume).startswith(stem)
    size = amount(((volume.get("spec") or {}).get("capacity") or {}).get("storage")) or 0.0
    is_far = "occupied" in reasons or "class" in reasons
    return is_far and not named_alike, len(reasons), not named_alike, -int(size)


def _is_provisioned(scene: Scene, claim: Json) -> bool:
    """A class whose provisioner makes volumes on demand: then no volume needs to be there."""
    wanted = (claim.get("spec") or {}).get("storageClassName")
    for item in scene.snapshot.of_kind("StorageClass"):
        is_default = ((item.get("metadata") or {}).get("annotations") or {}).get(
            "storageclass.kubernetes.io/is-default-class"
        ) == "true"
        if name_of(item) == wanted or (wanted is None and is_default):
            return str(item.get("provisioner", "")) not in ("", STATIC)
    return False


def _between(claim: Json, volume: Json) -> tuple[str, ...]:
    """What does not fit, in the order of ORDER; what the claim does not say (a partial paste) fits."""
    spec, offer = claim.get("spec") or {}, volume.get("spec") or {}
    wanted_size = amount(((spec.get("resources") or {}).get("requests") or {}).get("storage"))
    size = amount((offer.get("capacity") or {}).get("storage"))
    modes = _modes(spec)
    found = {
        "occupied": _is_occupied(claim, volume),
        "class": (spec.get("storageClassName") or "") != (offer.get("storageClassName") or ""),
        "access-mode": bool(modes) and bool(_modes(offer)) and not modes <= _modes(offer),
        "capacity": wanted_size is not None and size is not None and wanted_size > size,
        "selector": not selector_fits(spec.get("selector") or {}, (volume.get("metadata") or {}).get("labels") or {}),
        "volume-mode": spec.get("volumeMode", "Filesystem") != offer.get("volumeMode", "Filesystem"),
    }
    return tuple(reason for reason in ORDER if found[reason])


def _is_occupied(claim: Json, volume: Json) -> bool:
    holder = (volume.get("spec") or {}).get("claimRef") or {}
    if holder.get("name") and (holder.get("namespace", ""), holder["name"]) != (namespace_of(claim), name_of(claim)):
        return True
    return (volume.get("status") or {}).get("phase") in ("Bound", "Released", "Failed")


def _modes(spec: Json) -> set[str]:
    return {MODES.get(str(mode), str(mode)) for mode in spec.get("accessModes") or ()}


def _words(reason: str, claim: Json, volume: Json) -> tuple[str, str]:
    spec, offer = claim.get("spec") or {}, volume.get("spec") or {}
    holder = offer.get("claimRef") or {}
    labels = (volume.get("metadata") or {}).get("labels") or {}
    return {
        "occupied": (name_of(claim), f"{holder.get('namespace', '')}/{holder.get('name', '')}".strip("/")),
        "class": (str(spec.get("storageClassName") or '""'), str(offer.get("storageClassName") or '""')),
        "access-mode": (", ".join(sorted(_modes(spec))), ", ".join(sorted(_modes(offer)))),
        "capacity": (
            str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "")),
            str((offer.get("capacity") or {}).get("storage", "")),
        ),
        "selector": (_selector_text(spec.get("selector") or {}), _label_text(labels) or "no labels"),
        "volume-mode": (str(spec.get("volumeMode", "")), str(offer.get("volumeMode", ""))),
    }[reason]


def _selector_text(selector: Json) -> str:
    rules = [
        f"{rule.get('key')} {rule.get('operator')} {','.join(map(str, rule.get('values') or ()))}".strip()
        for rule in selector.get("matchExpressions") or ()
    ]
    return "; ".join(filter(None, [_label_text(selector.get("matchLabels") or {}), *rules]))


def _label_text(labels: Json) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def claim_mismatch(arguments: Sequence[Argument]) -> Check:
    """``claim_mismatch("capacity")``: the first thing that keeps the nearest volume from the claim is this."""
    if len(arguments) != 1 or arguments[0] not in ORDER:
        raise ValueError(f"expected claim_mismatch(one of {', '.join(ORDER)})")
    reason = arguments[0]
    return lambda scene, root, element: mismatch_of(scene, root).reasons[:1] == (reason,)


def claim_fact(arguments: Sequence[Argument]) -> FactOf:
    """``claim_fact("volume")``: volume, wanted or offered of the mismatch; ``users``: who mounts the claim."""
    if len(arguments) != 1 or arguments[0] not in ("volume", "wanted", "offered", "users"):
        raise ValueError('expected claim_fact("volume" | "wanted" | "offered" | "users")')
    name = str(arguments[0])
    if name == "users":
        return lambda scene, root, element: ", ".join(users_of(scene, root))
    return lambda scene, root, element: str(getattr(mismatch_of(scene, root), name))


def users_of(scene: Scene, claim: Json) -> list[str]:
    """The workloads whose pods mount the claim, as ``deployment/name``."""
    found = set()
    for pod in scene.snapshot.of_kind("Pod"):
        if namespace_of(pod) == namespace_of(claim) and name_of(claim) in claims_of(pod):
            workload = scene.workload_of(pod)
            found.add(f"{workload.kind.lower()}/{workload.name}")
    return sorted(found)


def claims_of(pod: Json) -> list[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [str((volume.get("persistentVolumeClaim") or {}).get("claimName", "")) for volume in volumes]
