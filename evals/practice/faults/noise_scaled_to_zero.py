"""Noise: a Deployment that is meant to have no pods."""

from __future__ import annotations

from typing import Any

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.images import REGISTRY
from evals.practice.platform.install import create
from evals.practice.store import Store

_NAME = "canary-eval"
_DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": _NAME, "namespace": "ai-serving", "labels": {"app": _NAME},
                 "annotations": {"note": "started by hand for evaluations"}},
    "spec": {"replicas": 0, "selector": {"matchLabels": {"app": _NAME}},
             "template": {"metadata": {"labels": {"app": _NAME}},
                          "spec": {"containers": [{"name": "app", "image": f"{REGISTRY}/apps/tenant-app:1.0",
                                                   "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]}}},
}  # fmt: skip


def _inject(store: Store) -> Truth:
    create(store, _DEPLOYMENT)
    return Truth(cause="none", target=Target("", "", ""))


FAULT = Fault(
    id="noise_scaled_to_zero", title_en="A Deployment scaled to zero on purpose", title_zh="按计划缩容到零的 Deployment",
    layer="kubernetes", inject=_inject, heal=lambda store: acts.delete(store, acts.DEPLOYMENTS, "ai-serving", _NAME),
    is_fault=False,
)  # fmt: skip
