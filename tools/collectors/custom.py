"""Objects of the model-serving and training operators that the cluster has: KServe, KubeRay, Kubeflow, Gateway API ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.vocabulary import Focus, Json
from tools.collectors.reading import Reads, guarded, read_lists
from tools.contracts import Gathered
from tools.ports import Clock, Cluster, ResourceKind

GROUPS = frozenset(
    {"serving.kserve.io", "ray.io", "kubeflow.org", "serving.knative.dev", "gateway.networking.k8s.io", "keda.sh",
     "leaderworkerset.x-k8s.io", "batch.volcano.sh", "scheduling.volcano.sh", "kueue.x-k8s.io", "nvidia.com", "cert-manager.io",
     "resource.k8s.io", "jobset.x-k8s.io", "argoproj.io", "autoscaling.internal.knative.dev", "inference.networking.k8s.io",
     "inference.networking.x-k8s.io"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomCollector:
    id: str = "custom"
    needs: tuple[str, ...] = ()

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:  # noqa: ARG002
        gathered = Gathered()
        kinds = await guarded(gathered, self.id, "discovery", cluster.reader.kinds()) or ()
        chosen: dict[str, ResourceKind] = {}
        for kind in kinds:
            if kind.group in GROUPS and (not kind.verbs or "list" in kind.verbs):
                chosen.setdefault(kind.resource, kind)
        part = await read_lists(
            self.id,
            cluster,
            focus,
            [Reads(kind, is_optional=True, limit=500, is_focused=True) for kind in chosen.values()],
        )
        gathered.objects += part.objects
        gathered.gaps += part.gaps
        return gathered


COLLECTOR = CustomCollector()
