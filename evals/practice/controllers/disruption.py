"""PodDisruptionBudgets: how many pods may go now."""

from __future__ import annotations

from math import ceil
from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of
from evals.practice.controllers.pods import is_leaving, is_ready, phase_of
from evals.practice.controllers.selectors import labels_of, matches
from evals.practice.kinds import resource_of
from evals.practice.store import Change, namespace_of

Object = dict[str, Any]
_RESOURCE = "poddisruptionbudgets.policy"


class DisruptionBudgets:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("controllermanager")
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
        for budget in self.parts.store.each(_RESOURCE, namespace_of(change.object)):
            if matches(budget["spec"].get("selector"), labels_of(change.object)):
                self.queue.add(key_of(budget))

    def reconcile(self, key: Name) -> None:
        budget = self.parts.store.find(_RESOURCE, *key)
        if budget is None:
            return
        pods = [pod for pod in self.parts.pods_by_namespace.of(key[0])
                if matches(budget["spec"].get("selector"), labels_of(pod))
                and phase_of(pod) not in ("Succeeded", "Failed")]  # fmt: skip
        if not pods:
            self.recorder.normal(budget, "NoPods", "No matching pods found")
        healthy = sum(1 for pod in pods if is_ready(pod) and not is_leaving(pod))
        expected, desired = self._desired(budget["spec"], pods)
        allowed = max(0, healthy - desired) if expected > 0 else 0
        generation = budget["metadata"].get("generation", 1)
        status = {
            "observedGeneration": generation, "disruptionsAllowed": allowed, "currentHealthy": healthy,
            "desiredHealthy": desired, "expectedPods": expected,
            "conditions": [self._condition(budget, allowed > 0, generation)],
        }  # fmt: skip
        self.parts.store.set_status(_RESOURCE, budget, status)

    def _desired(self, spec: Object, pods: list[Object]) -> tuple[int, int]:
        """(pods that should exist, pods that must stay healthy)."""
        expected = self._expected(pods)
        if "maxUnavailable" in spec:
            return expected, max(0, expected - _whole(spec["maxUnavailable"], expected))
        minimum = spec.get("minAvailable", 1)
        if isinstance(minimum, int):
            return len(pods), minimum
        return expected, _whole(minimum, expected)

    def _expected(self, pods: list[Object]) -> int:
        total, seen, bare = 0, set(), 0
        for pod in pods:
            owner = controller_of(pod)
            found = self._scaled_owner(namespace_of(pod), owner) if owner else None
            if found is None:
                bare += 1
            elif found["metadata"]["uid"] not in seen:
                seen.add(found["metadata"]["uid"])
                total += int(found["spec"].get("replicas", 1))
        return total + bare

    def _scaled_owner(self, namespace: str, owner: Object) -> Object | None:
        """The Deployment above a ReplicaSet, else the owner itself."""
        resource = resource_of(owner["apiVersion"], owner["kind"])
        found = self.parts.store.find(resource, namespace, owner["name"]) if resource else None
        above = controller_of(found) if found else None
        return self._scaled_owner(namespace, above) if above else found

    def _condition(self, budget: Object, is_allowed: bool, generation: int) -> Object:
        status = "True" if is_allowed else "False"
        old = next(iter(budget.get("status", {}).get("conditions") or ()), None)
        now = timestamp(self.parts.clock.now())
        since = old["lastTransitionTime"] if old and old["status"] == status else now
        return {"type": "DisruptionAllowed", "status": status, "observedGeneration": generation,
                "lastTransitionTime": since, "reason": "SufficientPods" if is_allowed else "InsufficientPods",
                "message": ""}  # fmt: skip


def _whole(value: object, of: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return ceil(of * int(value[:-1]) / 100)
    return int(str(value))
