"""The arithmetic of a rolling update: pure functions over a Deployment and its ReplicaSets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from math import ceil, floor
from typing import Any

Object = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"
_LETTERS = "bcdf456789"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAXIMUM,
    "deprecated.deployment.rollback.to",
}  # fmt: skip


def template_hash(template: Object, collisions: int = 0) -> str:
    """Ten letters and digits for a pod template, the same for equal templates."""
    text = json.dumps(template, sort_keys=True) + str(collisions)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "".join(_LETTERS[int(digit, 16) % len(_LETTERS)] for digit in digest[:10])


def same_template(first: Object, second: Object) -> bool:
    """Equal but for the label that the controller adds."""
    return _bare(first) == _bare(second)


def _bare(template: Object) -> Object:
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    meta.pop("creationTimestamp", None)
    return {"metadata": meta, "spec": template.get("spec")}


def replicas_of(obj: Object) -> int:
    found = obj["spec"].get("replicas")
    return 1 if found is None else int(found)


def available_of(sets: Iterable[Object]) -> int:
    return sum(int(one.get("status", {}).get("availableReplicas") or 0) for one in sets)


def total_of(sets: Iterable[Object]) -> int:
    return sum(replicas_of(one) for one in sets)


def limits(deployment: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as whole pods: surge rounded up, unavailable down, never both 0."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    wanted = replicas_of(deployment)
    surge = _whole(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _whole(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, wanted)


def _whole(value: object, of: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        exact = of * int(value[:-1]) / 100
        return ceil(exact) if up else floor(exact)
    return int(str(value))


def revision_of(obj: Object) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def copied_annotations(deployment: Object) -> Object:
    found = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in found.items() if key not in _NOT_COPIED}


def new_size(deployment: Object, new: Object, all_sets: list[Object]) -> int:
    """How large the new ReplicaSet may be now."""
    wanted, size = replicas_of(deployment), replicas_of(new)
    if size >= wanted:
        return wanted
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return wanted
    room = wanted + limits(deployment)[0] - total_of(all_sets)
    return size if room <= 0 else size + min(room, wanted - size)


def shrink_old(deployment: Object, new: Object | None, old: list[Object]) -> dict[str, int]:
    """New sizes of old ReplicaSets by name: unhealthy pods first, then as many as availability allows."""
    sizes = {one["metadata"]["name"]: replicas_of(one) for one in old}
    if not sum(sizes.values()):
        return {}
    minimum = replicas_of(deployment) - limits(deployment)[1]
    new_sets = [] if new is None else [new]
    unready = sum(replicas_of(one) for one in new_sets) - available_of(new_sets)
    budget = total_of([*old, *new_sets]) - minimum - unready
    if budget <= 0:
        return {}
    ordered = sorted(old, key=lambda one: (one["metadata"]["creationTimestamp"], revision_of(one)))
    for one in ordered:
        name = one["metadata"]["name"]
        cut = min(budget, sizes[name] - available_of([one]))
        if cut > 0:
            sizes[name] -= cut
            budget -= cut
    spare = available_of([*old, *new_sets]) - minimum
    for one in ordered:
        name = one["metadata"]["name"]
        cut = min(max(spare, 0), sizes[name])
        sizes[name] -= cut
        spare -= cut
    return {one["metadata"]["name"]: sizes[one["metadata"]["name"]] for one in old
            if sizes[one["metadata"]["name"]] != replicas_of(one)}  # fmt: skip


def proportional(deployment: Object, sets: list[Object]) -> dict[str, int]:
    """New sizes when the Deployment is scaled in the middle of a rollout: the difference spread by size."""
    wanted = replicas_of(deployment)
    allowed = wanted + limits(deployment)[0] if wanted else 0
    total = total_of(sets)
    spread = allowed - total
    sizes: dict[str, int] = {}
    ordered = sorted(sets, key=lambda one: (-replicas_of(one), one["metadata"]["creationTimestamp"]))
    left = spread
    for one in ordered:
        share = round(replicas_of(one) * spread / total) if total else 0
        share = max(min(share, left), 0) if spread > 0 else min(max(share, left), 0)
        sizes[one["metadata"]["name"]] = max(replicas_of(one) + share, 0)
        left -= share
    if ordered and left:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(sizes[first] + left, 0)
    return sizes
