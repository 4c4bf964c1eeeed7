"""The images that the platform's registry holds, with their bytes."""

from __future__ import annotations

REGISTRY = "registry.example.com"

IMAGES = {
    f"{REGISTRY}/{name}": size
    for name, size in {
        "serving/vllm-openai:v0.9.1": 9_812_004_115,
        "serving/vllm-openai:v0.9.2": 9_910_442_870,
        "serving/text-embeddings:1.7": 1_204_118_223,
        "serving/tritonserver:25.03-py3": 14_220_331_002,
        "serving/tensorflow-serving:2.18.0": 412_330_774,
        "serving/torchserve:0.12.0": 3_922_118_441,
        "gateway/llm-gateway:1.4.1": 38_224_001,
        "gateway/llm-gateway:1.4.2": 38_301_774,
        "apps/chat-web:3.2.0": 61_002_113,
        "data/redis:7.4": 41_220_118,
        "data/milvus:2.5.4": 1_870_220_331,
        "data/embedding-refresh:3.1": 220_118_004,
        "training/sft-trainer:2.6": 8_120_337_552,
        "system/coredns:1.11.3": 18_562_039,
        "system/metrics-server:0.7.2": 19_494_617,
        "system/prometheus:2.55.1": 118_004_552,
        "system/dcgm-exporter:4.1.1": 512_330_118,
        "apps/tenant-app:1.0": 21_003_442,
    }.items()
}
