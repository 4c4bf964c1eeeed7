"""The worker takes wakes, keeps its hold while it works, and hands to a person what trying again would not mend."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from api import worker as worker_module
from api.worker import Worker
from knowledge.errors import LedgerUnreachable
from knowledge.vocabulary import IncidentStatus
from tests.agent.small_desk import SmallDesk, small_desk


async def until(place: SmallDesk, incident_id: str, status: IncidentStatus) -> None:
    """The status is reached and nothing of the incident waits for a worker any more."""
    async with asyncio.timeout(20):
        for pause in itertools.repeat(0.02):  # the worker tells nobody but the ledger
            is_there = place.ledger.incidents.get(incident_id).status is status
            if is_there and not place.ledger.wakes.waiting(incident_id):
                return
            await asyncio.sleep(pause)


async def test_a_wake_moves_its_incident_and_is_then_gone(tmp_path: Path) -> None:
    with small_desk(tmp_path) as place:
        worker = Worker(place.graph, place.deps)
        running = asyncio.create_task(worker.run())
        incident_id = place.ticket("restart nothing-like-this")
        worker.nudge()
        await until(place, incident_id, IncidentStatus.HANDED_OVER)
        await worker.stop()
        await running
        assert place.ledger.wakes.waiting(incident_id) == []


async def test_a_bug_outside_of_the_nodes_reaches_a_person_and_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    async def broken(*_: object) -> None:
        tries.append(1)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker_module, "advance", broken)
    with small_desk(tmp_path) as place:
        worker = Worker(place.graph, place.deps, lease_seconds=1.0)
        running = asyncio.create_task(worker.run())
        incident_id = place.alert()
        await until(place, incident_id, IncidentStatus.HANDED_OVER)
        await worker.stop()
        await running
        assert "ZeroDivisionError" in place.ledger.incidents.get(incident_id).reason
        assert place.ledger.wakes.waiting(incident_id) == []
        assert len(tries) == 1


async def test_a_ledger_that_is_away_for_a_moment_loses_no_wake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_desk(tmp_path) as place:
        real, failures = worker_module.advance, [LedgerUnreachable("away")]

        async def flaky(*given: object) -> None:
            if failures:
                raise failures.pop()
            await real(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(worker_module, "advance", flaky)
        worker = Worker(place.graph, place.deps, lease_seconds=1.0)
        running = asyncio.create_task(worker.run())
        incident_id = place.ticket("restart nothing-like-this")
        await until(place, incident_id, IncidentStatus.HANDED_OVER)
        await worker.stop()
        await running


async def test_two_workers_take_an_incident_once(tmp_path: Path) -> None:
    with small_desk(tmp_path) as place:
        workers = [Worker(place.graph, place.deps) for _ in range(2)]
        running = [asyncio.create_task(worker.run()) for worker in workers]
        ids = [place.ticket(f"restart nothing-like-{number}") for number in range(6)]
        for incident_id in ids:
            await until(place, incident_id, IncidentStatus.HANDED_OVER)
        for worker in workers:
            await worker.stop()
        await asyncio.gather(*running)
        for incident_id in ids:
            assert place.stages(incident_id).count("plan") == 1
