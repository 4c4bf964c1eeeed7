"""Large clusters: tenants beside the platform, so many that a thousand or five thousand pods run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from evals.practice.platform.images import REGISTRY
from evals.practice.platform.install import create, live
from evals.practice.platform.nodes import add_node
from evals.practice.store import Store

Object = dict[str, Any]
_PODS_PER_NODE = 100
_REPLICAS = 25
_DEPLOYMENTS_PER_NAMESPACE = 4


def scale_to(store: Store, n_pods: int) -> None:
    """Add nodes and tenants until the cluster has at least so many pods, all running since yesterday.

    Call it before the controllers are started (5,000 pods take about ten seconds).
    """
    missing = n_pods - sum(1 for _ in store.each("pods"))
    if missing <= 0:
        return
    start = datetime.now(UTC) - timedelta(days=1)
    live(store, start, 60, lambda past: _add_tenants(past, missing))
    store.forget_history()


def _add_tenants(store: Store, missing: int) -> None:
    create(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-node-lease"}})
    for number in range(-(-missing // _PODS_PER_NODE)):
        address = f"10.1.{number // 250}.{number % 250 + 1}"
        add_node(
            store, f"tenant-node-{number + 1:03}", address, cpu="64", memory="262144000Ki", labels={"pool": "tenant"}
        )
    count = 0
    while missing > 0:
        namespace = f"tenant-{count // _DEPLOYMENTS_PER_NAMESPACE + 1:03}"
        create(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        create(store, _deployment(namespace, f"app-{count % _DEPLOYMENTS_PER_NAMESPACE + 1}", min(_REPLICAS, missing)))
        missing -= _REPLICAS
        count += 1


def _deployment(namespace: str, name: str, replicas: int) -> Object:
    labels = {"app": name}
    container = {
        "name": "app", "image": f"{REGISTRY}/apps/tenant-app:1.0",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }  # fmt: skip
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels},
                              "spec": {"nodeSelector": {"pool": "tenant"}, "containers": [container]}}},
    }  # fmt: skip
