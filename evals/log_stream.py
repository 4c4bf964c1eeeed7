"""Mixed logs made by our own code, for the bench of the log engine and for the law that ordinary talk is no fault."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tools.detectors.format import DetectorForm, LogSignal

_VERBS = [
    "loaded",
    "started",
    "finished",
    "reconciled",
    "scheduled",
    "served",
    "flushed",
    "compacted",
    "refreshed",
    "renewed",
    "listed",
    "synced",
]
_NOUNS = [
    "request",
    "batch",
    "token",
    "cache",
    "pod",
    "node",
    "worker",
    "shard",
    "replica",
    "queue",
    "model",
    "session",
    "probe",
    "metric",
    "user",
    "connection",
    "certificate",
    "lease",
]


def ordinary_line(chance: random.Random, tick: int) -> str:
    """One line of a healthy service: access logs, JSON, klog, vLLM, training, Python and Java logging."""
    clock = f"{tick // 60_000 % 60:02d}:{tick // 1_000 % 60:02d}.{tick % 1_000:03d}"
    stamp = f"2026-01-02T12:{clock}{chance.randrange(1_000_000):06d}Z"
    address = f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
    say = f"{chance.choice(_NOUNS)} {chance.choice(_VERBS)} {chance.choice(_NOUNS)} {chance.randrange(10_000)}"
    match chance.randrange(9):
        case 0:
            path = chance.choice(
                ("/v1/chat/completions", "/v1/embeddings", "/healthz", "/metrics", "/v2/models/ranker/infer")
            )
            return f'{stamp} INFO:     {address}:{chance.randrange(65_536)} - "POST {path} HTTP/1.1" 200 OK'
        case 1:
            return (
                f"{stamp} INFO 01-02 12:{clock[:5]} loggers.py:116] Engine 000: Avg prompt throughput: {chance.random() * 900:.1f} tokens/s, "
                f"Running: {chance.randrange(90)} reqs, Waiting: 0 reqs, GPU KV cache usage: {chance.random() * 90:.1f}%"
            )
        case 2:
            return (
                f'{stamp} {{"level":"info","ts":17673552{chance.randrange(100):02d}.{chance.randrange(1000):03d},'
                f'"caller":"http/server.go:{chance.randrange(400)}","msg":"{say}","status":200,"duration_ms":{chance.randrange(900)}}}'
            )
        case 3:
            return f"{stamp} I0102 12:{clock}456       1 controller.go:{chance.randrange(400)}] {say} namespace=prod"
        case 4:
            return f"{stamp} step {tick} loss={chance.random():.4f} lr=1e-4 grad_norm={chance.random():.3f} samples/s={chance.randrange(9_000)}"
        case 5:
            return f"{stamp} 2026-01-02 12:{clock.replace('.', ',')} INFO [main] c.shop.ranking.Service - {say} in {chance.randrange(90)} ms"
        case 6:
            return f'{stamp} {address} - - [02/Jan/2026:12:{clock[:5]} +0000] "GET /api/items/{tick} HTTP/1.1" 200 {chance.randrange(90_000)}'
        case 7:
            return f'{stamp} level=info ts=2026-01-02T12:{clock}Z caller=head.go:{chance.randrange(900)} component=tsdb msg="{say}"'
        case _:
            return (
                f"{stamp} [{chance.choice(_NOUNS)}-{chance.randrange(64)}] DEBUG {say} id={chance.getrandbits(64):016x}"
            )


def troubles_of(forms: Sequence[DetectorForm]) -> list[list[str]]:
    """Lines that detectors look for: the examples of their log signals and the logs of their specimens."""
    found: list[list[str]] = []
    for form in forms:
        found += [[one.example] for one in form.signals.leaves() if isinstance(one, LogSignal) and one.example]
        found += [str(log["text"]).splitlines() for one in form.specimens.yes for log in one.get("logs") or ()]
    return [lines for lines in found if any(line.strip() for line in lines)]


TRACE = (
    "Traceback (most recent call last):",
    '  File "/app/serve.py", line 88, in step',
    "    out = self.model(batch)",
)


def block_of_log(size: int, seed: int, troubles: Sequence[Sequence[str]], share: float) -> bytes:
    """About ``size`` bytes of lines, of which ``share`` begin a trouble; one in four comes with a traceback before it, and one
    in fifty ordinary lines names a thing that looks like a secret and is none (``max_tokens=2048``)."""
    chance = random.Random(seed)
    lines: list[str] = []
    have = tick = 0
    while have < size:
        tick += chance.randrange(40)
        fresh = [ordinary_line(chance, tick)]
        if troubles and chance.random() < share:
            stamp = fresh[0].split(" ", 1)[0]
            trouble = list(chance.choice(troubles))[:6]
            fresh = [f"{stamp} {one}" for one in ([*TRACE, *trouble] if chance.random() < 0.25 else trouble)]
        elif chance.random() < 0.02:
            fresh[0] += " max_tokens=2048 api_key=none"
        lines += fresh
        have += sum(len(one) + 1 for one in fresh)
    return ("\n".join(lines) + "\n").encode()


def stream(blocks: Sequence[bytes], size: int, chunk: int) -> Iterator[bytes]:
    """The blocks again and again, in chunks, until ``size`` bytes were given."""
    given = 0
    while True:
        for block in blocks:
            for start in range(0, len(block), chunk):
                piece = block[start : start + chunk]
                yield piece
                given += len(piece)
                if given >= size:
                    return
