"""TorchServe: a Java front end that reads config.properties, and Python workers behind it."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import GIB, Behaviour, Chatter, Exit, Lines, Situation
from evals.practice.kubelet.programs.gpu import broken_card

_NUMBERS = ("default_workers_per_model", "job_queue_size", "default_response_timeout", "max_request_size")
MODEL_STORES = ("/models/torchserve",)


def behave(situation: Situation) -> Behaviour:
    broken = broken_card(situation)
    if broken is not None:
        return broken
    properties = _properties(situation.files.get("/config/config.properties", ""))
    start = ((0.6, "WARNING: sun.reflect.Reflection.getCallerClass is not supported. This will impact performance."),)
    for name in _NUMBERS:
        value = properties.get(name, "1")
        if not value.lstrip("-").isdigit():
            lines: Lines = (
                (1.4, 'Exception in thread "main" java.lang.NumberFormatException: For input string: "' + value + '"'),
                (1.4, "\tat java.base/java.lang.NumberFormatException.forInputString(NumberFormatException.java:67)"),
                (1.4, "\tat java.base/java.lang.Integer.parseInt(Integer.java:668)"),
                (1.4, f"\tat org.pytorch.serve.util.ConfigManager.getIntProperty(ConfigManager.java:712) // {name}"),
            )
            return Behaviour(output=(*start, *lines), exit=Exit(1.8, 1))
    store = properties.get("model_store", "")
    if store not in MODEL_STORES:
        lines = (
            (1.4, f"org.pytorch.serve.archive.model.ModelNotFoundException: Model store path is not found: {store}"),
        )
        return Behaviour(output=(*start, *lines), exit=Exit(1.8, 1))
    lines = (
        (1.5, "[INFO ] main org.pytorch.serve.ModelServer - Torchserve version: 0.12.0"),
        (
            1.6,
            f"[INFO ] main org.pytorch.serve.ModelServer - Loading initial models: sentiment.mar, workers {properties.get('default_workers_per_model', '1')}",
        ),
        (2.5, "[INFO ] main org.pytorch.serve.ModelServer - Inference API bind to: http://0.0.0.0:8080"),
        (2.6, "[INFO ] main org.pytorch.serve.ModelServer - Metrics API bind to: http://0.0.0.0:8082"),
        (9.0, "[INFO ] W-9000-sentiment_1.0 org.pytorch.serve.wlm.WorkerThread - Backend response time: 6211"),
        (
            9.1,
            "[DEBUG] W-9000-sentiment_1.0 org.pytorch.serve.wlm.WorkerThread - W-9000-sentiment_1.0 State change WORKER_STARTED -> WORKER_MODEL_LOADED",
        ),
    )
    return Behaviour(output=(*start, *lines), ports={8080: 2.5, 8081: 2.5, 8082: 2.6}, ready_after=9.1,
                     paths=("/ping", "/metrics", "/models"), memory_bytes=int(2.2 * GIB), memory_after=8.0, cpu_cores=0.5,
                     chatter=(_ACCESS,))  # fmt: skip


def _properties(text: str) -> dict[str, str]:
    rows = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in rows}


_ACCESS = Chatter(6.0, (
    '[INFO ] epollEventLoopGroup-3-2 ACCESS_LOG - /10.244.6.11:40112 "POST /predictions/sentiment HTTP/1.1" 200 23',
    '[INFO ] epollEventLoopGroup-3-4 ACCESS_LOG - /10.244.6.12:40340 "POST /predictions/sentiment HTTP/1.1" 200 21',
))  # fmt: skip
