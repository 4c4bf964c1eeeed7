"""A Loki that misbehaves, and one that wants credentials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledge.errors import AccessDenied, AnswerTooLarge, BadInput, LogsUnreachable, MalformedSettings
from tests.fakes.http_server import Told, running_http_server
from tests.fakes.loki_server import running_loki
from tools.adapters.loki import Loki

END = datetime(2026, 1, 1, tzinfo=UTC)
START = END - timedelta(hours=1)


async def test_logs_are_unreachable_when_nobody_listens() -> None:
    with pytest.raises(LogsUnreachable) as caught:
        await Loki("http://127.0.0.1:9").range("{}", START, END)
    assert "loki_url" in caught.value.next_step


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Told(401, b"no org id"), AccessDenied),
        (Told(403, b"no"), AccessDenied),
        (Told(400, b"parse error at line 1"), BadInput),
        (Told(200, b"<html>Grafana</html>"), LogsUnreachable),
        (Told(200, {"status": "success"}), BadInput),
        (Told(404, b"404 page not found"), LogsUnreachable),
        (Told(429, b"too many outstanding requests"), LogsUnreachable),
        (Told(503, b"starting"), LogsUnreachable),
        (Told(200, b"x" * 2_000), AnswerTooLarge),
        (Told(200, {"status": "success"}, cut=True), LogsUnreachable),
        (Told(hangs_up=True), LogsUnreachable),
    ],
)
async def test_error_says_what_to_do_when_the_server_misbehaves(told: Told, error: type[Exception]) -> None:
    with running_http_server(lambda asked: told) as server, pytest.raises(error):
        await Loki(server.url, max_answer_bytes=1_000).range('{a="b"}', START, END)


async def test_logs_are_unreachable_in_time_when_the_server_is_slow() -> None:
    with (
        running_http_server(lambda asked: Told(waits=True)) as server,
        pytest.raises(LogsUnreachable, match=r"within 0\.3 seconds"),
    ):
        await Loki(server.url, timeout_seconds=0.3).ready()


async def test_token_and_tenant_are_sent_when_they_are_set() -> None:
    with running_loki(token="t0k", tenant="team-a") as loki:
        with pytest.raises(AccessDenied, match="no credentials"):
            await Loki(loki.url).ready()
        with pytest.raises(AccessDenied, match="no org id") as caught:
            await Loki(loki.url, token="t0k").ready()
        assert "loki_tenant" in caught.value.next_step
        assert await Loki(loki.url, token="t0k", tenant="team-a").ready() == "3.1.0"


async def test_no_secret_of_the_url_is_told_when_it_cannot_be_reached() -> None:
    with pytest.raises(LogsUnreachable) as caught:
        await Loki("http://user:hunter2hunter2@127.0.0.1:9").ready()
    assert "hunter2" not in str(caught.value)


def test_selector_is_refused_when_it_names_no_node() -> None:
    with pytest.raises(MalformedSettings, match="which node"):
        Loki("http://127.0.0.1:9", node_selector='{job="x"}')
