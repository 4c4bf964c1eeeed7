"""Which ends call a person at once: what is told of them is a page, kept in the transaction in which it happened."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from knowledge.ledger.break_glass import SHORTEST_REASON
from knowledge.ledger.happenings import HappeningKind
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.rows.notices import HappeningRow
from knowledge.vocabulary import ApiRequest, ExecutionStatus, ReversalKind, Ruling
from tests.ledger.makers import add_approver, claimed, make_plan, make_review, open_incident, requested


def happenings(ledger: Ledger) -> list[tuple[str, str, bool]]:
    with ledger._store.read() as session:
        rows = session.scalars(select(HappeningRow).order_by(HappeningRow.id))
        return [(row.kind, row.subject, row.is_page) for row in rows]


@pytest.mark.parametrize(
    ("status", "pages"),
    [
        (ExecutionStatus.DONE, False),
        (ExecutionStatus.FAILED, False),
        (ExecutionStatus.CANCELLED, False),
        (ExecutionStatus.UNDONE, False),
        (ExecutionStatus.UNKNOWN, True),
        (ExecutionStatus.UNDO_FAILED, True),
    ],
)
def test_end_that_only_a_person_can_set_right_is_a_page(ledger: Ledger, status: ExecutionStatus, pages: bool) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger)
    ledger.executions.finish(execution.id, token, status, "because")
    assert happenings(ledger)[-1][1:] == (execution.id, pages)


def test_broken_glass_is_told_as_such(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    review = make_review(plan, Ruling.TWO)
    back = ApiRequest(cluster=plan.cluster, method="PATCH", path="/x")
    step = review.steps[0].model_copy(update={"reversal": ReversalKind.RESTORES, "inverse": (back,)})
    request = ledger.approvals.ask(incident.id, plan.id, review.model_copy(update={"steps": (step,)}), 2, "mei")
    ann = add_approver(ledger, "ann")
    add_approver(ledger, "wei")
    done = ledger.approvals.break_glass(request.id, ann, "r" * SHORTEST_REASON, request.digest)
    assert done.told == ("wei",)
    assert (HappeningKind.BREAK_GLASS.value, request.id, False) in happenings(ledger)
