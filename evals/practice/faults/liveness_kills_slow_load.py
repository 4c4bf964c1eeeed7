"""Somebody took the startup probe away: the liveness probe kills vLLM while it loads its model."""

from __future__ import annotations

from typing import Any

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "qwen2-7b")


def _hurry(one: dict[str, Any]) -> None:
    found = acts.container(one)
    found.pop("startupProbe", None)
    found["livenessProbe"] = {"httpGet": {"path": "/health", "port": "http"}, "initialDelaySeconds": 5, "periodSeconds": 5,
                              "failureThreshold": 3}  # fmt: skip


def _wait(one: dict[str, Any]) -> None:
    found = acts.container(one)
    found["startupProbe"] = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 5, "failureThreshold": 60}
    found["livenessProbe"] = {
        "httpGet": {"path": "/health", "port": "http"},
        "periodSeconds": 10,
        "failureThreshold": 3,
    }


def _inject(store: Store) -> Truth:
    acts.change(store, acts.DEPLOYMENTS, *_WHERE, _hurry)
    return Truth(
        cause="probe-timing-too-tight",
        target=Target("Deployment", *_WHERE),
        symptoms=(
            "probe-liveness-failing",
            "container-exit-code-137",
            "container-crashloopbackoff",
            "vllm-slow-cold-start",
        ),
        remedy="kubectl -n ai-serving rollout undo deployment/qwen2-7b",
        alerts=("KubePodCrashLooping", "KubeDeploymentReplicasMismatch"),
    )


FAULT = Fault(
    id="liveness_kills_slow_load",
    title_en="The liveness probe kills vLLM while it loads its model",
    title_zh="存活探针在模型加载期间杀死 vLLM",
    layer="vllm",
    inject=_inject,
    heal=lambda store: (acts.change(store, acts.DEPLOYMENTS, *_WHERE, _wait), None)[1],
)
