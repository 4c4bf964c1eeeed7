"""An incident that is closed, merged or begun anew leaves nothing behind that could still run."""

from __future__ import annotations

import pytest

from knowledge.errors import WrongState
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalStatus, Decision, ExecutionStatus, IncidentStatus
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, approved, ask, claimed, open_incident, requested


def end(ledger: Ledger, incident_id: str, how: str) -> None:
    if how == "close":
        ledger.incidents.close(incident_id, "wei", "a false alarm")
    elif how == "merge":
        ledger.incidents.merge(incident_id, open_incident(ledger, "tkt-other").id, "wei")
    else:
        ledger.incidents.set_status(incident_id, IncidentStatus.HANDED_OVER, "stopped")
        ledger.incidents.reopen(incident_id, "wei", "again")


@pytest.mark.parametrize("how", ["close", "merge", "reopen"])
def test_nobody_can_vote_on_a_plan_whose_incident_has_ended(ledger: Ledger, how: str) -> None:
    review, request = ask(ledger)
    end(ledger, review.incident_id, how)
    assert ledger.approvals.get(request.id).status is ApprovalStatus.VOID
    with pytest.raises(WrongState):
        ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.APPROVE, "", request.digest)


@pytest.mark.parametrize("how", ["close", "merge", "reopen"])
def test_an_approval_is_not_run_when_its_incident_has_ended(ledger: Ledger, how: str) -> None:
    review, approval_id = approved(ledger)
    end(ledger, review.incident_id, how)
    with pytest.raises(WrongState):
        ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    assert ledger.executions.claim_next("w1", 30) is None


@pytest.mark.parametrize("how", ["close", "merge", "reopen"])
def test_an_execution_that_nobody_began_is_cancelled_with_its_incident(ledger: Ledger, how: str) -> None:
    execution = requested(ledger)
    end(ledger, execution.incident_id, how)
    assert ledger.executions.get(execution.id).status is ExecutionStatus.CANCELLED
    assert ledger.executions.claim_next("w1", 30) is None


def test_an_incident_is_not_closed_under_an_executor_that_is_at_it(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    claimed(ledger, lease_seconds=30)
    with pytest.raises(WrongState, match="running"):
        ledger.incidents.close(execution.incident_id, "wei", "enough")
    assert ledger.incidents.get(execution.incident_id).status is not IncidentStatus.CLOSED
    clock.advance(seconds=31)
    ledger.incidents.close(execution.incident_id, "wei", "its executor is dead")
    assert ledger.executions.get(execution.id).status is ExecutionStatus.UNKNOWN
