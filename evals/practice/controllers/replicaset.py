"""ReplicaSets: as many pods as asked for, and the reason on the object when the API refuses one."""

from __future__ import annotations

from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers import pods as podfacts
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of, owner_reference
from evals.practice.controllers.selectors import labels_of, matches
from evals.practice.errors import ApiError
from evals.practice.store import Change, copy_of, name_of, namespace_of, random_suffix

Object = dict[str, Any]
_RESOURCE = "replicasets.apps"
_BURST = 500


class ReplicaSets:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("replicaset-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._refusals: dict[str, tuple[int, str]] = {}
        self._subscription = parts.store.subscribe(self._follow, _RESOURCE, "pods")
        for one in parts.store.each(_RESOURCE):
            self.queue.add(key_of(one))

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        if change.resource == _RESOURCE:
            if change.type != "DELETED":
                self.queue.add(key_of(change.object))
            return
        for pod in (change.object, change.previous):
            owner = controller_of(pod) if pod else None
            if owner and owner["kind"] == "ReplicaSet":
                self.queue.add((namespace_of(change.object), owner["name"]))
        if change.type == "ADDED" and controller_of(change.object) is None:
            self._offer_orphan(change.object)

    def _offer_orphan(self, pod: Object) -> None:
        for one in self.parts.store.each(_RESOURCE, namespace_of(pod)):
            if matches(one["spec"].get("selector"), labels_of(pod)):
                self.queue.add(key_of(one))

    def reconcile(self, key: Name) -> None:
        found = self.parts.store.find(_RESOURCE, *key)
        if found is None:
            return
        self._adopt(found)
        uid = found["metadata"]["uid"]
        owned = [pod for pod in self.parts.pods_by_controller.of(uid) if podfacts.is_active(pod)]
        if "deletionTimestamp" not in found["metadata"]:
            self._resize(found, owned)
            owned = [pod for pod in self.parts.pods_by_controller.of(uid) if podfacts.is_active(pod)]
        self._write_status(found, owned)

    def _adopt(self, found: Object) -> None:
        """Take pods that nobody controls and that the selector matches (after a deletion that orphaned them)."""
        if not self.parts.pods_by_namespace.count(namespace_of(found)) or "deletionTimestamp" in found["metadata"]:
            return
        if self.parts.pods_by_controller.count(found["metadata"]["uid"]) >= found["spec"].get("replicas", 1):
            return
        for pod in self.parts.pods_by_namespace.of(namespace_of(found)):
            if controller_of(pod) or not podfacts.is_active(pod):
                continue
            if matches(found["spec"].get("selector"), labels_of(pod)):
                taken = copy_of(pod)
                taken["metadata"].setdefault("ownerReferences", []).append(owner_reference(found))
                self.parts.store.update("pods", taken)

    def _resize(self, found: Object, owned: list[Object]) -> None:
        wanted = int(found["spec"].get("replicas", 1))
        if len(owned) < wanted:
            self._create(found, min(wanted - len(owned), _BURST))
            return
        self._refusals.pop(found["metadata"]["uid"], None)
        if len(owned) > wanted:
            on_node: dict[str, int] = {}
            for pod in owned:
                node = str(pod["spec"].get("nodeName"))
                on_node[node] = on_node.get(node, 0) + 1
            owned.sort(key=name_of, reverse=True)
            owned.sort(key=lambda pod: podfacts.deletion_rank(pod, on_node))
            for pod in owned[: len(owned) - wanted]:
                self.parts.store.mark_deleted("pods", namespace_of(pod), name_of(pod))
                self.recorder.normal(found, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _create(self, found: Object, missing: int) -> None:
        uid = found["metadata"]["uid"]
        for suffix in sorted(random_suffix() for _ in range(missing)):
            pod = podfacts.from_template(found["spec"]["template"], namespace_of(found), owner_reference(found))
            pod["metadata"].update(generateName=f"{name_of(found)}-", name=f"{name_of(found)}-{suffix}")
            try:
                made = self.parts.store.create("pods", pod)
            except ApiError as refused:
                self._refused(found, refused)
                return
            self.recorder.normal(found, "SuccessfulCreate", f"Created pod: {name_of(made)}")
        self._refusals.pop(uid, None)
        if len(self.parts.pods_by_controller.of(uid)) < int(found["spec"].get("replicas", 1)):
            self.queue.add(key_of(found))

    def _refused(self, found: Object, refused: ApiError) -> None:
        namespace = self.parts.store.find("namespaces", None, namespace_of(found))
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        uid = found["metadata"]["uid"]
        times = self._refusals.get(uid, (0, ""))[0] + 1
        self._refusals[uid] = (times, str(refused))
        self.recorder.warning(found, "FailedCreate", f"Error creating: {refused}")
        timing = self.parts.timing
        self.queue.add_after(key_of(found), min(timing.create_retry * 2 ** min(times, 30), timing.create_retry_max))

    def _write_status(self, found: Object, owned: list[Object]) -> None:
        spec = found["spec"]
        min_ready = int(spec.get("minReadySeconds") or 0)
        waits = [podfacts.wait_until_available(self.parts, pod, min_ready) for pod in owned]
        labels = spec["template"].get("metadata", {}).get("labels") or {}
        counts = {
            "fullyLabeledReplicas": sum(1 for pod in owned if labels.items() <= labels_of(pod).items()),
            "readyReplicas": sum(1 for wait in waits if wait is not None),
            "availableReplicas": sum(1 for wait in waits if wait == 0),
        }
        later = [wait for wait in waits if wait]
        if later:
            self.queue.add_after(key_of(found), min(later) + 0.01)
        status: Object = {"replicas": len(owned)} | {name: count for name, count in counts.items() if count}
        status["observedGeneration"] = found["metadata"].get("generation", 1)
        refusal = self._refusals.get(found["metadata"]["uid"])
        if refusal:
            status["conditions"] = [self._failure(found, refusal[1])]
        self.parts.store.set_status(_RESOURCE, found, status)

    def _failure(self, found: Object, message: str) -> Object:
        """The first refusal stays until it is resolved, as a real controller keeps it."""
        old = podfacts.condition(found, "ReplicaFailure")
        if old is not None and old["status"] == "True":
            return old
        now = timestamp(self.parts.clock.now())
        return {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": now, "reason": "FailedCreate",
                "message": message}  # fmt: skip
