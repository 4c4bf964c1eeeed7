"""A word where TorchServe's configuration wants a number."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_CONFIG = ("ai-serving", "sentiment-config")
_KEY = "config.properties"


def _swap(store: Store, old: str, new: str) -> None:
    text = store.get("configmaps", *_CONFIG)["data"][_KEY]
    acts.set_data(store, *_CONFIG, _KEY, text.replace(old, new))


def _inject(store: Store) -> Truth:
    _swap(store, "job_queue_size=100", "job_queue_size=unlimited")
    acts.delete_pods(store, "ai-serving", "sentiment")
    good = store.get("configmaps", *_CONFIG)["data"][_KEY].replace("=unlimited", "=100").replace("\n", "\\n")
    return Truth(
        cause="container-crashloopbackoff",
        target=Target("ConfigMap", *_CONFIG),
        symptoms=("container-exit-code-1", "service-endpoints-not-ready", "gw-no-healthy-upstream"),
        remedy=f'kubectl -n ai-serving patch configmap sentiment-config --type=merge -p \'{{"data":{{"{_KEY}":"{good}"}}}}\'',
        services=("sentiment", "gateway"),
        alerts=("KubePodCrashLooping", "GatewayUpstreamDown"),
    )


FAULT = Fault(
    id="bad_config_crashloop",
    title_en="TorchServe crashes over a bad value in its configuration",
    title_zh="TorchServe 因配置值错误反复崩溃",
    layer="torchserve",
    inject=_inject,
    heal=lambda store: _swap(store, "job_queue_size=unlimited", "job_queue_size=100"),
)
