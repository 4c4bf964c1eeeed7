"""A log whose lines are long: the newest are what is read, and what is missing is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from knowledge.vocabulary import Focus, Json
from tests.fakes.cluster_reader import FakeReader
from tools.adapters.system_clock import SystemClock
from tools.collectors.logs import COLLECTOR, MAX_BYTES_EACH
from tools.contracts import Gathered
from tools.ports import Cluster

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
POD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "namespace": "shop"},
    "status": {"phase": "Running", "containerStatuses": [{"name": "main", "ready": False, "state": {"running": {}}}]},
}


class LikeAServer(FakeReader):
    """Takes the last lines first, then the bytes from their beginning."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    async def logs(self, *args: Any, tail_lines: int = 500, limit_bytes: int = 0, **more: Any) -> str:
        self.asked.append(f"tail {tail_lines}")
        return "".join(f"{line}\n" for line in self.lines[-tail_lines:])[:limit_bytes]


async def read(reader: FakeReader) -> Gathered:
    focus = Focus(cluster="east", namespaces=("shop",), since=NOW, until=NOW)
    return await COLLECTOR.collect(Cluster("east", reader), focus, [POD], SystemClock())


async def test_newest_line_is_read_when_the_lines_are_long() -> None:
    reader = LikeAServer([f"{number} {'x' * 2_000}" for number in range(400)] + ["the last words"])
    gathered = await read(reader)
    assert gathered.logs[0].text.endswith("the last words\n")
    assert not gathered.gaps
    assert len(reader.asked) == 2


async def test_gap_tells_when_not_even_one_line_fits() -> None:
    reader = LikeAServer(["y" * (MAX_BYTES_EACH + 10)])
    gathered = await read(reader)
    assert len(gathered.logs[0].text) == MAX_BYTES_EACH
    assert "newest did not fit" in gathered.gaps[0].reason


async def test_log_is_read_once_when_it_fits() -> None:
    reader = LikeAServer(["short"] * 600)
    assert (await read(reader)).logs[0].text.count("\n") == 500
    assert reader.asked == ["tail 500"]
