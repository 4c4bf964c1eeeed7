"""A tidy-up deleted a ConfigMap that a service still needs; the next restart shows it."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.install import create, manifest_objects
from evals.practice.store import Store

_CONFIG = ("ai-serving", "bge-m3-config")


def _inject(store: Store) -> Truth:
    acts.delete(store, "configmaps", *_CONFIG)
    acts.delete_pods(store, "ai-serving", "bge-m3")
    return Truth(
        cause="config-missing-configmap",
        target=Target("ConfigMap", *_CONFIG),
        symptoms=("container-create-config-error", "service-endpoints-not-ready", "gw-no-healthy-upstream"),
        remedy=(
            "kubectl -n ai-serving create configmap bge-m3-config --from-literal=MODEL_ID=/models/bge-m3 "
            "--from-literal=POOLING=cls --from-literal=MAX_BATCH_TOKENS=16384 --from-literal=PORT=8080"
        ),
        services=("bge-m3", "gateway"),
        alerts=("KubeContainerConfigError", "GatewayUpstreamDown"),
    )


def _heal(store: Store) -> None:
    for obj in manifest_objects("10-serving.yaml"):
        if (obj["metadata"].get("namespace"), obj["metadata"]["name"]) == _CONFIG:
            create(store, obj)


FAULT = Fault(
    id="missing_configmap",
    title_en="A ConfigMap that the embedding server reads was deleted",
    title_zh="向量服务依赖的 ConfigMap 被删除",
    layer="kubernetes",
    inject=_inject,
    heal=_heal,
)
