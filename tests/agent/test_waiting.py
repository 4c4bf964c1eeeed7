"""Waiting for the executor ends for people too when the executor never comes, or dies in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.waiting import EXECUTOR_WAIT
from api.worker import Worker
from knowledge.vocabulary import ExecutionStatus, IncidentStatus, Review
from tests.agent.small_desk import SmallDesk, small_desk
from tools.review import review_plan


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SmallDesk]:
    with small_desk(tmp_path) as opened:
        yield opened


def will_look_again(place: SmallDesk, incident_id: str) -> bool:
    return EXECUTOR_WAIT in {wake.reason for wake in place.ledger.wakes.waiting(incident_id)}


def executor_leaves(place: SmallDesk) -> None:
    hands = place.executor.hands["lab"]
    assert hands.lease is not None
    place.ledger.leases.release("executor:lab", hands.lease)
    hands.lease = None


async def approved(place: SmallDesk) -> str:
    incident_id = place.alert()
    await place.advance(incident_id)
    await place.settle(incident_id)
    place.decide(incident_id)
    return incident_id


async def test_a_review_is_done_without_the_executor_when_it_dies_with_the_request(place: SmallDesk) -> None:
    incident_id = place.alert()
    await place.advance(incident_id)
    assert place.ledger.approvals.waiting(place.people["alice"].scope) == []
    assert will_look_again(place, incident_id)
    executor_leaves(place)
    incident = await place.advance(incident_id, EXECUTOR_WAIT)
    assert incident.status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)


async def test_an_execution_that_nobody_takes_is_looked_at_again_and_handed_over(tmp_path: Path) -> None:
    with small_desk(tmp_path, executor_wait_seconds=0.2) as place:
        incident_id = await approved(place)
        executor_leaves(place)
        incident = await place.advance(incident_id, "approved")
        assert incident.status is IncidentStatus.EXECUTING
        assert will_look_again(place, incident_id)
        await asyncio.sleep(0.25)  # the patience is in the ledger's own time
        incident = await place.advance(incident_id, EXECUTOR_WAIT)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert place.ledger.executions.claim_next("late", 10.0) is None
        assert place.cluster.writes == []


async def test_an_execution_whose_executor_died_is_told_once_and_gone_on_with(place: SmallDesk) -> None:
    incident_id = await approved(place)
    await place.advance(incident_id, "approved")
    assert place.ledger.executions.claim_next("dead", 0.0) is not None
    executor_leaves(place)
    for _ in range(2):
        incident = await place.advance(incident_id, EXECUTOR_WAIT)
    assert incident.status is IncidentStatus.EXECUTING
    assert "no executor answers" in incident.reason
    assert place.story(incident_id).count("no executor answers") == 1
    assert will_look_again(place, incident_id)
    ended = await place.settle(incident_id)
    assert ended.status is IncidentStatus.RESOLVED, place.story(incident_id)
    assert place.ledger.executions.for_incident(incident_id)[0].status is ExecutionStatus.DONE
    assert len(place.cluster.writes) == 1


async def test_a_bug_in_a_review_does_not_take_the_executor_down(
    place: SmallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    incident_id = place.alert()
    await place.advance(incident_id)
    monkeypatch.setattr("api.executor.review_plan", broken)
    assert await place.executor.work()
    assert not await place.executor.work(), "it is not tried for ever"
    await place.advance(incident_id, "rehearsed")
    assert "ZeroDivisionError" in place.story(incident_id)
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL


async def test_a_review_that_takes_long_stays_the_executors_own_and_its_presence_is_kept(
    place: SmallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident_id = place.alert()
    await place.advance(incident_id)
    place.executor.lease_seconds = 0.2
    seen: list[tuple[bool, bool]] = []

    async def slow(*args: Any, **more: Any) -> Review:
        await asyncio.sleep(0.5)  # longer than the lease
        other = place.ledger.rehearsals.claim_next(["lab"], 10.0)
        seen.append((other is None, place.ledger.leases.is_held("executor:lab")))
        return await review_plan(*args, **more)

    monkeypatch.setattr("api.executor.review_plan", slow)
    assert await place.executor.work()
    assert seen == [(True, True)]
    await place.advance(incident_id, "rehearsed")
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL


async def test_a_review_that_never_comes_from_an_executor_that_is_there_ends_without_it(tmp_path: Path) -> None:
    with small_desk(tmp_path, executor_wait_seconds=0.1) as place:
        incident_id = place.alert()
        await place.advance(incident_id)
        assert place.ledger.approvals.waiting(place.people["alice"].scope) == []
        await asyncio.sleep(0.15)  # the patience is in the ledger's own time
        incident = await place.advance(incident_id, EXECUTOR_WAIT)
        assert incident.status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)
        assert "did not review in time" in place.story(incident_id)


async def test_a_request_that_nobody_decided_says_so_where_it_was_asked(tmp_path: Path) -> None:
    with small_desk(tmp_path, approval_wait_seconds=0.05) as place:
        incident_id = place.ticket("kubectl rollout restart deployment/web -n shop")
        await place.advance(incident_id)
        await place.settle(incident_id)
        await asyncio.sleep(0.06)
        assert [one.incident_id for one in place.ledger.approvals.expire_due()] == [incident_id]
        incident = await place.advance(incident_id, "approval_expired")
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert "that is a no" in incident.reason
        assert "按拒绝处理" in incident.reason_zh
        assert "nobody decided in time" in place.story(incident_id)
        assert place.cluster.writes == []


async def test_an_undo_that_is_asked_for_after_the_end_is_given_up_when_no_executor_comes(tmp_path: Path) -> None:
    with small_desk(tmp_path) as place:
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED
        execution = place.ledger.executions.for_incident(incident_id)[0]
        executor_leaves(place)
        place.ledger.executions.request_undo(execution.id, "bob")
        assert "no executor is running" in place.story(incident_id)
        worker = Worker(
            place.graph, replace(place.deps, options=replace(place.deps.options, executor_wait_seconds=0.0))
        )
        running = asyncio.create_task(worker.run())
        for _ in range(500):
            if place.ledger.executions.get(execution.id).status is ExecutionStatus.UNDO_FAILED:
                break
            await asyncio.sleep(0.02)
        await worker.stop()
        await running
        incident = place.ledger.incidents.get(incident_id)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert "nothing was taken back" in incident.reason
