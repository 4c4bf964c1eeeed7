"""Two approvers, two desks and two executors at the same moment: approved once, requested once, handed out once."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.errors import OpsdeskError
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalStatus, Decision, Ruling
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, ask


@pytest.mark.parametrize("ruling", [Ruling.ONE, Ruling.TWO])
def test_votes_and_requests_from_several_processes_at_once_run_once(url: str, clock: TestClock, ruling: Ruling) -> None:
    desks = [Ledger.open(url, clock) for _ in range(4)]
    try:
        review, request = ask(desks[0], ruling)
        people = [add_approver(desks[0], f"p{number}") for number in range(4)]
        gate = threading.Barrier(4)

        def decide(number: int) -> tuple[str, str]:
            desk = desks[number]
            gate.wait()
            with contextlib.suppress(OpsdeskError):  # somebody else may have decided just before
                desk.approvals.vote(request.id, people[number], Decision.APPROVE, "", request.digest)
            gate.wait()
            execution = desk.executions.request(review.incident_id, review.plan_id, review, request.id)
            gate.wait()
            claim = desk.executions.claim_next(f"e{number}", 30)
            return execution.id, claim[0].id if claim else ""

        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(decide, range(4)))
        kept = desks[0].approvals.get(request.id)
        assert kept.status is ApprovalStatus.USED
        assert len({vote.person for vote in kept.votes}) == len(kept.votes) == (1 if ruling is Ruling.ONE else 2)
        assert len({execution for execution, _ in done}) == 1
        assert len([claim for _, claim in done if claim]) == 1
        verbs = [entry.verb for entry in desks[0].audit.entries(limit=1_000)]
        assert (verbs.count("approval.use"), verbs.count("execution.request"), verbs.count("execution.claim")) == (
            1,
            1,
            1,
        )
        assert desks[0].audit.verify()[1] is None
    finally:
        for desk in desks:
            desk.close()
