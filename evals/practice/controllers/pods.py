"""Facts about pods that several controllers need, and pods made from a template."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers.parts import Parts, parse_time
from evals.practice.store import copy_of

Object = dict[str, Any]


def is_active(pod: Object) -> bool:
    """Neither finished nor being deleted: it counts as a replica."""
    return phase_of(pod) not in ("Succeeded", "Failed") and not is_leaving(pod)


def is_leaving(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def phase_of(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase", "Pending"))


def condition(obj: Object, kind: str) -> Object | None:
    for one in obj.get("status", {}).get("conditions") or ():
        if one["type"] == kind:
            found: Object = one
            return found
    return None


def is_ready(pod: Object) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def wait_until_available(parts: Parts, pod: Object, min_ready_seconds: int) -> float | None:
    """Seconds until a ready pod counts as available (0: now), None when it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    ready_for = (parts.clock.now() - parse_time(found["lastTransitionTime"])).total_seconds()
    return max(0.0, parts.scaled(min_ready_seconds) - ready_for)


def from_template(template: Object, namespace: str, owner: Object) -> Object:
    """A pod of a workload, without a name: the caller sets name or generateName."""
    made = copy_of(template)
    meta: Object = {"namespace": namespace}
    for key in ("labels", "annotations", "finalizers"):
        if made.get("metadata", {}).get(key):
            meta[key] = made["metadata"][key]
    meta["ownerReferences"] = [owner]
    return {"metadata": meta, "spec": made["spec"]}


def deletion_rank(pod: Object, on_node: dict[str, int]) -> tuple[object, ...]:
    """Order in which a ReplicaSet gives up pods: the least useful first."""
    status = pod.get("status", {})
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    node = pod["spec"].get("nodeName")
    cost = (pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    restarts = max((one.get("restartCount", 0) for one in status.get("containerStatuses") or ()), default=0)
    ready = condition(pod, "Ready")
    since = parse_time(ready["lastTransitionTime"]).timestamp() if ready and is_ready(pod) else 0.0
    created = parse_time(pod["metadata"]["creationTimestamp"]).timestamp()
    return (
        1 if node else 0,
        phases.get(phase_of(pod), 2),
        1 if is_ready(pod) else 0,
        int(cost),
        -on_node.get(str(node), 0),
        -since,
        -restarts,
        -created,
    )
