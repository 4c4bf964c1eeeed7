"""The metrics port: against a real Prometheus, and against one that misbehaves."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knowledge.errors import AccessDenied, AnswerTooLarge, BadInput, MetricsUnreachable
from tests.fakes.http_server import Asked, Told, running_http_server
from tests.peers.prometheus import prometheus_server
from tools.adapters.prometheus import Prometheus
from tools.collectors.metric_queries import QUERIES, rendered

__all__ = ["prometheus_server"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.peer("prometheus")
async def test_real_server_answers_instant_and_range_when_asked(prometheus_server: str) -> None:
    metrics = Prometheus(prometheus_server)
    assert (await metrics.ready()).startswith(("2.", "3."))
    until = time.monotonic() + 20
    while not (series := await metrics.instant("up")) and time.monotonic() < until:  # noqa: ASYNC110 - a scrape tells nobody
        await asyncio.sleep(0.2)
    assert series[0].labels["job"] == "prometheus"
    assert series[0].name == "up"
    assert series[0].points[0][1] == 1.0
    now = datetime.now(UTC)
    ranged = await metrics.range("vector(2)", now - timedelta(seconds=60), now, 15)
    assert [value for _, value in ranged[0].points] == [2.0] * 5
    assert (await metrics.instant("scalar(vector(3))"))[0].points[0][1] == 3.0


@pytest.mark.peer("prometheus")
async def test_real_server_parses_every_query_of_the_collector_when_scoped(prometheus_server: str) -> None:
    metrics = Prometheus(prometheus_server)
    for query in QUERIES:
        for matcher in ("", 'namespace=~"kube\\\\-system|prod"'):
            await metrics.instant(rendered(query, matcher))


@pytest.mark.peer("prometheus")
async def test_query_is_bad_input_when_the_real_server_cannot_parse_it(prometheus_server: str) -> None:
    with pytest.raises(BadInput, match="parse error"):
        await Prometheus(prometheus_server).instant("rate(")


async def test_metrics_are_unreachable_when_nobody_listens() -> None:
    with pytest.raises(MetricsUnreachable) as caught:
        await Prometheus("http://127.0.0.1:9").instant("up")
    assert "prometheus_url" in caught.value.next_step


async def test_metrics_are_unreachable_in_time_when_the_server_is_slow() -> None:
    with running_http_server(lambda asked: Told(waits=True)) as server:
        began = time.monotonic()
        with pytest.raises(MetricsUnreachable, match=r"within 0\.3 seconds"):
            await Prometheus(server.url, timeout_seconds=0.3).instant("up")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Told(401, {}), AccessDenied),
        (Told(403, b"no"), AccessDenied),
        (Told(200, b"<html>Grafana</html>"), MetricsUnreachable),
        (Told(200, [1]), MetricsUnreachable),
        (Told(503, {"status": "error", "errorType": "unavailable", "error": "starting"}), MetricsUnreachable),
        (Told(400, {"status": "error", "errorType": "bad_data", "error": "parse error"}), BadInput),
        (Told(422, {"status": "error", "errorType": "execution", "error": "many-to-many"}), BadInput),
        (Told(200, b"x" * 2000), AnswerTooLarge),
        (Told(200, {"status": "success"}, cut=True), MetricsUnreachable),
        (Told(hangs_up=True), MetricsUnreachable),
    ],
)
async def test_error_is_told_apart_when_the_server_misbehaves(told: Told, error: type[Exception]) -> None:
    with running_http_server(lambda asked: told) as server, pytest.raises(error):
        await Prometheus(server.url, max_answer_bytes=1000).instant("up")


async def test_values_that_are_no_number_are_left_out_when_prometheus_gives_them() -> None:
    result: list[Any] = [{"metric": {"a": "b"}, "values": [[1, "NaN"], [2, "+Inf"], [3, "4.5"]]}]
    told = Told(200, {"status": "success", "data": {"resultType": "matrix", "result": result}})
    with running_http_server(lambda asked: told) as server:
        series = await Prometheus(server.url, token="t").range("x", NOW, NOW + timedelta(days=30), 1)
    assert series[0].points == [(3.0, 4.5)]
    asked: Asked = server.asked[0]
    assert asked.headers["authorization"] == "Bearer t"
    assert b"step=235" in asked.body


async def test_basic_authentication_is_sent_when_configured() -> None:
    told = Told(200, {"status": "success", "data": {"resultType": "vector", "result": []}})
    with running_http_server(lambda asked: told) as server:
        assert await Prometheus(server.url + "/", user="u", password="p").instant("up", NOW) == []
    assert server.asked[0].headers["authorization"] == "Basic dTpw"
    assert b"time=1767225600.000" in server.asked[0].body


async def test_range_is_bad_input_when_it_ends_before_it_starts() -> None:
    with pytest.raises(BadInput):
        await Prometheus("http://127.0.0.1:9").range("up", NOW, NOW - timedelta(1), 15)


async def test_error_does_not_repeat_the_password_when_the_url_has_one() -> None:
    with pytest.raises(MetricsUnreachable) as caught:
        await Prometheus("http://ops:hunter2@127.0.0.1:9").instant("up")
    assert "hunter2" not in caught.value.message
