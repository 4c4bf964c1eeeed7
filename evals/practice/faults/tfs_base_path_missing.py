"""TensorFlow Serving is told of a model path that is not there: it runs and never becomes ready."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_CONFIG = ("ai-serving", "ranker-models")
_KEY = "models.config"


def _swap(store: Store, old: str, new: str) -> None:
    text = store.get("configmaps", *_CONFIG)["data"][_KEY]
    acts.set_data(store, *_CONFIG, _KEY, text.replace(f'"{old}"', f'"{new}"'))
    acts.delete_pods(store, "ai-serving", "ranker")


def _inject(store: Store) -> Truth:
    _swap(store, "/models/ranker", "/models/ranker-v2")
    good = store.get("configmaps", *_CONFIG)["data"][_KEY].replace("ranker-v2", "ranker")
    shown = good.replace('"', '\\"').replace("\n", "\\n")
    return Truth(
        cause="tfs-base-path-missing",
        target=Target("ConfigMap", *_CONFIG),
        symptoms=("probe-readiness-failing", "service-endpoints-not-ready", "gw-no-healthy-upstream"),
        remedy=(
            f'kubectl -n ai-serving patch configmap ranker-models --type=merge -p \'{{"data":{{"{_KEY}":"{shown}"}}}}\'\n'
            "kubectl -n ai-serving rollout restart deployment/ranker"
        ),
        services=("ranker", "gateway"),
        alerts=("KubePodNotReady", "GatewayUpstreamDown"),
    )


FAULT = Fault(
    id="tfs_base_path_missing",
    title_en="TensorFlow Serving does not find the base path of its model",
    title_zh="TensorFlow Serving 找不到模型路径",
    layer="tf-serving",
    inject=_inject,
    heal=lambda store: _swap(store, "/models/ranker-v2", "/models/ranker"),
)
