"""Makes one object of all that several outputs told of it: the deepest telling wins, the others fill in, the state is the latest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.transcript.harvest import Depth, Harvest, Key, Told
from tools.transcript.kinds import KINDS
from tools.transcript.pod_status import UNNAMED

_UNSEEN_IN_DESCRIBE = frozenset(
    [
        "affinity",
        "topologySpreadConstraints",
        "securityContext",
        "terminationGracePeriodSeconds",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "dnsPolicy",
        "dnsConfig",
        "imagePullSecrets",
        "restartPolicy",
        "schedulerName",
        "lifecycle",
        "imagePullPolicy",
        "terminationMessagePolicy",
        "stdin",
        "tty",
        "enableServiceLinks",
        "shareProcessNamespace",
        "automountServiceAccountToken",
        "hostAliases",
        "subdomain",
        "hostname",
        "overhead",
        "revisionHistoryLimit",
        "progressDeadlineSeconds",
        "podManagementPolicy",
        "publishNotReadyAddresses",
        "sessionAffinityConfig",
    ]
)
"""What ``describe`` never shows: of a described object only these are taken from a manifest, as all else was seen."""

_UNSEEN_OF_KIND = {
    "PersistentVolumeClaim": frozenset(
        {"accessModes", "resources", "selector", "storageClassName", "dataSource", "volumeName"}
    ),
}

_MARK = "opsdesk/told-by"


def merged(harvest: Harvest) -> list[Json]:
    """All objects, one of each. Manifests of what is not there are left out when it is known what is there."""
    seen_kinds = {
        (key[0], key[1]) for key, told in harvest.objects.items() if any(one.depth > Depth.MANIFEST for one in told)
    }
    found: list[Json] = []
    for key, told in harvest.objects.items():
        live = [one for one in told if one.depth >= Depth.TABLE]
        manifests = [one for one in told if one.depth is Depth.MANIFEST]
        if live:
            found.append(_one(live, manifests, [one for one in told if one.depth is Depth.MENTION]))
        elif told[0].depth is Depth.MENTION and key[0] == "Endpoints":
            found.append(told[-1].item)
        elif manifests and not _is_known_kind(harvest, key, seen_kinds):
            item = _one(manifests[-1:], [], [])
            item["metadata"].setdefault("annotations", {})[_MARK] = "manifest"
            found.append(item)
    return found


def _is_known_kind(harvest: Harvest, key: Key, seen_kinds: set[tuple[str, str]]) -> bool:
    """Whether the paste shows what there is of this kind: then a manifest alone is a wish."""
    kind, namespace, _ = key
    is_listed = bool({(kind, namespace), (kind, "*")} & harvest.listed)
    return is_listed or (kind, namespace) in seen_kinds


def _one(live: Sequence[Told], manifests: Sequence[Told], mentions: Sequence[Told]) -> Json:
    ranked = sorted(live, key=lambda told: (told.depth, told.line), reverse=True)
    best = ranked[0]
    item = best.item
    for other in ranked[1:]:
        if other.item is not item:
            _fill(item, other.item, is_newer=other.line > best.line)
    for other in mentions if item.get("kind") != "Endpoints" else ():
        _fill_in(item, other.item)
    for manifest in reversed(manifests):
        if best.depth is Depth.TABLE:
            _fill_in(item, _without_state(manifest.item))
        elif best.depth is Depth.DESCRIBE:
            _fill_unseen(item, manifest.item)
    return item


def _without_state(item: Json) -> Json:
    return {key: value for key, value in item.items() if key != "status"}


def _fill(item: Json, other: Json, *, is_newer: bool) -> None:
    """Fills in what is missing. A later, shallower telling also updates the plain values of the state."""
    if is_newer and isinstance(other.get("status"), dict):
        _update_state(item, other)
    _fill_in(item, other)


def _update_state(item: Json, newer: Json) -> None:
    status = item.setdefault("status", {})
    if not isinstance(status, dict):
        return
    for key, value in newer["status"].items():
        if isinstance(value, (int, str)) and not isinstance(value, bool):
            status[key] = value
    if item.get("kind") == "Pod":
        _update_containers(status, newer["status"])
        _update_ready(status, newer["status"])


def _update_containers(status: Json, newer: Json) -> None:
    """A later row tells how many are ready and the sum of restarts: applied where that differs from what was told."""
    known, told = status.get("containerStatuses"), newer.get("containerStatuses")
    if not isinstance(known, list) or not isinstance(told, list) or len(known) != len(told):
        return
    ready = sum(1 for one in told if one.get("ready"))
    if ready == sum(1 for one in known if one.get("ready")) and _restarts(known) == _restarts(told):
        return
    if len(known) == 1:
        known[0]["ready"] = bool(ready)
        known[0]["restartCount"] = _restarts(told)
        if told[0].get("state") and told[0]["state"] != {"running": {}}:
            known[0]["state"] = told[0]["state"]


def _restarts(statuses: Sequence[Json]) -> int:
    return sum(one.get("restartCount", 0) for one in statuses if isinstance(one.get("restartCount", 0), int))


def _update_ready(status: Json, newer: Json) -> None:
    flags = {one.get("type"): one.get("status") for one in newer.get("conditions") or () if isinstance(one, dict)}
    for one in status.get("conditions") or ():
        if isinstance(one, dict) and one.get("type") in {"Ready", "ContainersReady"} and one["type"] in flags:
            one["status"] = flags[one["type"]]


def _fill_in(item: Json, other: Json, depth: int = 0) -> None:
    """Keys that are missing are taken over; lists of named things are matched by name, other lists stay whole."""
    for key, value in other.items():
        here = item.get(key)
        if key == "labels" and here and depth:
            continue  # a deeper telling shows all labels; a row only hints at some
        if key not in item or (here in ("", None) and value not in ("", None)):
            item[key] = value
        elif isinstance(here, dict) and isinstance(value, dict) and depth < 20:
            _fill_in(here, value, depth + 1)
        elif (
            isinstance(here, list)
            and isinstance(value, list)
            and key in {"containers", "initContainers", "conditions", "ports"}
        ):
            _fill_named(here, value, "type" if key == "conditions" else "name", depth)


def _fill_named(here: list[Any], other: list[Any], by: str, depth: int) -> None:
    known = {one.get(by): one for one in here if isinstance(one, dict) and one.get(by)}
    if len(here) == 1 and len(other) == 1 and not known and isinstance(here[0], dict) and isinstance(other[0], dict):
        _fill_in(here[0], other[0], depth + 1)
        return
    for one in other:
        if isinstance(one, dict) and one.get(by) in known:
            _fill_in(known[one[by]], one, depth + 1)


def _fill_unseen(item: Json, manifest: Json) -> None:
    unseen = _UNSEEN_IN_DESCRIBE | _UNSEEN_OF_KIND.get(str(item.get("kind", "")), frozenset())
    for left, right in _pairs(item, manifest):
        for key, value in right.items():
            if key in unseen:
                left.setdefault(key, value)


def _pairs(item: Json, manifest: Json) -> Iterator[tuple[Json, Json]]:
    """The spec, the template's spec and the containers of both."""
    left, right = item.get("spec"), manifest.get("spec")
    if not isinstance(left, dict) or not isinstance(right, dict):
        return
    yield left, right
    inner_left = ((left.get("template") or {}).get("spec")) if isinstance(left.get("template"), dict) else None
    inner_right = ((right.get("template") or {}).get("spec")) if isinstance(right.get("template"), dict) else None
    if isinstance(inner_left, dict) and isinstance(inner_right, dict):
        yield inner_left, inner_right
        left, right = inner_left, inner_right
    for key in ("containers", "initContainers"):
        given = right.get(key)
        by_name = {one.get("name"): one for one in given if isinstance(one, dict)} if isinstance(given, list) else {}
        for one in left.get(key) or ():
            if isinstance(one, dict) and one.get("name") in by_name:
                yield one, by_name[one["name"]]


def name_containers(item: Json, template: Json | None) -> None:
    """Statuses told by a row get the names that the spec, or the owner's template, has."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    for field, told in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
        names = [
            one.get("name") for one in spec.get(field) or (template or {}).get(field) or () if isinstance(one, dict)
        ]
        unnamed = [one for one in status.get(told) or () if isinstance(one, dict) and one.get("name") == UNNAMED]
        if len(names) >= len(unnamed) > 0:
            taken = {one.get("name") for one in status.get(told) or ()}
            free = [name for name in names if name not in taken]
            for one, name in zip(unnamed, free, strict=False):
                one["name"] = name


def is_cluster_kind(kind: str) -> bool:
    row = KINDS.get(kind)
    return row is not None and not row.is_namespaced
