"""Every query that the chat can write is taken by a real Prometheus, and says the place that it was asked of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.chat.measures import MEASURES, Place, probe, promql
from agent.chat.names import Thing
from agent.chat.numbers import shown
from tests.peers.prometheus import prometheus_server
from tools.adapters.prometheus import Prometheus

__all__ = ["prometheus_server"]
QWEN = Thing("c", "Deployment", "prod", "qwen2-7b")
DOTTED = Thing("c", "StatefulSet", "prod", "milvus.v2")
PLACES = {
    "service": Place(target=QWEN, namespaces=("prod",)),
    "stateful": Place(target=DOTTED, namespaces=("prod",)),
    "namespace": Place(namespaces=("prod", "prod-2")),
    "cluster": Place(),
    "scoped": Place(namespaces=("prod",), pods="(?:gateway-[a-z0-9]{5,10}-[a-z0-9]{5})"),
    "node": Place(node="gpu-07"),
}


@pytest.mark.peer("prometheus")
async def test_every_query_is_taken_by_prometheus(prometheus_server: str) -> None:
    metrics = Prometheus(prometheus_server)
    now = datetime.now(UTC)
    for key, measure in MEASURES.items():
        for name, place in PLACES.items():
            if name == "node" and not measure.is_of_nodes:
                continue
            for quantiles in ((), (95,)):
                query = promql(key, place, quantiles=quantiles, window="7m")
                assert await metrics.range(query, now - timedelta(minutes=5), now, 60) == [], (key, name)
            if asks := probe(key, place):
                assert await metrics.instant(asks, now) == [], (key, name)


@pytest.mark.parametrize("key", MEASURES)
def test_a_query_of_a_service_reads_nothing_but_its_pods_and_its_service(key: str) -> None:
    query = promql(key, PLACES["service"])
    bare = query.replace('namespace=~"prod",pod=~"qwen2-7b-[a-z0-9]{5,10}-[a-z0-9]{5}"', "").replace(
        'namespace=~"prod",service="qwen2-7b"', ""
    )
    assert "qwen2-7b" in query
    assert "prod" not in bare.replace(
        'exported_namespace=~"prod",exported_pod=~"qwen2-7b-[a-z0-9]{5,10}-[a-z0-9]{5}"', ""
    )


@pytest.mark.parametrize("key", MEASURES)
def test_a_query_within_a_scope_names_its_namespaces_in_every_part(key: str) -> None:
    query = promql(key, PLACES["scoped"])
    assert query.count("{") - query.count("[a-z0-9]{") <= query.count('namespace=~"prod"')


def test_dots_and_dashes_of_names_are_no_patterns() -> None:
    assert 'pod=~"milvus\\\\.v2-[0-9]+"' in promql("memory", PLACES["stateful"])


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [(0.0123, "seconds", "12 ms"), (2.5, "seconds", "2.50 s"), (0.721, "ratio", "72.1%"), (40 << 30, "bytes", "40.0 GiB"),
     (1536.0, "bytes_per_second", "1.5 KiB/s"), (70.4, "celsius", "70 °C"), (12.34, "per_second", "12.3/s"), (7.0, "", "7")],
)  # fmt: skip
def test_numbers_are_told_as_people_read_them(value: float, unit: str, told: str) -> None:
    assert shown(value, unit) == told


def test_a_query_names_only_the_spellings_that_were_found() -> None:
    query = promql("latency", PLACES["service"], quantiles=(95,), only={"vllm:e2e_request_latency_seconds_bucket"})
    assert query == (
        "label_replace(histogram_quantile(0.95, sum by (namespace, le) (rate(vllm:e2e_request_latency_seconds_bucket"
        '{namespace=~"prod",pod=~"qwen2-7b-[a-z0-9]{5,10}-[a-z0-9]{5}"}[5m]))), "quantile", "p95", "", "")'
    )
    assert promql("latency", PLACES["service"], only={"else"}) == promql("latency", PLACES["service"])
