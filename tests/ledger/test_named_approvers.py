"""A service's profile may name who approves its changes: role and scope alone do not suffice then."""

from __future__ import annotations

import pytest

from knowledge.errors import NotAuthorised
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalRequest, ApprovalStatus, Decision
from tests.ledger.makers import add_approver, make_plan, make_review, open_incident


def ask_named(ledger: Ledger, *groups: tuple[str, ...]) -> ApprovalRequest:
    incident = open_incident(ledger, requester="mei")
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    review = make_review(plan).model_copy(update={"approvers": groups})
    return ledger.approvals.ask(incident.id, plan.id, review, 1, "mei")


def vote(ledger: Ledger, request: ApprovalRequest, name: str, *, person: str = "") -> ApprovalRequest:
    principal = add_approver(ledger, name, person=person)
    return ledger.approvals.vote(request.id, principal, Decision.APPROVE, "", request.digest, 900)


def test_vote_is_refused_when_the_profile_names_others(ledger: Ledger) -> None:
    request = ask_named(ledger, ("wei", "oncall-*"))
    with pytest.raises(NotAuthorised, match="wei, oncall"):
        vote(ledger, request, "li")
    assert ledger.approvals.get(request.id).votes == ()
    assert vote(ledger, request, "oncall-2").status is ApprovalStatus.APPROVED


def test_vote_counts_when_the_person_behind_is_named(ledger: Ledger) -> None:
    found = vote(ledger, ask_named(ledger, ("wei.zhang",)), "wzhang", person="wei.zhang")
    assert found.status is ApprovalStatus.APPROVED


def test_vote_must_fit_every_profile_that_is_touched(ledger: Ledger) -> None:
    request = ask_named(ledger, ("wei", "li"), ("li",))
    with pytest.raises(NotAuthorised):
        vote(ledger, request, "wei")
    assert vote(ledger, request, "li").status is ApprovalStatus.APPROVED
