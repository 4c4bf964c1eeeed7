"""The LLM gateway: it starts when its settings can be read; what it says of its upstreams comes from the traffic."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import MIB, Behaviour, Exit, Situation

UPSTREAMS = ("QWEN_URL", "BGE_URL", "RESNET_URL", "RANKER_URL", "SENTIMENT_URL")


def behave(situation: Situation) -> Behaviour:
    port = int(situation.env.get("PORT", "8080"))
    start = ((0.2, f'level=info msg="llm-gateway {situation.image.rpartition(":")[2]} starting" port={port}'),)
    for name in UPSTREAMS:
        url = situation.env.get(name, "")
        if not url.startswith(("http://", "https://")):
            text = f'level=fatal msg="invalid configuration" setting={name} value="{url}" error="not an absolute URL"'
            return Behaviour(output=(*start, (0.4, text)), exit=Exit(0.6, 1))
    timeout = situation.env.get("UPSTREAM_TIMEOUT_SECONDS", "30")
    if not timeout.isdigit():
        text = f'level=fatal msg="invalid configuration" setting=UPSTREAM_TIMEOUT_SECONDS value="{timeout}" error="not a number"'
        return Behaviour(output=(*start, (0.4, text)), exit=Exit(0.6, 1))
    lines = tuple((0.5, f'level=info msg="route added" upstream={situation.env[name]}') for name in UPSTREAMS)
    return Behaviour(output=(*start, *lines, (0.8, 'level=info msg="listening"')), ports={port: 0.8}, ready_after=0.8,
                     paths=("/healthz", "/readyz", "/metrics"), memory_bytes=180 * MIB, cpu_cores=0.32)  # fmt: skip
