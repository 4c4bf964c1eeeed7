"""All controllers as one value, with what the HTTP server asks of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from evals.practice.clock import Clock
from evals.practice.controllers.autoscaler import Autoscalers
from evals.practice.controllers.cronjob import CronJobs
from evals.practice.controllers.daemonset import DaemonSets
from evals.practice.controllers.deployment import Deployments
from evals.practice.controllers.disruption import DisruptionBudgets
from evals.practice.controllers.endpoints import EndpointsOfServices
from evals.practice.controllers.job import Jobs
from evals.practice.controllers.nodes import NodeLifecycle
from evals.practice.controllers.parts import Parts
from evals.practice.controllers.quota import Quotas
from evals.practice.controllers.replicaset import ReplicaSets
from evals.practice.controllers.scheduler import Scheduler
from evals.practice.controllers.statefulset import StatefulSets
from evals.practice.controllers.timing import FAITHFUL, Timing
from evals.practice.controllers.volumes import Volumes
from evals.practice.faults.switch import Faults
from evals.practice.hooks import FaultSwitch, LogSource, MetricsSource
from evals.practice.kubelet.images import RIG_IMAGES, Registry
from evals.practice.kubelet.kubelet import Kubelets
from evals.practice.metrics.exposition import Exposition
from evals.practice.metrics.resource_metrics import ResourceMetrics
from evals.practice.metrics.traffic import Traffic
from evals.practice.platform.images import IMAGES
from evals.practice.store import Store


class _Stoppable(Protocol):
    def stop(self) -> None: ...


@dataclass(slots=True)
class RunningControllers:
    """What `start` returns; the attributes are the hooks that the HTTP server uses."""

    parts: Parts
    kubelets: Kubelets
    traffic: Traffic
    exposition: Exposition
    logs: LogSource | None
    metrics: MetricsSource | None
    faults: FaultSwitch | None
    _running: list[_Stoppable] = field(default_factory=list)

    def metrics_text(self) -> str:
        """Prometheus' text format, of this moment: what `/practice/metrics` answers."""
        return self.exposition.text()

    def stop(self) -> None:
        for one in reversed(self._running):
            one.stop()
        self.kubelets.stop()
        self.parts.stop()


def start(
    store: Store, clock: Clock, *, timing: Timing = FAITHFUL, registry: Registry | None = None
) -> RunningControllers:
    """Begin to run the cluster in `store`.

    `timing`: FAITHFUL takes as long as the recorded cluster did, FAST is for demos and tests. `registry`: the images that
    exist; by default those of the recordings and of the platform. Call it on the event loop that the clock belongs to.
    """
    parts = Parts(store, clock, timing)
    images = registry or Registry(sizes={**RIG_IMAGES, **IMAGES}, on_nodes=frozenset(RIG_IMAGES))
    kubelets = Kubelets(parts, images)
    traffic = Traffic(parts, kubelets.listens)
    kubelets.live_sources.append(traffic.live_lines)
    metrics = ResourceMetrics(parts, kubelets, traffic)
    running: list[_Stoppable] = [
        Scheduler(parts), NodeLifecycle(parts), ReplicaSets(parts), Deployments(parts), StatefulSets(parts),
        DaemonSets(parts), Jobs(parts), CronJobs(parts), EndpointsOfServices(parts), DisruptionBudgets(parts),
        Volumes(parts), Quotas(parts), Autoscalers(parts, metrics), traffic,
    ]  # fmt: skip
    exposition = Exposition(parts, kubelets, traffic, metrics)
    return RunningControllers(
        parts, kubelets, traffic, exposition, kubelets.logbook, metrics, Faults(store, clock), running
    )
