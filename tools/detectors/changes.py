"""What was changed lately: rollouts, configuration, scaling, nodes. A change just before the trouble is a candidate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from knowledge.vocabulary import Json, ObjectRef, Text
from tools.contracts import Snapshot
from tools.detectors.watchers import event_time
from tools.detectors.wellness import read_time

REVISION = "deployment.kubernetes.io/revision"
WINDOW = timedelta(hours=2)
CONFIGURATION = (
    "ConfigMap",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "HorizontalPodAutoscaler",
)


@dataclass(frozen=True, slots=True)
class Change:
    object: ObjectRef
    kind: str
    """rollout, config, scaling or node."""
    at: datetime
    what: Text
    told_by: Json = field(default_factory=dict, compare=False, hash=False)
    """The raw object or event that tells of it."""


def recent_changes(snapshot: Snapshot, window: timedelta = WINDOW) -> list[Change]:
    """Newest first, within ``window`` before the snapshot."""
    since = snapshot.taken_at - window
    found = [*_rollouts(snapshot), *_configuration(snapshot), *_scaling(snapshot), *_nodes(snapshot)]
    return sorted((change for change in found if since <= change.at), key=lambda change: change.at, reverse=True)


def _rollouts(snapshot: Snapshot) -> Iterator[Change]:
    """A ReplicaSet with revision 2 or above that was made lately: a new template."""
    for item in snapshot.of_kind("ReplicaSet"):
        metadata = item.get("metadata") or {}
        revision = (metadata.get("annotations") or {}).get(REVISION, "")
        at = read_time(metadata.get("creationTimestamp"))
        owner = next(iter(metadata.get("ownerReferences") or ()), None)
        if at is None or owner is None or not revision.isdigit() or int(revision) < 2:
            continue
        reference = ObjectRef(
            cluster=snapshot.cluster, kind=owner["kind"], namespace=metadata.get("namespace", ""), name=owner["name"]
        )
        yield Change(
            reference, "rollout", at, Text(en=f"rollout to revision {revision}", zh=f"发布到版本 {revision}"), item
        )


def _configuration(snapshot: Snapshot) -> Iterator[Change]:
    """Objects that were edited after they were made, by whoever writes specs (status writers are left out)."""
    for kind in CONFIGURATION:
        for item in snapshot.of_kind(kind):
            metadata = item.get("metadata") or {}
            created = read_time(metadata.get("creationTimestamp"))
            writers = [entry for entry in metadata.get("managedFields") or () if not entry.get("subresource")]
            times = [read_time(entry.get("time")) for entry in writers]
            edited = max((time for time in times if time is not None), default=None)
            if edited is not None and created is not None and edited - created > timedelta(seconds=5):
                yield Change(snapshot.reference(item), "config", edited, Text(en="edited", zh="被修改"), item)


def _scaling(snapshot: Snapshot) -> Iterator[Change]:
    for event in snapshot.of_kind("Event"):
        if event.get("reason") not in ("ScalingReplicaSet", "SuccessfulRescale"):
            continue
        about, at = event.get("involvedObject") or event.get("regarding") or {}, event_time(event)
        message = str(event.get("message") or event.get("note") or "")
        if at is not None and _is_scaling(str(event.get("reason")), message):
            yield Change(_reference(snapshot, about), "scaling", at, Text(en=message[:120], zh=message[:120]), event)


FROM_TO = re.compile(r"\bfrom (\d+) to (\d+)\b")


def _is_scaling(reason: str, message: str) -> bool:
    """A ReplicaSet that comes from nothing or goes to nothing belongs to a rollout, or to the first creation."""
    if reason == "SuccessfulRescale":
        return True
    found = FROM_TO.search(message)
    return found is not None and "0" not in found.groups()


def _nodes(snapshot: Snapshot) -> Iterator[Change]:
    reasons = {
        "NodeNotSchedulable": ("cordoned", "被封锁"),
        "NodeSchedulable": ("uncordoned", "解除封锁"),
        "Rebooted": ("rebooted", "重启"),
    }
    for event in snapshot.of_kind("Event"):
        words = reasons.get(str(event.get("reason")))
        at = event_time(event) if words else None
        if words and at is not None:
            about = event.get("involvedObject") or event.get("regarding") or {}
            yield Change(_reference(snapshot, about), "node", at, Text(en=words[0], zh=words[1]), event)


def _reference(snapshot: Snapshot, about: Json) -> ObjectRef:
    kind = str(about.get("kind", ""))
    namespace = "" if kind == "Node" else str(about.get("namespace", ""))
    return ObjectRef(cluster=snapshot.cluster, kind=kind, namespace=namespace, name=str(about.get("name", "")))
