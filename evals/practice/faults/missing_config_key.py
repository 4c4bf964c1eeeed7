"""A key of a ConfigMap was renamed; the pods that start after that do not find it."""

from __future__ import annotations

from typing import Any

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_CONFIG = ("ai-serving", "qwen2-7b-config")
_PATH = "/models/qwen2-7b-instruct"


def _rename(one: dict[str, Any]) -> None:
    one["data"].pop("MODEL_PATH", None)
    one["data"]["MODEL_DIR"] = _PATH


def _restore(one: dict[str, Any]) -> None:
    one["data"].pop("MODEL_DIR", None)
    one["data"]["MODEL_PATH"] = _PATH


def _inject(store: Store) -> Truth:
    acts.change(store, "configmaps", *_CONFIG, _rename)
    acts.restart(store, "ai-serving", "qwen2-7b")
    return Truth(
        cause="config-missing-key",
        target=Target("ConfigMap", *_CONFIG),
        symptoms=("container-create-config-error", "deployment-replicas-mismatch"),
        remedy=f'kubectl -n ai-serving patch configmap qwen2-7b-config --type=merge -p \'{{"data":{{"MODEL_PATH":"{_PATH}"}}}}\'',
        alerts=("KubeContainerConfigError",),
    )


FAULT = Fault(
    id="missing_config_key",
    title_en="A key that vLLM reads is missing from its ConfigMap",
    title_zh="vLLM 所需的 ConfigMap 键缺失",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: (acts.change(store, "configmaps", *_CONFIG, _restore), None)[1],
)
