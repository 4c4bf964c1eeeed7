"""StatefulSets: numbered pods in order, each with its claims, rolled from the highest number down."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers import pods as podfacts
from evals.practice.controllers import revisions
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of, owner_reference
from evals.practice.controllers.rollout import replicas_of
from evals.practice.controllers.selectors import labels_of
from evals.practice.errors import ApiError
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "statefulsets.apps"
_REVISION = "controller-revision-hash"


class StatefulSets:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("statefulset-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
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
        owner = controller_of(change.object)
        if owner and owner["kind"] == "StatefulSet":
            self.queue.add((namespace_of(change.object), owner["name"]))

    def reconcile(self, key: Name) -> None:
        found = self.parts.store.find(_RESOURCE, *key)
        if found is None:
            return
        revision = revisions.current(self.parts, found)
        if "deletionTimestamp" not in found["metadata"]:
            self._step(found, name_of(revision))
        self._write_status(found, name_of(revision))

    def _pods(self, found: Object) -> dict[int, Object]:
        owned = self.parts.pods_by_controller.of(found["metadata"]["uid"])
        return dict(sorted((_ordinal(pod), pod) for pod in owned if _ordinal(pod) >= 0))

    def _step(self, found: Object, revision: str) -> None:
        """At most one change at a time, unless the pods may be managed in parallel."""
        wanted, is_parallel = replicas_of(found), found["spec"].get("podManagementPolicy") == "Parallel"
        existing = self._pods(found)
        for ordinal in range(wanted):
            pod = existing.get(ordinal)
            if pod is not None and podfacts.phase_of(pod) in ("Failed", "Succeeded") and not podfacts.is_leaving(pod):
                self.parts.store.mark_deleted("pods", *key_of(pod))
                return
            if pod is None:
                self._create(found, ordinal, revision)
            if (pod is None or not podfacts.is_ready(pod) or podfacts.is_leaving(pod)) and not is_parallel:
                return
        surplus = sorted((n for n in existing if n >= wanted), reverse=True)
        for ordinal in surplus:
            if not podfacts.is_leaving(existing[ordinal]):
                self._delete(found, existing[ordinal])
            if not is_parallel:
                return
        if not surplus:
            self._roll(found, existing, revision)

    def _roll(self, found: Object, existing: dict[int, Object], revision: str) -> None:
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        for ordinal in sorted(existing, reverse=True):
            pod = existing[ordinal]
            if ordinal < partition or podfacts.is_leaving(pod):
                return
            if labels_of(pod).get(_REVISION) != revision:
                self._delete(found, pod)
                return
            if not podfacts.is_ready(pod):
                return

    def _delete(self, found: Object, pod: Object) -> None:
        self.parts.store.mark_deleted("pods", *key_of(pod))
        message = f"delete Pod {name_of(pod)} in StatefulSet {name_of(found)} successful"
        self.recorder.normal(found, "SuccessfulDelete", message)

    def _create(self, found: Object, ordinal: int, revision: str) -> None:
        owner, spec = name_of(found), found["spec"]
        name = f"{owner}-{ordinal}"
        pod = podfacts.from_template(spec["template"], namespace_of(found), owner_reference(found))
        pod["metadata"].update(name=name, generateName=f"{owner}-")
        pod["metadata"]["labels"] = pod["metadata"].get("labels", {}) | {
            "apps.kubernetes.io/pod-index": str(ordinal),
            _REVISION: revision,
            "statefulset.kubernetes.io/pod-name": name,
        }
        pod["spec"].update(hostname=name)
        if spec.get("serviceName"):
            pod["spec"]["subdomain"] = spec["serviceName"]
        self._claim(found, pod, name)
        try:
            self.parts.store.create("pods", pod)
        except ApiError as refused:
            message = f"create Pod {name} in StatefulSet {owner} failed error: {refused}"
            self.recorder.warning(found, "FailedCreate", message)
            self.queue.add_after(key_of(found), self.parts.timing.refused_retry)
            return
        self.recorder.normal(found, "SuccessfulCreate", f"create Pod {name} in StatefulSet {owner} successful")

    def _claim(self, found: Object, pod: Object, pod_name: str) -> None:
        volumes = []
        for template in found["spec"].get("volumeClaimTemplates") or ():
            claim = f"{template['metadata']['name']}-{pod_name}"
            volumes.append({"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim}})
            if self.parts.store.find("persistentvolumeclaims", namespace_of(found), claim) is None:
                labels = (found["spec"]["selector"].get("matchLabels") or {}) | (
                    template["metadata"].get("labels") or {}
                )
                meta: Object = {"name": claim, "namespace": namespace_of(found), "labels": labels}
                self.parts.store.create("persistentvolumeclaims", {"metadata": meta, "spec": copy_of(template["spec"])})
                where = f"create Claim {claim} Pod {pod_name} in StatefulSet {name_of(found)} success"
                self.recorder.normal(found, "SuccessfulCreate", where)
        names = {one["name"] for one in volumes}
        kept = [one for one in pod["spec"].get("volumes") or () if one["name"] not in names]
        if volumes:
            pod["spec"]["volumes"] = [*volumes, *kept]

    def _write_status(self, found: Object, revision: str) -> None:
        found = self.parts.store.find(_RESOURCE, *key_of(found)) or found
        owned = [pod for pod in self._pods(found).values() if podfacts.is_active(pod)]
        old = found.get("status") or {}
        ready = sum(1 for pod in owned if podfacts.is_ready(pod))
        updated = sum(1 for pod in owned if labels_of(pod).get(_REVISION) == revision)
        current = str(old.get("currentRevision") or revision)
        if updated == len(owned) == ready == replicas_of(found):
            current = revision
        counts = {
            "readyReplicas": ready,
            "currentReplicas": sum(1 for pod in owned if labels_of(pod).get(_REVISION) == current),
            "updatedReplicas": updated,
        }
        status: Object = {"observedGeneration": found["metadata"].get("generation", 1), "replicas": len(owned)}
        status |= {name: count for name, count in counts.items() if count}
        status |= {
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
            "availableReplicas": ready,
        }
        self.parts.store.set_status(_RESOURCE, found, status)


def _ordinal(pod: Object) -> int:
    text = name_of(pod).rpartition("-")[2]
    return int(text) if text.isdigit() else -1
