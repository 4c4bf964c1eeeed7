"""What anything behind the Logs port does: the fake Loki, and a real one where OPSDESK_TEST_LOKI names its URL.

A real one is written to: one stream ``{job="opsdesk-contract-..."}`` of some lines.
"""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from knowledge.errors import BadInput
from tests.fakes.loki_server import FakeLoki, running_loki
from tools.adapters.loki import Loki
from tools.ports import Logs

REAL = os.environ.get("OPSDESK_TEST_LOKI", "")


@dataclass(frozen=True, slots=True)
class Desk:
    logs: Logs
    job: str
    start: datetime
    fake: FakeLoki | None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=1)

    def selector(self, node: str = "gpu-1") -> str:
        return f'{{job="{self.job}", hostname="{node}"}}'

    async def push(self, entries: list[tuple[int, str, str]]) -> None:
        """(nanoseconds after the start, node, text)."""
        if self.fake is not None:
            for offset, node, text in entries:
                self.fake.push(self.start, {"job": self.job, "hostname": node}, text, nanoseconds=offset)
            return
        base = int(self.start.timestamp()) * 10**9
        streams = [
            {"stream": {"job": self.job, "hostname": node}, "values": [[str(base + offset), text]]}
            for offset, node, text in entries
        ]
        body = json.dumps({"streams": streams}).encode()
        request = urllib.request.Request(f"{REAL}/loki/api/v1/push", body, {"Content-Type": "application/json"})
        await asyncio.to_thread(urllib.request.urlopen, request)
        for _ in range(50):
            if len((await self.logs.range(f'{{job="{self.job}"}}', self.start, self.end)).lines) >= len(entries):
                return
            await asyncio.sleep(0.2)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    job = f"opsdesk-contract-{uuid.uuid4().hex[:8]}"
    selector = f'{{job="{job}", hostname="<node>"}}'
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)
    if request.param == "real":
        if not REAL:
            pytest.skip("OPSDESK_TEST_LOKI names no Loki")
        yield Desk(Loki(REAL, node_selector=selector, page_lines=50), job, start, None)
        return
    with running_loki() as loki:
        yield Desk(Loki(loki.url, node_selector=selector, page_lines=50), job, start, loki)


async def test_lines_come_in_rising_time_with_labels_when_asked_for(desk: Desk) -> None:
    await desk.push([(3_000_000, "gpu-1", "third"), (1_000, "gpu-1", "first"), (2_000, "gpu-2", "other")])
    answer = await desk.logs.range(desk.selector(), desk.start, desk.end)
    assert [line.text for line in answer.lines] == ["first", "third"]
    assert answer.lines[0].labels["hostname"] == "gpu-1"
    assert answer.lines[1].at == desk.start + timedelta(milliseconds=3)
    assert not answer.left_out


async def test_only_the_nodes_own_lines_come_when_a_node_is_asked_for(desk: Desk) -> None:
    await desk.push([(1_000, "gpu-1", "mine"), (2_000, "gpu-2", "yours")])
    assert [line.text for line in (await desk.logs.of_node("gpu-1", desk.start, desk.end)).lines] == ["mine"]
    assert not (await desk.logs.of_node('gpu-9"} or {x="', desk.start, desk.end)).lines


async def test_every_line_comes_once_when_there_are_many_pages(desk: Desk) -> None:
    await desk.push([(number // 3 * 1_000, "gpu-1", f"line {number}") for number in range(230)])
    answer = await desk.logs.range(desk.selector(), desk.start, desk.end)
    assert sorted(line.text for line in answer.lines) == sorted(f"line {number}" for number in range(230))
    assert not answer.left_out


async def test_newest_lines_stay_and_the_rest_is_told_when_a_bound_cuts(desk: Desk) -> None:
    await desk.push([(number * 1_000, "gpu-1", f"line {number}") for number in range(230)])
    answer = await desk.logs.range(desk.selector(), desk.start, desk.end, max_lines=120)
    assert [line.text for line in answer.lines] == [f"line {number}" for number in range(110, 230)]
    assert answer.left_out.startswith("lines before ")


async def test_end_is_not_included_and_start_is(desk: Desk) -> None:
    await desk.push([(0, "gpu-1", "at start"), (60 * 10**9, "gpu-1", "at end")])
    assert [line.text for line in (await desk.logs.range(desk.selector(), desk.start, desk.end)).lines] == ["at start"]


async def test_query_is_bad_input_when_it_cannot_be_parsed_or_gives_numbers(desk: Desk) -> None:
    with pytest.raises(BadInput, match="parse error"):
        await desk.logs.range("job=", desk.start, desk.end)
    with pytest.raises(BadInput, match="no log lines"):
        await desk.logs.range(f'rate({{job="{desk.job}"}}[1m])', desk.start, desk.end)
    with pytest.raises(BadInput, match="end after its start"):
        await desk.logs.range(desk.selector(), desk.end, desk.start)


async def test_version_is_told_when_it_is_ready(desk: Desk) -> None:
    assert (await desk.logs.ready())[0].isdigit()
