"""The outbox: composed once, sent once, given up in the open, and never more than a place bears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from knowledge.errors import NotFound, WrongState
from knowledge.ledger.happenings import HappeningKind
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.outbox_values import NoticeState, Outgoing, Pace
from knowledge.vocabulary import Decision, ExecutionStatus, IncidentStatus, Role, Scope, StepOutcome, StepResult
from tests.ledger.conftest import TestClock
from tests.ledger.makers import (
    add_approver,
    approved,
    ask,
    claimed,
    make_alert,
    make_plan,
    make_review,
    open_incident,
    requested,
)

PACE = Pace(burst=5, burst_seconds=60, digest_seconds=60)


def outgoing(
    key: str,
    incident: str = "inc-1",
    *,
    place: str = "named:a@b.c",
    is_page: bool = False,
    kind: str = "handed_over",
    subject: str = "",
) -> Outgoing:
    at = TestClock().at
    given = {"kind": kind, "subject": subject, "route": "r", "channel": "email"}
    return Outgoing.model_validate(
        {**given, "key": key, "place": place, "incident_id": incident, "is_page": is_page, "due_at": at}
        | {"address": {"to": place}, "notice": {"id": key}}
    )


def kinds(ledger: Ledger) -> list[HappeningKind]:
    return [one.kind for one in ledger.outbox.happenings()]


def test_happenings_are_kept_with_what_happens_from_opening_to_recovery(ledger: Ledger) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger)
    ledger.executions.finish(execution.id, token, ExecutionStatus.DONE, "all steps done")
    ledger.incidents.set_status(execution.incident_id, IncidentStatus.RESOLVED, "it holds")
    ledger.incidents.set_status(execution.incident_id, IncidentStatus.RESOLVED, "it holds")
    ledger.incidents.reopen(execution.incident_id, "mei", "again")
    assert kinds(ledger) == [
        HappeningKind.INCIDENT_OPENED,
        HappeningKind.WAITING_FOR_APPROVAL,
        HappeningKind.DECIDED,
        HappeningKind.EXECUTED,
        HappeningKind.RESOLVED,
        HappeningKind.REOPENED,
    ]


def test_happening_is_none_when_its_transaction_fails(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    ledger.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "over")
    before = kinds(ledger)
    with pytest.raises(WrongState):
        ledger.incidents.set_status(incident.id, IncidentStatus.HANDED_OVER, "never")
    assert kinds(ledger) == before


def test_storm_of_one_service_is_one_happening(ledger: Ledger) -> None:
    for number in range(20):
        ledger.alerts.receive(f"k{number}", "am", b"", [make_alert(f"f{number}")])
    assert kinds(ledger) == [HappeningKind.INCIDENT_OPENED]


def test_expiry_and_failed_undo_are_told_and_the_undo_is_a_page(ledger: Ledger, clock: TestClock) -> None:
    ask(ledger)
    clock.advance(hours=5)
    ledger.approvals.expire_due()
    assert kinds(ledger)[-1] is HappeningKind.APPROVAL_EXPIRED
    plan = make_plan(open_incident(ledger, "tkt-2").id, "pln-2")
    ledger.plans.put(plan)
    review = make_review(plan, id="rev-2")
    request = ledger.approvals.ask(plan.incident_id, plan.id, review, 1, "mei")
    ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.APPROVE, "", request.digest, 900)
    execution = ledger.executions.request(plan.incident_id, plan.id, review, request.id)
    _, token = claimed(ledger)
    done = StepResult(step=0, step_key="s0", outcome=StepOutcome.DONE)
    ledger.executions.record_intent(execution.id, token, 0, "s0", "sha256:x")
    ledger.executions.record_result(execution.id, token, done)
    ledger.executions.finish(execution.id, token, ExecutionStatus.UNKNOWN, "no answer")
    assert [(one.kind, one.is_page) for one in ledger.outbox.happenings()][-1] == (HappeningKind.FAILED, True)


def test_notices_are_composed_once_when_two_processes_take_the_same_happening(ledger: Ledger) -> None:
    open_incident(ledger)
    happening = ledger.outbox.happenings()[0]
    composed = [(happening.id, [outgoing("k1"), outgoing("k2", place="named:d@e.f")])]
    assert ledger.outbox.take(composed) == 2
    assert ledger.outbox.take(composed) == 0
    assert ledger.outbox.happenings() == []
    assert ledger.outbox.counts()[NoticeState.WAITING] == 2


def test_notice_is_kept_once_when_its_key_is_known(ledger: Ledger) -> None:
    assert ledger.outbox.put([outgoing("k"), outgoing("k")]) == 1
    assert ledger.outbox.put([outgoing("k")]) == 0
    assert ledger.outbox.known(["k", "other"]) == {"k"}


def test_notices_of_one_incident_and_place_go_together(ledger: Ledger) -> None:
    ledger.outbox.put([outgoing("1"), outgoing("2"), outgoing("3", "inc-2"), outgoing("4", place="named:d@e.f")])
    batches = ledger.outbox.claim("me", 60, PACE)
    assert sorted([one["id"] for one in batch.notices] for batch in batches) == [["1", "2"], ["3"], ["4"]]


def test_batch_is_nobody_else_s_while_its_lease_lasts_and_comes_back_whole_after_it(
    ledger: Ledger, clock: TestClock
) -> None:
    ledger.outbox.put([outgoing("1"), outgoing("2")])
    (first,) = ledger.outbox.claim("me", 60, PACE)
    assert ledger.outbox.claim("you", 60, PACE) == []
    clock.advance(seconds=61)
    ledger.outbox.put([outgoing("3")])
    (again,) = ledger.outbox.claim("you", 60, PACE)
    assert (again.id, again.notices) == (first.id, first.notices)
    assert not ledger.outbox.sent(first.id, "me")  # too late: it is yours now
    assert ledger.outbox.sent(first.id, "you")
    assert [one["id"] for batch in ledger.outbox.claim("you", 60, PACE) for one in batch.notices] == ["3"]


def test_later_notice_waits_behind_one_on_its_way_but_a_page_does_not(ledger: Ledger, clock: TestClock) -> None:
    ledger.outbox.put([outgoing("1")])
    (first,) = ledger.outbox.claim("me", 60, PACE)
    ledger.outbox.postpone(first.id, "me", "no answer", clock.at + timedelta(minutes=5))
    ledger.outbox.put([outgoing("2"), outgoing("page", is_page=True)])
    (page,) = ledger.outbox.claim("me", 60, PACE)
    assert [one["id"] for one in page.notices] == ["page"]
    ledger.outbox.sent(page.id, "me")
    clock.advance(minutes=5)
    (again,) = ledger.outbox.claim("me", 60, PACE)
    assert (again.id, again.attempts) == (first.id, 1)
    ledger.outbox.sent(again.id, "me")
    assert [one["id"] for batch in ledger.outbox.claim("me", 60, PACE) for one in batch.notices] == ["2"]


def test_storm_becomes_one_digest_a_minute_when_it_is_more_than_the_place_bears(
    ledger: Ledger, clock: TestClock
) -> None:
    messages, told = 0, set()
    for second in range(180):  # 200 incidents a minute
        ledger.outbox.put([outgoing(f"{second}.{n}", f"inc-{second}-{n}") for n in range(3 + second % 2)])
        for batch in ledger.outbox.claim("me", 60, PACE):
            messages += 1
            told |= {one["id"] for one in batch.notices}
            ledger.outbox.sent(batch.id, "me")
        clock.advance(seconds=1)
    clock.advance(seconds=60)
    for batch in ledger.outbox.claim("me", 60, PACE):
        messages += 1
        told |= {one["id"] for one in batch.notices}
    assert len(told) == 630
    assert messages <= 5 + 4


def test_page_goes_at_once_and_alone_when_a_storm_is_on(ledger: Ledger) -> None:
    ledger.outbox.put([outgoing(str(n), f"inc-{n}") for n in range(30)])
    ledger.outbox.claim("me", 60, PACE)
    ledger.outbox.put([outgoing(f"late-{n}", f"inc-late-{n}") for n in range(30)])
    ledger.outbox.put([outgoing("page", "inc-page", is_page=True)])
    assert [batch.notices for batch in ledger.outbox.claim("me", 60, PACE)] == [({"id": "page"},)]


def test_given_up_notice_is_told_on_the_timeline_and_can_be_tried_again(ledger: Ledger, clock: TestClock) -> None:
    incident = open_incident(ledger)
    ledger.outbox.put([outgoing("1", incident.id), outgoing("gone", "inc-unknown")])
    for batch in ledger.outbox.claim("me", 60, PACE):
        assert ledger.outbox.give_up(batch.id, "me", "the mail server answered 550")
    last = ledger.timeline.for_incident(incident.id)[-1]
    assert last.stage == "notify"
    assert "a@b.c: the mail server answered 550" in last.summary.en
    assert ledger.outbox.counts()[NoticeState.GIVEN_UP] == 2
    given_up = ledger.outbox.list(NoticeState.GIVEN_UP, incident.id)
    assert ledger.outbox.retry([given_up[0].id], "wei") == 1
    with pytest.raises(NotFound):
        ledger.outbox.retry([given_up[0].id], "wei")
    assert ledger.outbox.retry(None, "wei") == 1
    assert len(ledger.outbox.claim("me", 60, PACE)) == 2


def test_request_that_was_decided_meanwhile_is_not_asked_for_any_more(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger)
    ledger.outbox.put(
        [
            outgoing("ask", request.incident_id, kind="waiting_for_approval", subject=request.id),
            outgoing("step", request.incident_id, kind="approval_expiring", subject=request.id),
            outgoing("decided", request.incident_id, kind="decided", subject=request.id),
        ]
    )
    ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.REJECT, "no", request.digest)
    (batch,) = ledger.outbox.claim("me", 60, PACE)
    assert [one["id"] for one in batch.notices] == ["decided"]
    assert ledger.outbox.counts()[NoticeState.OBSOLETE] == 2


def test_entitled_are_those_who_could_vote_and_not_who_asked(ledger: Ledger) -> None:
    _, request = ask(ledger, requester="mei")
    add_approver(ledger, "mei")
    add_approver(ledger, "wei")
    add_approver(ledger, "far", Scope(namespaces=("elsewhere",)))
    ledger.principals.add("viewer", [Role.VIEWER], Scope())
    gone = add_approver(ledger, "gone")
    ledger.principals.disable(gone.id)
    assert ledger.outbox.entitled(request.id) == ["wei"]
    assert ledger.outbox.entitled("apr-unknown") == []


def test_silent_execution_is_found_when_nobody_took_it_over(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    claimed(ledger, "executor-1", lease_seconds=20)
    assert ledger.outbox.silent_executions(60) == []
    clock.advance(seconds=81)
    (found,) = ledger.outbox.silent_executions(60)
    assert (found.execution_id, found.holder, found.token) == (execution.id, "executor-1", 1)
    claimed(ledger, "executor-2", lease_seconds=20)
    assert ledger.outbox.silent_executions(60) == []


def test_overdue_since_is_told_when_nobody_sends_what_is_due(ledger: Ledger, clock: TestClock) -> None:
    ledger.outbox.put([outgoing("1")])
    assert ledger.outbox.overdue_since() == clock.at
    (batch,) = ledger.outbox.claim("me", 60, PACE)
    ledger.outbox.postpone(batch.id, "me", "later", clock.at + timedelta(hours=1))
    assert ledger.outbox.overdue_since() is None


def test_sweep_forgets_what_ended_and_keeps_what_waits(ledger: Ledger, clock: TestClock) -> None:
    ledger.outbox.put([outgoing("1")])
    (batch,) = ledger.outbox.claim("me", 60, PACE)
    ledger.outbox.sent(batch.id, "me")
    ledger.outbox.put([outgoing("2")])
    clock.advance(days=31)
    assert ledger.outbox.sweep(clock.at - timedelta(days=30)) == 1
    assert [one.key for one in ledger.outbox.list()] == ["2"]


def test_approved_request_without_executor_is_not_asked_for_again(ledger: Ledger) -> None:
    approved(ledger)
    assert kinds(ledger).count(HappeningKind.DECIDED) == 1
