"""Every wait ends: a request that waited too long is a no, and says so where it was asked. Time is driven; nothing sleeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.waiting import EXECUTOR_WAIT, MANUAL_WAIT
from knowledge.errors import LeaseLost
from knowledge.vocabulary import ExecutionStatus, IncidentStatus, StepOutcome, StepResult
from tests.agent.model_desk import without_remedy
from tests.agent.small_desk import SmallDesk, shop, small_desk
from tests.fakes.memory_cluster import MemoryCluster

RESTART = "kubectl rollout restart deployment/web -n shop"
QUARTER = 15 * 60.0


class DrivenClock:
    """Starts now and goes where a test, or a sleep, moves it."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@contextmanager
def driven_desk(
    folder: Path, cluster: MemoryCluster | None = None, **options: Any
) -> Iterator[tuple[SmallDesk, DrivenClock]]:
    clock = DrivenClock()
    with small_desk(folder, cluster, clock=clock, **options) as place:
        yield place, clock


def both_languages(place: SmallDesk, incident_id: str) -> str:
    """Where it was asked: the incident's own reason and its timeline."""
    incident = place.ledger.incidents.get(incident_id)
    told = [f"{entry.summary.en} {entry.summary.zh}" for entry in place.ledger.timeline.for_incident(incident_id)]
    return "\n".join([incident.reason, incident.reason_zh, *told])


async def ordered(place: SmallDesk) -> str:
    """A change that waits for its approval."""
    incident_id = place.ticket(RESTART)
    await place.advance(incident_id)
    await place.settle(incident_id)
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)
    return incident_id


async def approved(place: SmallDesk) -> str:
    incident_id = await ordered(place)
    place.decide(incident_id)
    return incident_id


def leave(place: SmallDesk) -> None:
    """No executor is there any more."""
    hands = place.executor.hands["lab"]
    assert hands.lease is not None
    place.ledger.leases.release("executor:lab", hands.lease)
    hands.lease = None


async def test_approval_that_nobody_gives_is_a_no_after_four_hours(tmp_path: Path) -> None:
    with driven_desk(tmp_path, approval_wait_seconds=4 * 3600.0) as (place, clock):
        incident_id = await ordered(place)
        clock.pass_by(4 * 3600 - 60)
        assert place.ledger.approvals.expire_due() == []
        clock.pass_by(61)
        assert [one.incident_id for one in place.ledger.approvals.expire_due()] == [incident_id]
        incident = await place.advance(incident_id, "approval_expired")
        assert incident.status is IncidentStatus.HANDED_OVER
        told = both_languages(place, incident_id)
        assert "nobody decided in time: that is a no" in told
        assert "按拒绝处理" in told
        assert place.cluster.sent == []


async def test_approval_that_is_not_used_is_void_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        clock.pass_by(901)
        assert len(place.ledger.approvals.expire_due()) == 1
        incident = await place.advance(incident_id, "approval_expired")
        assert incident.status is IncidentStatus.HANDED_OVER
        assert "was not used in time" in both_languages(place, incident_id)
        assert place.cluster.sent == []


async def test_plan_that_no_executor_takes_is_withdrawn(tmp_path: Path) -> None:
    with driven_desk(tmp_path, executor_wait_seconds=QUARTER) as (place, clock):
        incident_id = await approved(place)
        leave(place)
        await place.advance(incident_id, "approved")
        clock.pass_by(QUARTER - 10)
        assert (await place.advance(incident_id, EXECUTOR_WAIT)).status is IncidentStatus.EXECUTING
        clock.pass_by(11)
        incident = await place.advance(incident_id, EXECUTOR_WAIT)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert "no executor took it within 900 s, and nothing was done" in incident.reason
        assert "没有执行器接手" in both_languages(place, incident_id)
        assert place.ledger.executions.claim_next("late", 10.0) is None


async def test_plan_that_waits_in_a_frozen_cluster_ends_and_names_the_freeze(tmp_path: Path) -> None:
    with driven_desk(tmp_path, executor_wait_seconds=QUARTER) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        place.ledger.switches.freeze("*", "alice", "release day")
        assert not await place.executor.work()
        clock.pass_by(QUARTER + 1)
        incident = await place.advance(incident_id, EXECUTOR_WAIT)
        assert incident.status is IncidentStatus.HANDED_OVER
        assert "frozen (release day)" in incident.reason


async def test_execution_whose_executor_died_in_the_middle_ends_as_unknown_for_a_person(tmp_path: Path) -> None:
    with driven_desk(tmp_path, executor_wait_seconds=QUARTER) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        claimed = place.ledger.executions.claim_next("dead", 20.0)
        assert claimed is not None
        execution, token = claimed
        place.ledger.executions.record_intent(execution.id, token, 0, f"{execution.id}/0/0", "sha256:x")
        leave(place)
        clock.pass_by(21 + QUARTER - 30)
        assert (await place.advance(incident_id, EXECUTOR_WAIT)).status is IncidentStatus.EXECUTING
        assert "no executor answers" in both_languages(place, incident_id)
        clock.pass_by(30)
        incident = await place.advance(incident_id, EXECUTOR_WAIT)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert "fell silent in the middle" in incident.reason
        assert f"{execution.id}/0/0 is not known" in incident.reason
        assert "失联" in both_languages(place, incident_id)
        assert place.ledger.executions.get(execution.id).status is ExecutionStatus.UNKNOWN
        assert not await place.executor.work(), "it is not begun again behind the person's back"


async def test_execution_is_gone_on_with_when_an_executor_comes_back_in_time(tmp_path: Path) -> None:
    with driven_desk(tmp_path, executor_wait_seconds=QUARTER) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        assert place.ledger.executions.claim_next("dead", 20.0) is not None
        clock.pass_by(600)
        assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED, place.story(incident_id)
        assert len(place.cluster.writes) == 1


async def test_undo_whose_executor_died_in_the_middle_ends_for_a_person(tmp_path: Path) -> None:
    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED
        (execution,) = place.ledger.executions.for_incident(incident_id)
        place.ledger.executions.request_undo(execution.id, "bob")
        assert place.ledger.executions.claim_next("dead", 20.0) is not None
        clock.pass_by(21 + QUARTER)
        assert [one.status for one in place.ledger.executions.expire_waits(QUARTER)] == [ExecutionStatus.UNDO_FAILED]
        incident = place.ledger.incidents.get(incident_id)
        assert incident.status is IncidentStatus.HANDED_OVER
        assert "fell silent in the undo" in incident.reason
        assert "失联" in incident.reason_zh


async def test_undo_that_is_asked_for_while_no_executor_lives_says_so_at_once_and_ends(tmp_path: Path) -> None:
    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED
        (execution,) = place.ledger.executions.for_incident(incident_id)
        leave(place)
        place.ledger.executions.request_undo(execution.id, "bob")
        assert "no executor is running in this cluster" in both_languages(place, incident_id)
        clock.pass_by(QUARTER)
        assert len(place.ledger.executions.expire_waits(QUARTER)) == 1
        assert "nothing was taken back" in place.ledger.incidents.get(incident_id).reason


async def test_a_late_record_of_an_executor_that_was_given_up_changes_nothing(tmp_path: Path) -> None:
    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        claimed = place.ledger.executions.claim_next("asleep", 20.0)
        assert claimed is not None
        execution, token = claimed
        clock.pass_by(21 + QUARTER)
        place.ledger.executions.expire_waits(QUARTER)
        executions, key = place.ledger.executions, f"{execution.id}/0/0"
        with pytest.raises(LeaseLost):
            executions.record_intent(execution.id, token, 0, key, "sha256:x")
        with pytest.raises(LeaseLost):
            executions.record_result(execution.id, token, StepResult(step=0, step_key=key, outcome=StepOutcome.DONE))
        with pytest.raises(LeaseLost):
            executions.renew(execution.id, token, 20.0)


async def waits_for_ticks(place: SmallDesk) -> str:
    incident_id = place.alert()
    await place.advance(incident_id)
    await place.settle(incident_id)
    if place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL:
        place.decide(incident_id)
        await place.advance(incident_id, "approved")
    assert MANUAL_WAIT in {wake.reason for wake in place.ledger.wakes.waiting(incident_id)}, place.story(incident_id)
    return incident_id


async def test_manual_steps_that_nobody_ticks_are_a_no_after_a_day(tmp_path: Path) -> None:
    day = 24 * 3600.0
    with driven_desk(tmp_path, without_remedy(), manual_steps_wait_seconds=day) as (place, clock):
        incident_id = await waits_for_ticks(place)
        clock.pass_by(day - 60)
        assert (await place.advance(incident_id, MANUAL_WAIT)).status is IncidentStatus.EXECUTING
        assert both_languages(place, incident_id).count("manual steps to be ticked") == 1, "it is asked once"
        clock.pass_by(61)
        incident = await place.advance(incident_id, MANUAL_WAIT)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert "were not ticked within 86400 s: that is a no" in incident.reason
        assert "were not ticked" in place.story(incident_id)


async def test_each_tick_gives_the_next_manual_step_its_own_time(tmp_path: Path) -> None:
    with driven_desk(tmp_path, without_remedy(), manual_steps_wait_seconds=1_000.0) as (place, clock):
        incident_id = await waits_for_ticks(place)
        (plan,) = place.ledger.plans.for_incident(incident_id)
        clock.pass_by(900)
        place.ledger.plans.tick(plan.id, plan.manual_steps[0].index, place.people["bob"])
        if len(plan.manual_steps) > 1:
            clock.pass_by(900)
            assert (await place.advance(incident_id, "ticked")).status is IncidentStatus.EXECUTING
            clock.pass_by(101)
            assert (await place.advance(incident_id, MANUAL_WAIT)).status is IncidentStatus.HANDED_OVER
        else:
            assert (await place.advance(incident_id, "ticked")).status is not IncidentStatus.EXECUTING


async def test_soak_ends_when_the_symptom_never_goes(tmp_path: Path) -> None:
    cluster = shop()
    cluster.mischief = lambda request, number: ""  # nothing heals it
    with driven_desk(tmp_path, cluster, recovery_seconds=300.0, soak_seconds=60.0, verify_every_seconds=5.0) as (
        place,
        clock,
    ):
        incident_id = place.alert()
        await place.advance(incident_id)
        await place.settle(incident_id)
        place.decide(incident_id)
        began = clock.now()
        await place.advance(incident_id, "approved")
        incident = await place.settle(incident_id)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert "still" in incident.reason
        assert timedelta(seconds=300) <= clock.now() - began < timedelta(seconds=420)
