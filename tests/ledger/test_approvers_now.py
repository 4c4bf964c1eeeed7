"""An approval is carried by persons who may approve now, not by those who might when they voted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from knowledge.errors import ApprovalVoid
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalStatus, Decision, ExecutionStatus, Role, Ruling, Scope
from tests.ledger.makers import add_approver, approved, ask, claimed, requested

Loss = Callable[[Ledger], object]


def becomes_one_person(ledger: Ledger) -> None:
    """The directory learns late that two accounts are one human's."""
    with ledger._store.write() as writing:
        writing.session.execute(text("UPDATE principal SET person = 'wei.zhang' WHERE id IN ('wei', 'li')"))


LOSSES: dict[str, Loss] = {
    "role": lambda ledger: ledger.principals.set_roles("wei", [Role.VIEWER]),
    "scope": lambda ledger: ledger.principals.set_roles("wei", [Role.APPROVER], Scope(namespaces=("elsewhere",))),
    "disabled": lambda ledger: ledger.principals.disable("wei"),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_approval_is_void_for_good_when_its_approver_lost_the_ground(ledger: Ledger, loss: Loss) -> None:
    review, approval_id = approved(ledger)
    loss(ledger)
    for _ in range(2):
        with pytest.raises(ApprovalVoid, match="void"):
            ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    request = ledger.approvals.get(approval_id)
    assert (request.status, "wei" in request.reason) == (ApprovalStatus.VOID, True)
    assert ledger.executions.for_incident(review.incident_id) == []
    assert "the approval is void" in str(ledger.timeline.for_incident(review.incident_id)[-1].summary.en)
    ledger.principals.set_roles("wei", [Role.APPROVER], Scope())
    with pytest.raises(ApprovalVoid):
        ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_execution_is_not_handed_out_when_its_approver_lost_the_ground_meanwhile(ledger: Ledger, loss: Loss) -> None:
    execution = requested(ledger)
    loss(ledger)
    assert ledger.executions.claim_next("w1", 30) is None
    ended = ledger.executions.get(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert "the approval is void: " in ended.message


def test_execution_goes_on_when_its_approver_loses_the_role_after_it_began(ledger: Ledger) -> None:
    """What stands half-way is more dangerous than what one person has left."""
    execution = requested(ledger)
    _, token = claimed(ledger, lease_seconds=0)
    ledger.principals.disable("wei")
    again, newer = claimed(ledger)
    assert (again.id, again.status) == (execution.id, ExecutionStatus.RUNNING)
    assert newer > token


def test_approval_of_two_is_void_when_they_turn_out_to_be_one_person(ledger: Ledger) -> None:
    review, request = ask(ledger, Ruling.TWO)
    for name in ("wei", "li"):
        ledger.approvals.vote(request.id, add_approver(ledger, name), Decision.APPROVE, "", request.digest)
    becomes_one_person(ledger)
    with pytest.raises(ApprovalVoid, match="1 of 2 persons"):
        ledger.executions.request(review.incident_id, review.plan_id, review, request.id)


def test_approval_is_void_when_its_approver_turns_out_to_be_the_requester(ledger: Ledger) -> None:
    review, request = ask(ledger, requester="li")
    add_approver(ledger, "li")
    ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.APPROVE, "", request.digest)
    becomes_one_person(ledger)
    with pytest.raises(ApprovalVoid):
        ledger.executions.request(review.incident_id, review.plan_id, review, request.id)
