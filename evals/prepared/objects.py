"""The objects of a large cluster, of the sizes that real ones have: pods with field managers and injected volumes, workloads
with past revisions, endpoint slices, nodes with their images, events. A few hundred pods are in trouble."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zlib import crc32

from knowledge.vocabulary import Json

PODS_PER_NODE = 50
PODS_PER_DEPLOYMENT = 20
DAEMONS = ("kube-proxy", "cilium", "node-exporter", "fluent-bit", "nvidia-device-plugin", "dcgm-exporter")
PAST_REVISIONS = 3
TROUBLES = ("crashing", "image", "oom", "pending", "unready")
TROUBLED_SHARE = 0.07
"""Of the deployments: all pods of such a one are in the same trouble."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload's identity; everything else of it follows from this."""

    kind: str
    namespace: str
    name: str
    revision: int
    trouble: str = ""

    @property
    def hash(self) -> str:
        return hashlib.sha256(f"{self.namespace}/{self.name}/{self.revision}".encode()).hexdigest()[:10]

    @property
    def labels(self) -> dict[str, str]:
        return {"app": self.name, "app.kubernetes.io/name": self.name, "app.kubernetes.io/part-of": self.namespace}


def uid(*parts: object) -> str:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


class PreparedCluster:
    """``objects()`` gives everything, kind by kind, in the order of the API's lists. The same seed gives the same cluster
    but for its times, which are told back from ``now``."""

    def __init__(self, pods: int, now: datetime | None = None, seed: int = 7) -> None:
        self.now = now or datetime.now(UTC)
        self.chance = random.Random(seed)
        self.nodes = [f"node-{number:03d}" for number in range(max(2, pods // PODS_PER_NODE))]
        self.namespaces = [f"team-{number:02d}" for number in range(max(2, pods // 250))]
        daemon_pods = len(DAEMONS) * len(self.nodes)
        self.deployments = [
            self._deployment(number) for number in range(max(1, (pods - daemon_pods) // PODS_PER_DEPLOYMENT))
        ]
        self.daemons = [Workload("DaemonSet", "kube-system", name, 1) for name in DAEMONS]

    def _deployment(self, number: int) -> Workload:
        troubled = number % round(1 / TROUBLED_SHARE) == 3
        trouble = TROUBLES[number // round(1 / TROUBLED_SHARE) % len(TROUBLES)] if troubled else ""
        namespace = self.namespaces[number % len(self.namespaces)]
        return Workload("Deployment", namespace, f"model-server-{number:03d}", PAST_REVISIONS + 1, trouble)

    def ago(self, seconds: float) -> str:
        return (self.now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def metadata(self, kind: str, namespace: str, name: str, age: float = 900_000.0, **more: object) -> Json:
        found: Json = {"name": name}
        if namespace:
            found["namespace"] = namespace
        return {
            **found,
            "uid": uid(kind, namespace, name),
            "resourceVersion": str(crc32(f"{kind}/{namespace}/{name}".encode())),
            "creationTimestamp": self.ago(age),
            **more,
        }

    def pods(self) -> Iterator[Json]:
        from evals.prepared.pods import pod_of

        for workload in self.deployments:
            for index in range(PODS_PER_DEPLOYMENT):
                yield pod_of(self, workload, index, self.nodes[self.chance.randrange(len(self.nodes))])
        for daemon in self.daemons:
            for index, node in enumerate(self.nodes):
                yield pod_of(self, daemon, index, node)

    def pod_name(self, workload: Workload, index: int) -> str:
        suffix = uid(workload.namespace, workload.name, index)[:5]
        return (
            f"{workload.name}-{workload.hash}-{suffix}"
            if workload.kind == "Deployment"
            else f"{workload.name}-{suffix}"
        )

    def pod_ip(self, workload: Workload, index: int) -> str:
        digest = hashlib.sha256(self.pod_name(workload, index).encode()).digest()
        return f"10.{digest[0] % 200}.{digest[1]}.{digest[2]}"
