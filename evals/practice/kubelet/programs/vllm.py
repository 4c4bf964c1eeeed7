"""vLLM's OpenAI server: what it needs of a card and of memory, and what it prints when it does not get it.

The arithmetic is that of a 7B model in bf16 on an A10 (22.49 GiB): weights 14.25 GiB, activations and context 1.40 GiB, the rest
of `gpu_memory_utilization` for the KV cache at 56 KiB a token.
"""

from __future__ import annotations

from evals.practice.kubelet.behaviour import GIB, Behaviour, Chatter, Exit, Situation
from evals.practice.kubelet.programs.gpu import CARD_GIB, broken_card, no_card

MODELS = {"/models/qwen2-7b-instruct": ("qwen2-7b", 32768, 14.25)}
"""Path -> served name, longest context, GiB of weights."""
_OTHER_GIB = 1.40
_TOKEN_GIB = 57344 / GIB
LOAD_SECONDS = 42.0
HOST_BYTES = 11 * GIB
_CAPTURE_GIB = 21.4
"""Above this much on the card, the CUDA graph capture does not fit any more."""


def behave(situation: Situation) -> Behaviour:
    start = _start_lines(situation)
    broken = broken_card(situation, "ERROR (EngineCore_DP0 pid=152) ") or no_card(situation)
    if broken is not None:
        return Behaviour(output=(*start, *broken.output, *_engine_dead(1.1)), exit=Exit(1.4, 1), memory_after=5.0)
    model = situation.flag("model", situation.env.get("MODEL_PATH", ""))
    if model not in MODELS:
        return _fails(start, 3.0, _no_model(model))
    error = _configuration_error(situation, model)
    if error:
        return _fails(start, *error)
    port = int(situation.flag("port", "8000"))
    return Behaviour(
        output=(*start, *_load_lines(situation, model, port)),
        ports={port: LOAD_SECONDS}, ready_after=LOAD_SECONDS,
        paths=("/health", "/v1/models", "/metrics", "/ping", "/version"),
        memory_bytes=HOST_BYTES, memory_after=14.0, cpu_cores=0.9, chatter=(_REQUESTS, _STATISTICS),
    )  # fmt: skip


def kv_cache_gib(situation: Situation, model: str) -> float:
    """What is left of the card for the cache; negative when the weights alone do not fit."""
    utilization = float(situation.flag("gpu-memory-utilization", "0.9") or 0.9)
    shards = max(1, int(situation.flag("tensor-parallel-size", "1")))
    return utilization * CARD_GIB - MODELS[model][2] / shards - _OTHER_GIB


def _configuration_error(situation: Situation, model: str) -> tuple[float, str] | None:
    """(seconds, message) of the error that ends the start, None when it will work."""
    limit = MODELS[model][1]
    try:
        length = int(situation.flag("max-model-len", str(limit)))
        utilization = float(situation.flag("gpu-memory-utilization", "0.9"))
    except ValueError:
        return 1.5, "api_server.py: error: argument --max-model-len: invalid value"
    shards = int(situation.flag("tensor-parallel-size", "1"))
    if shards > situation.gpus:
        return 4.0, (f"ValueError: World size ({shards}) is larger than the number of available GPUs ({situation.gpus}) in this node. "
                     "If this is intentional and you are using another executor backend, set it explicitly.")  # fmt: skip
    if length > limit:
        return 2.0, (f"pydantic_core._pydantic_core.ValidationError: User-specified max_model_len ({length}) is greater than the "
                     f"derived max_model_len (max_position_embeddings={limit} or model_max_length=None in model's config.json).")  # fmt: skip
    cache = kv_cache_gib(situation, model)
    if utilization * CARD_GIB > _CAPTURE_GIB:
        return 24.0, _out_of_memory(utilization)
    if cache <= 0:
        return 20.0, ("ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when "
                      "initializing the engine.")  # fmt: skip
    need = length * _TOKEN_GIB
    if need > cache:
        return 20.0, (f"ValueError: To serve at least one request with the model's max seq len ({length}), ({need:.2f} GiB KV cache is "
                      f"needed, which is larger than the available KV cache memory ({cache:.2f} GiB). Based on the available memory, "
                      f"the estimated maximum model length is {int(cache / _TOKEN_GIB) // 16 * 16}. Try increasing "
                      "`gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.")  # fmt: skip
    return None


def _out_of_memory(utilization: float) -> str:
    free = max(CARD_GIB * (1 - utilization) * 1024 - 180, 44.44)
    return (f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB. GPU 0 has a total capacity of {CARD_GIB} GiB of "
            f"which {free:.2f} MiB is free. Including non-PyTorch memory, this process has {CARD_GIB * utilization:.2f} GiB memory in "
            "use. Of the allocated memory 20.61 GiB is allocated by PyTorch, and 215.70 MiB is reserved by PyTorch but "
            "unallocated.")  # fmt: skip


def _no_model(model: str) -> str:
    return (f"OSError: Can't load the configuration of '{model}'. If you were trying to load it from "
            f"'https://huggingface.co/models', make sure you don't have a local directory with the same name. Otherwise, make sure "
            f"'{model}' is the correct path to a directory containing a config.json file")  # fmt: skip


def _start_lines(situation: Situation) -> tuple[tuple[float, str], ...]:
    version = situation.image.rpartition(":")[2].removeprefix("v")
    given = " ".join(situation.command)
    return (
        (0.3, f"INFO [api_server.py:1787] vLLM API server version {version}"),
        (0.4, f"INFO [utils.py:328] non-default args: {given}"),
    )


def _load_lines(situation: Situation, model: str, port: int) -> tuple[tuple[float, str], ...]:
    name, _, weights = MODELS[model]
    cache = kv_cache_gib(situation, model)
    length = int(situation.flag("max-model-len", "32768"))
    tokens = int(cache / _TOKEN_GIB)
    return (
        (2.0, f"INFO [config.py:1472] Using max model len {length}"),
        (4.0, f"INFO [core.py:526] Initializing a V1 LLM engine with config: model='{model}', dtype=torch.bfloat16"),
        (5.0, f"INFO [gpu_model_runner.py:1770] Starting to load model {model}..."),
        (12.0, "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:07<00:07,  3.61s/it]"),
        (19.0, "Loading safetensors checkpoint shards: 100% Completed | 4/4 [00:14<00:00,  3.55s/it]"),
        (20.0, f"INFO [gpu_model_runner.py:1801] Model loading took {weights:.2f} GiB and 14.62 seconds"),
        (24.0, f"INFO [gpu_worker.py:232] Available KV cache memory: {cache:.2f} GiB"),
        (24.1, f"INFO [kv_cache_utils.py:716] GPU KV cache size: {tokens:,} tokens"),
        (38.0, "INFO [gpu_model_runner.py:2326] Graph capturing finished in 13 secs, took 0.51 GiB"),
        (41.0, f"INFO [api_server.py:1349] Starting vLLM API server 0 on http://0.0.0.0:{port} for model {name}"),
        (42.0, "INFO:     Application startup complete."),
    )


def _fails(start: tuple[tuple[float, str], ...], at: float, error: str) -> Behaviour:
    lines = (
        (at, "ERROR (EngineCore_DP0 pid=152) EngineCore failed to start."),
        (at, "ERROR (EngineCore_DP0 pid=152) Traceback (most recent call last):"),
        (at, f"ERROR (EngineCore_DP0 pid=152) {error}"),
        *_engine_dead(at + 0.2),
    )
    return Behaviour(output=(*start, *lines), exit=Exit(at + 0.5, 1), memory_bytes=HOST_BYTES, memory_after=14.0)


def _engine_dead(at: float) -> tuple[tuple[float, str], ...]:
    return (
        (at, "Traceback (most recent call last):"),
        (at, '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core_client.py", line 416, in __init__'),
        (
            at,
            "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}",
        ),
    )


_REQUESTS = Chatter(7.0, (
    'INFO:     10.244.6.11:48202 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
    'INFO:     10.244.6.12:51544 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
    'INFO:     10.244.6.11:48206 - "POST /v1/completions HTTP/1.1" 200 OK',
))  # fmt: skip
_STATISTICS = Chatter(10.0, (
    ("INFO {at} [loggers.py:118] Engine 000: Avg prompt throughput: 812.4 tokens/s, Avg generation throughput: 301.9 tokens/s, "
    "Running: 9 reqs, Waiting: 0 reqs, GPU KV cache usage: 31.2%, Prefix cache hit rate: 44.0%"),
    ("INFO {at} [loggers.py:118] Engine 000: Avg prompt throughput: 774.9 tokens/s, Avg generation throughput: 318.2 tokens/s, "
    "Running: 8 reqs, Waiting: 0 reqs, GPU KV cache usage: 28.7%, Prefix cache hit rate: 44.1%"),
))  # fmt: skip
