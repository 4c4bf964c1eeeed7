"""The life cycle of nodes: taints that follow conditions and cordons, and pods that leave a lost node."""

from __future__ import annotations

from functools import partial
from typing import Any

from evals.practice.clock import Timer, timestamp
from evals.practice.controllers.parts import Name, Parts, WorkQueue, key_of
from evals.practice.controllers.pods import condition, is_leaving, is_ready
from evals.practice.controllers.selectors import toleration_for
from evals.practice.errors import ApiError
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_CORDON = "node.kubernetes.io/unschedulable"
_NOT_READY = "node.kubernetes.io/not-ready"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure", "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure", "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}  # fmt: skip
_OWNED = {_CORDON, _NOT_READY, _UNREACHABLE, *_PRESSURES.values()}


class NodeLifecycle:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("node-controller")
        self.evictor = parts.recorder("taint-eviction-controller")
        self.queue: WorkQueue[str] = WorkQueue(parts.clock, self.reconcile)
        self._evictions: dict[Name, Timer] = {}
        self._subscriptions = [parts.store.subscribe(self._follow, "nodes"),
                               parts.store.subscribe(self._follow_pod, "pods")]  # fmt: skip
        for one in parts.store.each("nodes"):
            self.queue.add(name_of(one))

    def stop(self) -> None:
        for one in self._subscriptions:
            one.cancel()
        for timer in self._evictions.values():
            timer.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        node = change.object
        if change.type == "DELETED":
            for pod in self.parts.pods_by_node.of(name_of(node)):
                self.parts.store.mark_deleted("pods", *key_of(pod), grace_seconds=0)
            return
        self.queue.add(name_of(node))
        before = condition(change.previous, "Ready") if change.previous else None
        now = condition(node, "Ready")
        if before and now and before["status"] == "True" != now["status"]:
            self.recorder.normal(node, "NodeNotReady", f"Node {name_of(node)} status is now: NodeNotReady")
            self._mark_pods(name_of(node))

    def _follow_pod(self, change: Change) -> None:
        bound = change.object["spec"].get("nodeName")
        if change.type == "DELETED":
            timer = self._evictions.pop(key_of(change.object), None)
            if timer is not None:
                timer.cancel()
        elif bound and (change.previous is None or not change.previous["spec"].get("nodeName")):
            self.queue.add(str(bound))

    def _mark_pods(self, node: str) -> None:
        """The pods of a lost node are not ready, whatever their kubelet last said."""
        for pod in self.parts.pods_by_node.of(node):
            if not is_ready(pod):
                continue
            status = copy_of(pod["status"])
            for row in status["conditions"]:
                if row["type"] == "Ready":
                    row.update(status="False", lastTransitionTime=timestamp(self.parts.clock.now()))
            self.parts.store.set_status("pods", pod, status)
            self.recorder.warning(pod, "NodeNotReady", "Node is not ready")

    # -- taints --------------------------------------------------------------------------------------------------------

    def reconcile(self, name: str) -> None:
        node = self.parts.store.find("nodes", None, name)
        if node is None:
            return
        taints = node["spec"].get("taints") or []
        wanted = self._wanted(node)
        kept = [one for one in taints if one["key"] not in _OWNED or (one["key"], one["effect"]) in wanted]
        have = {(one["key"], one["effect"]) for one in kept}
        now = timestamp(self.parts.clock.now())
        added = [{"key": key, "effect": effect, "timeAdded": now} for key, effect in sorted(wanted - have)]
        if added or len(kept) != len(taints):
            changed = copy_of(node)
            changed["spec"].pop("taints", None)
            if kept or added:
                changed["spec"]["taints"] = [*kept, *added]
            node = self.parts.store.update("nodes", changed)
        self._evict(node)

    def _wanted(self, node: Object) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        if node["spec"].get("unschedulable"):
            found.add((_CORDON, "NoSchedule"))
        ready = condition(node, "Ready")
        if ready is not None and ready["status"] != "True":
            key = _NOT_READY if ready["status"] == "False" else _UNREACHABLE
            found |= {(key, "NoSchedule"), (key, "NoExecute")}
        for kind, key in _PRESSURES.items():
            row = condition(node, kind)
            if row is not None and row["status"] == "True":
                found.add((key, "NoSchedule"))
        return found

    def _evict(self, node: Object) -> None:
        taints = [one for one in node["spec"].get("taints") or () if one["effect"] == "NoExecute"]
        for pod in self.parts.pods_by_node.of(name_of(node)):
            key = key_of(pod)
            wait = _patience(pod, taints)
            pending = self._evictions.get(key)
            if wait is None:
                if pending is not None:
                    pending.cancel()
                    del self._evictions[key]
                    if not is_leaving(pod):
                        where = f"{namespace_of(pod)}/{name_of(pod)}"
                        self.evictor.normal(pod, "TaintManagerEviction", f"Cancelling deletion of Pod {where}")
            elif pending is None and not is_leaving(pod):
                delay = self.parts.scaled(wait) * self.parts.timing.node_eviction
                self._evictions[key] = self.parts.clock.call_later(delay, partial(self._delete, key))

    def _delete(self, key: Name) -> None:
        self._evictions.pop(key, None)
        pod = self.parts.store.find("pods", *key)
        if pod is None or is_leaving(pod):
            return
        where = f"{namespace_of(pod)}/{name_of(pod)}"
        self.evictor.normal(pod, "TaintManagerEviction", f"Marking for deletion Pod {where}")
        try:
            self.parts.store.mark_deleted("pods", *key)
        except ApiError:
            return  # gone meanwhile


def _patience(pod: Object, taints: list[Object]) -> float | None:
    """Seconds until the taints drive the pod away; None: it may stay."""
    waits = []
    for taint in taints:
        found = toleration_for(pod, taint)
        if found is None:
            return 0.0
        if found.get("tolerationSeconds") is not None:
            waits.append(float(found["tolerationSeconds"]))
    return min(waits) if waits else None
