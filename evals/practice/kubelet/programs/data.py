"""Redis, the vector database and the nightly refresh of its embeddings."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import GIB, MIB, Behaviour, Exit, Situation


def redis(_situation: Situation) -> Behaviour:
    lines = (
        (0.2, "1:C 21 Nov 2026 02:00:00.001 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"),
        (0.3, "1:M 21 Nov 2026 02:00:00.004 * Server initialized"),
        (0.4, "1:M 21 Nov 2026 02:00:00.005 * Ready to accept connections tcp"),
    )
    return Behaviour(output=lines, ports={6379: 0.4}, ready_after=0.4, memory_bytes=210 * MIB, cpu_cores=0.05)


def milvus(_situation: Situation) -> Behaviour:
    lines = (
        (0.5, '[INFO] [roles/roles.go:300] ["starting running Milvus components"]'),
        (4.0, '[INFO] [querynodev2/server.go:288] ["query node init successfully"]'),
        (8.0, '[INFO] [proxy/proxy.go:407] ["Proxy node is ready"]'),
    )
    return Behaviour(output=lines, ports={19530: 8.0, 9091: 1.0}, ready_after=8.0, paths=("/healthz", "/metrics"),
                     memory_bytes=int(2.4 * GIB), memory_after=5.0, cpu_cores=0.3)  # fmt: skip


def embedding_refresh(_situation: Situation) -> Behaviour:
    lines = (
        (0.5, "refresh: reading changed documents since last run"),
        (3.0, "refresh: 412 documents, 3 batches, model bge-m3"),
        (9.0, "refresh: upserted 412 vectors into collection docs"),
        (9.5, "refresh: done in 9.1s"),
    )
    return Behaviour(output=lines, exit=Exit(10.0, 0), memory_bytes=300 * MIB, cpu_cores=0.4)
