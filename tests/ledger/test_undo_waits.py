"""An undo that is asked for after the end: told at once when nobody can carry it out, and never waited for in silence."""

from __future__ import annotations

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Execution, ExecutionStatus, IncidentStatus, Text
from tests.ledger.conftest import TestClock
from tests.ledger.makers import claimed, requested


def done(ledger: Ledger) -> Execution:
    execution = requested(ledger)
    _, token = claimed(ledger)
    ended = ledger.executions.finish(execution.id, token, ExecutionStatus.DONE, "")
    ledger.incidents.set_status(execution.incident_id, IncidentStatus.RESOLVED, Text(en="better", zh="已恢复"))
    return ended


def story(ledger: Ledger, execution: Execution) -> str:
    return "\n".join(f"{e.summary.en} {e.summary.zh}" for e in ledger.timeline.for_incident(execution.incident_id))


def test_undo_says_that_no_executor_runs_when_none_does(ledger: Ledger) -> None:
    execution = done(ledger)
    ledger.executions.request_undo(execution.id, "wei")
    assert "no executor is running" in story(ledger, execution)


def test_undo_says_nothing_of_executors_when_one_runs(ledger: Ledger) -> None:
    execution = done(ledger)
    ledger.leases.acquire("executor:prod", "e1", 60)
    ledger.executions.request_undo(execution.id, "wei")
    assert "no executor is running" not in story(ledger, execution)


def test_undo_that_nobody_takes_ends_and_calls_a_person(ledger: Ledger, clock: TestClock) -> None:
    execution = done(ledger)
    ledger.executions.request_undo(execution.id, "wei")
    clock.advance(seconds=899)
    assert ledger.executions.expire_waits(900) == []
    clock.advance(seconds=2)
    assert [one.id for one in ledger.executions.expire_waits(900)] == [execution.id]
    ended = ledger.executions.get(execution.id)
    assert (ended.status, "nothing was taken back" in ended.message) == (ExecutionStatus.UNDO_FAILED, True)
    incident = ledger.incidents.get(execution.incident_id)
    assert incident.status is IncidentStatus.HANDED_OVER
    assert "undo_failed" in incident.reason
    assert ledger.executions.claim_next("late", 30) is None
    assert ledger.executions.expire_waits(900) == []
    assert ledger.executions.request_undo(execution.id, "wei").status is ExecutionStatus.UNDO_REQUESTED


def test_undo_that_an_executor_took_is_not_ended_by_the_clock(ledger: Ledger, clock: TestClock) -> None:
    execution = done(ledger)
    ledger.executions.request_undo(execution.id, "wei")
    claimed(ledger, lease_seconds=5_000)
    clock.advance(seconds=2_000)
    assert ledger.executions.expire_waits(900) == []
    assert ledger.executions.get(execution.id).status is ExecutionStatus.UNDOING
