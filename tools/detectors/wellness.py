"""Whether an object is well right now. State beats history: what is well now has no fault, whatever its past events say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from knowledge.vocabulary import Json

UNSETTLED_SECONDS = 600.0
"""A container that came back less than this ago, and not for the first time, has not recovered yet."""

NODE_PRESSURES = frozenset({"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"})


def read_time(value: Any) -> datetime | None:
    """An RFC 3339 time, aware; None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def condition_of(item: Json, name: str) -> Json:
    """The condition of that type, or an empty object."""
    for condition in (item.get("status") or {}).get("conditions") or ():
        if condition.get("type") == name:
            found: Json = condition
            return found
    return {}


def is_well(item: Json, now: datetime) -> bool:
    """True when nothing in the object's own state says that something is wrong. Kinds without a state are never "well":
    they have nothing to beat history with."""
    kind = item.get("kind", "")
    if kind == "Pod":
        return pod_is_well(item, now)
    judge = JUDGES.get(kind)
    return judge is not None and judge(item)


def pod_is_well(item: Json, now: datetime) -> bool:
    status = item.get("status") or {}
    if (item.get("metadata") or {}).get("deletionTimestamp"):
        return False
    phase = status.get("phase")
    if phase == "Succeeded":
        return True
    if phase != "Running":
        return False
    containers = status.get("containerStatuses") or ()
    for container in containers:
        if not _container_is_well(container, now):
            return False
    return bool(containers)


def _container_is_well(container: Json, now: datetime) -> bool:
    if not container.get("ready"):
        return False
    running = (container.get("state") or {}).get("running")
    if running is None:
        return False
    if container.get("restartCount", 0) < 2:
        return True
    ended = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
    came_back = read_time(ended) or read_time(running.get("startedAt"))
    return came_back is None or (now - came_back).total_seconds() > UNSETTLED_SECONDS


def _replicas_are_well(item: Json) -> bool:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    wanted = spec.get("replicas", 1)
    if condition_of(item, "Progressing").get("status") == "False":
        return False
    is_rolled_out = status.get("updatedReplicas", wanted) >= wanted or item.get("kind") == "ReplicaSet"
    return bool(status.get("readyReplicas", 0) >= wanted and is_rolled_out)


def _daemon_is_well(item: Json) -> bool:
    status = item.get("status") or {}
    return bool(status.get("numberReady", 0) >= status.get("desiredNumberScheduled", 0))


def _job_is_well(item: Json) -> bool:
    status = item.get("status") or {}
    if condition_of(item, "Complete").get("status") == "True":
        return True
    return not status.get("failed") and condition_of(item, "Failed").get("status") != "True"


def _node_is_well(item: Json) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or ()
    pressed = any(one.get("type") in NODE_PRESSURES and one.get("status") == "True" for one in conditions)
    return condition_of(item, "Ready").get("status") == "True" and not pressed


def _claim_is_well(item: Json) -> bool:
    resizing = (item.get("status") or {}).get("conditions")
    return (item.get("status") or {}).get("phase") == "Bound" and not resizing


def _autoscaler_is_well(item: Json) -> bool:
    return condition_of(item, "ScalingActive").get("status") != "False" and (
        condition_of(item, "AbleToScale").get("status") != "False"
    )


JUDGES: dict[str, Callable[[Json], bool]] = {
    "Deployment": _replicas_are_well,
    "StatefulSet": _replicas_are_well,
    "ReplicaSet": _replicas_are_well,
    "DaemonSet": _daemon_is_well,
    "Job": _job_is_well,
    "Node": _node_is_well,
    "PersistentVolumeClaim": _claim_is_well,
    "HorizontalPodAutoscaler": _autoscaler_is_well,
}
