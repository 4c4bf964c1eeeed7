"""ResourceQuotas: what of each is used."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from evals.practice.controllers.parts import Name, Parts, WorkQueue, key_of
from evals.practice.controllers.pods import phase_of
from evals.practice.controllers.resources import amount, pod_requests, show
from evals.practice.store import Change, namespace_of

Object = dict[str, Any]
_RESOURCE = "resourcequotas"
_COUNTED = {
    "configmaps": "configmaps", "secrets": "secrets", "services": "services", "resourcequotas": "resourcequotas",
    "persistentvolumeclaims": "persistentvolumeclaims", "replicationcontrollers": "replicationcontrollers",
}  # fmt: skip
_PLAIN = ("cpu", "memory", "ephemeral-storage")


class Quotas:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._subscription = parts.store.subscribe(self._follow)
        for one in parts.store.each(_RESOURCE):
            self.queue.add(key_of(one))

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        if change.resource == "events":
            return
        if change.resource == _RESOURCE or change.type != "MODIFIED" or change.resource == "pods":
            for quota in self.parts.store.each(_RESOURCE, namespace_of(change.object) or "-"):
                self.queue.add(key_of(quota))

    def reconcile(self, key: Name) -> None:
        quota = self.parts.store.find(_RESOURCE, *key)
        if quota is None:
            return
        hard = quota["spec"].get("hard") or {}
        used = {name: self._used(name, key[0]) for name in hard}
        self.parts.store.set_status(_RESOURCE, quota, {"hard": dict(hard), "used": used})

    def _used(self, name: str, namespace: str) -> str:
        pods = [pod for pod in self.parts.pods_by_namespace.of(namespace)
                if phase_of(pod) not in ("Succeeded", "Failed")]  # fmt: skip
        if name in ("pods", "count/pods"):
            return str(len(pods))
        if name.startswith("count/"):
            return str(sum(1 for _ in self.parts.store.each(name.removeprefix("count/"), namespace)))
        if name in _COUNTED:
            return str(sum(1 for _ in self.parts.store.each(_COUNTED[name], namespace)))
        if name == "requests.storage":
            claims = self.parts.store.each("persistentvolumeclaims", namespace)
            sizes = (amount(one["spec"]["resources"]["requests"]["storage"]) for one in claims)
            return show("storage", sum(sizes, Fraction(0)))
        of, _, resource = name.partition(".") if name.startswith(("requests.", "limits.")) else ("requests", "", name)
        if name in _PLAIN:
            of, resource = "requests", name
        total = sum((pod_requests(pod, of).get(resource, Fraction(0)) for pod in pods), Fraction(0))
        return show(resource, total)
