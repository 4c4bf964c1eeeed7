"""An embedding server: loads a small model, answers /health and /embed."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import GIB, Behaviour, Chatter, Exit, Situation
from evals.practice.kubelet.programs.gpu import broken_card

MODELS = ("/models/bge-m3",)
_POOLING = ("cls", "mean", "last-token", "splade")


def behave(situation: Situation) -> Behaviour:
    broken = broken_card(situation)
    if broken is not None:
        return broken
    model = situation.env.get("MODEL_ID", "")
    pooling = situation.env.get("POOLING", "cls")
    tokens = situation.env.get("MAX_BATCH_TOKENS", "16384")
    if model not in MODELS:
        text = f'Error: The `MODEL_ID` argument is not a valid model id or path: "{model}"'
        return Behaviour(output=((0.5, text),), exit=Exit(0.7, 1))
    if pooling not in _POOLING or not tokens.isdigit():
        wrong = (
            ("--pooling <POOLING>", pooling)
            if pooling not in _POOLING
            else ("--max-batch-tokens <MAX_BATCH_TOKENS>", tokens)
        )
        text = f"error: invalid value '{wrong[1]}' for '{wrong[0]}'"
        return Behaviour(output=((0.3, text), (0.3, "For more information, try '--help'.")), exit=Exit(0.5, 2))
    port = int(situation.env.get("PORT", "8080"))
    lines = (
        (
            0.4,
            f"INFO text_embeddings_router: router/src/main.rs:203: Args {{ model_id: '{model}', pooling: {pooling} }}",
        ),
        (3.0, "INFO text_embeddings_router: router/src/lib.rs:137: Maximum number of tokens per request: 8192"),
        (
            5.0,
            "INFO text_embeddings_backend: backends/src/lib.rs:507: Starting FlashBert model on Cuda(CudaDevice(DeviceId(1)))",
        ),
        (11.0, "INFO text_embeddings_router: router/src/lib.rs:252: Warming up model"),
        (
            14.0,
            f"INFO text_embeddings_router::http::server: router/src/http/server.rs:1812: Starting HTTP server: 0.0.0.0:{port}",
        ),
        (14.0, "INFO text_embeddings_router::http::server: router/src/http/server.rs:1813: Ready"),
    )
    return Behaviour(output=lines, ports={port: 14.0}, ready_after=14.0, paths=("/health", "/metrics", "/info", "/embed"),
                     memory_bytes=3 * GIB, memory_after=8.0, cpu_cores=0.35, chatter=(_EMBEDS,))  # fmt: skip


_EMBEDS = Chatter(9.0, (
    ('INFO embed{total_time="11.902ms" tokenization_time="310.1us" queue_time="402.7us" inference_time="10.904ms"}: '
    "text_embeddings_router::http::server: router/src/http/server.rs:741: Success"),
))  # fmt: skip
