"""A new cache asks for a StorageClass that this cluster does not have."""

from __future__ import annotations

from typing import Any

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.images import REGISTRY
from evals.practice.platform.install import create
from evals.practice.store import Store

_NAME = "semantic-cache"
_CLASS = "fast-nvme"
_LABELS = {"app": _NAME}
_SET: dict[str, Any] = {
    "apiVersion": "apps/v1", "kind": "StatefulSet",
    "metadata": {"name": _NAME, "namespace": "ai-data", "labels": _LABELS},
    "spec": {
        "serviceName": _NAME, "replicas": 1, "selector": {"matchLabels": _LABELS},
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": {"containers": [{"name": "redis", "image": f"{REGISTRY}/data/redis:7.4",
                                     "ports": [{"name": "redis", "containerPort": 6379}],
                                     "resources": {"requests": {"cpu": "200m", "memory": "512Mi"}},
                                     "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]},
        },
        "volumeClaimTemplates": [{"metadata": {"name": "data"},
                                  "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": _CLASS,
                                           "resources": {"requests": {"storage": "10Gi"}}}}],
    },
}  # fmt: skip


def _inject(store: Store) -> Truth:
    create(store, _SET)
    return Truth(
        cause="pvc-storageclass-not-found",
        target=Target("PersistentVolumeClaim", "ai-data", f"data-{_NAME}-0"),
        symptoms=("sched-unbound-pvc", "statefulset-replicas-mismatch"),
        remedy=(
            "kubectl apply -f - <<'EOF'\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n"
            f"  name: {_CLASS}\nprovisioner: kubernetes.io/host-path\nreclaimPolicy: Delete\nEOF"
        ),
        alerts=("KubeClaimPending", "KubePodNotScheduled"),
    )


def _heal(store: Store) -> None:
    acts.delete(store, "statefulsets.apps", "ai-data", _NAME)
    for pod in store.list("pods", "ai-data"):
        if pod["metadata"]["name"].startswith(f"{_NAME}-"):
            store.mark_deleted("pods", "ai-data", pod["metadata"]["name"])
    acts.delete(store, "persistentvolumeclaims", "ai-data", f"data-{_NAME}-0")


FAULT = Fault(
    id="pvc_unknown_storageclass",
    title_en="A claim names a StorageClass that does not exist",
    title_zh="PVC 引用了不存在的 StorageClass",
    layer="storage",
    inject=_inject,
    heal=_heal,
)
