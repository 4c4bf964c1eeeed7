"""A practice cluster without HTTP and without waiting: the store, the platform, the controllers and a clock to push."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from evals.practice.admission.chain import install_admission
from evals.practice.clock import ManualClock
from evals.practice.controllers import FAST, RunningControllers, start
from evals.practice.faults.fault import Truth
from evals.practice.faults.switch import catalogue
from evals.practice.garbage import GarbageCollector
from evals.practice.hooks import LogRequest
from evals.practice.namespaces import NamespaceController
from evals.practice.platform.install import create, install
from evals.practice.platform.nodes import add_node
from evals.practice.store import Store

Object = dict[str, Any]


@dataclass
class World:
    store: Store
    clock: ManualClock
    running: RunningControllers

    def wait(self, seconds: float = 5.0) -> None:
        self.clock.advance(seconds)

    def until(self, holds: Callable[[], bool], seconds: float = 12.0) -> bool:
        """Push the clock in small steps until something holds; False when it never does."""
        for _ in range(int(seconds / 0.05)):
            if holds():
                return True
            self.clock.advance(0.05)
        return holds()

    def inject(self, fault: str) -> Truth:
        return catalogue()[fault].inject(self.store)

    def heal(self, fault: str) -> None:
        catalogue()[fault].heal(self.store)

    def pods(self, namespace: str, app: str) -> list[Object]:
        return [
            pod
            for pod in self.store.list("pods", namespace)
            if (pod["metadata"].get("labels") or {}).get("app") == app and "deletionTimestamp" not in pod["metadata"]
        ]

    def waiting(self, namespace: str, app: str) -> set[str]:
        """Reasons for which containers of an app wait."""
        return {
            row["state"].get("waiting", {}).get("reason", "")
            for pod in self.pods(namespace, app)
            for row in pod.get("status", {}).get("containerStatuses") or ()
        } - {""}

    def ready(self, namespace: str, name: str) -> int:
        found = self.store.get("deployments.apps", namespace, name)
        return int(found.get("status", {}).get("readyReplicas") or 0)

    def is_settled(self, namespace: str, name: str) -> bool:
        """Every wanted pod is of the newest template and available."""
        found = self.store.get("deployments.apps", namespace, name)
        wanted = found["spec"]["replicas"]
        status = found["status"]
        return all(status.get(key) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas"))

    def events(self, namespace: str, reason: str) -> list[str]:
        return [one["message"] for one in self.store.list("events", namespace) if one["reason"] == reason]

    def log(self, pod: Object, *, previous: bool = False) -> str:
        assert self.running.logs is not None
        name = pod["spec"]["containers"][0]["name"]
        return "\n".join(line.text for line in self.running.logs.lines(LogRequest(pod, name, previous, False)))

    def error_share(self, upstream: str) -> float:
        """Share of the gateway's present requests to an upstream that fail."""
        for flow in self.running.traffic.flows():
            if flow.route.upstream == upstream:
                total = sum(flow.codes.values())
                return sum(rate for code, rate in flow.codes.items() if code >= 500) / total
        return 1.0


@contextmanager
def platform_world() -> Iterator[World]:
    """The platform, up and settled."""
    with _world(install) as world:
        world.wait(6)
        yield world


@contextmanager
def two_node_world() -> Iterator[World]:
    """Two nodes of two cores, a default StorageClass, the namespace `work`: the recorded cluster in small."""
    with _world(_furnish) as world:
        world.wait(1)
        yield world


def _furnish(store: Store) -> None:
    for number in (1, 2):
        add_node(store, f"rig-node-{number}", f"10.0.0.{number}", cpu="2", memory="8000000Ki", pods=60)
    create(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "work"}})
    notes = {"storageclass.kubernetes.io/is-default-class": "true"}
    store.create(
        "storageclasses.storage.k8s.io",
        {
            "metadata": {"name": "standard", "annotations": notes},
            "provisioner": "kubernetes.io/host-path",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        },
    )


@contextmanager
def _world(furnish: Callable[[Store], None]) -> Iterator[World]:
    clock = ManualClock()
    store = Store(clock)
    install_admission(store)
    others: list[Any] = [NamespaceController(store, clock), GarbageCollector(store, clock)]
    furnish(store)
    running = start(store, clock, timing=FAST)
    try:
        yield World(store, clock, running)
    finally:
        running.stop()
        for one in others:
            one.stop()
