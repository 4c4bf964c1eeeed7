"""Edges that the operators of model serving draw by label rather than by owner: KServe, KubeRay, Knative, KEDA, Gateway API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from knowledge.vocabulary import Json

if TYPE_CHECKING:
    from agent.reasoning.topology import Topology

KNATIVE_SERVICE = "Service.serving.knative.dev"
MADE_FOR = (
    ("serving.kserve.io/inferenceservice", "InferenceService"),
    ("serving.knative.dev/service", KNATIVE_SERVICE),
    ("ray.io/cluster", "RayCluster"),
    ("ray.io/originated-from-cr-name", "RayService"),
    ("training.kubeflow.org/job-name", "PyTorchJob"),
    ("leaderworkerset.sigs.k8s.io/name", "LeaderWorkerSet"),
    ("jobset.sigs.k8s.io/jobset-name", "JobSet"),
)
"""The label that an operator puts on what it makes, and the kind of the object that it names."""

MADE_KINDS = ("Deployment", "StatefulSet", "Job", "Pod", "Service")
ROUTES = ("HTTPRoute", "GRPCRoute")
SCALERS = ("ScaledObject", "PodAutoscaler")


def connect_operators(topology: Topology, by_kind: Mapping[str, Iterable[Json]]) -> None:
    """Adds ``owns`` from custom resources to what was made for them, ``routes`` of Gateway API, ``scales`` of KEDA and Knative."""
    _connect_made(topology, by_kind)
    _connect_routes(topology, by_kind)
    _connect_scalers(topology, by_kind)


def _connect_made(topology: Topology, by_kind: Mapping[str, Iterable[Json]]) -> None:
    makers: dict[str, set[str]] = defaultdict(set)
    for _, kind in MADE_FOR:
        for item in by_kind.get(kind, ()):
            makers[kind].add(_key(kind, item))
    if not makers:
        return
    for made in MADE_KINDS:
        for item in by_kind.get(made, ()):
            labels = (item.get("metadata") or {}).get("labels") or {}
            for label, kind in MADE_FOR:
                maker = f"{kind}/{(item.get('metadata') or {}).get('namespace', '')}/{labels.get(label)}"
                key = _key(made, item)
                if label in labels and maker in makers[kind] and maker != key:
                    _own(topology, maker, key)


def _own(topology: Topology, maker: str, key: str) -> None:
    if maker not in topology.sources(key, "owns"):
        topology.connect(maker, "owns", key)


def _connect_routes(topology: Topology, by_kind: Mapping[str, Iterable[Json]]) -> None:
    for kind in ROUTES:
        for item in by_kind.get(kind, ()):
            namespace = (item.get("metadata") or {}).get("namespace", "")
            spec = item.get("spec") or {}
            for rule in spec.get("rules") or ():
                for backend in rule.get("backendRefs") or ():
                    if backend.get("kind", "Service") == "Service":
                        target = f"Service/{backend.get('namespace') or namespace}/{backend.get('name')}"
                        topology.connect(_key(kind, item), "routes", target)
            for parent in spec.get("parentRefs") or ():
                gateway = f"Gateway/{parent.get('namespace') or namespace}/{parent.get('name')}"
                topology.connect(gateway, "routes", _key(kind, item))


def _connect_scalers(topology: Topology, by_kind: Mapping[str, Iterable[Json]]) -> None:
    for kind in SCALERS:
        for item in by_kind.get(kind, ()):
            target = (item.get("spec") or {}).get("scaleTargetRef") or {}
            namespace = (item.get("metadata") or {}).get("namespace", "")
            if target.get("name"):
                scaled = f"{target.get('kind', 'Deployment')}/{namespace}/{target['name']}"
                topology.connect(_key(kind, item), "scales", scaled)


def _key(kind: str, item: Json) -> str:
    metadata = item.get("metadata") or {}
    namespace = metadata.get("namespace")
    return f"{kind}/{namespace}/{metadata.get('name')}" if namespace else f"{kind}/{metadata.get('name')}"


__all__ = ["connect_operators"]
