"""The desk view: my queue, nobody's, and what runs out first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.figures.desk import desk_view, target_of
from api.figures.options import TargetsSettings
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Role, Scope, Severity
from tests.figures.conftest import Story, TestClock
from tests.ledger.makers import make_plan, make_review


def test_desk_sorts_what_is_open_by_what_runs_out_first(ledger: Ledger, story: Story, clock: TestClock) -> None:
    slow = story.incident(severity=Severity.LOW)
    late = story.incident(severity=Severity.CRITICAL)
    mine = story.incident(severity=Severity.HIGH)
    theirs = story.incident()
    over = story.incident()
    ledger.incidents.assign(mine, "mei", "mei")
    ledger.incidents.assign(theirs, "wei", "wei")
    story.resolve(over, minutes=1)
    clock.advance(minutes=6)
    view = desk_view(ledger, story.people["mei"], TargetsSettings(), clock.at)
    assert [item.incident.id for item in view.unassigned.items] == [late, slow]
    assert [item.incident.id for item in view.mine.items] == [mine]
    assert [item.incident.id for item in view.others.items] == [theirs]
    assert (view.open, view.late) == (4, 1)
    assert view.unassigned.items[0].first_answer.standing == "late"
    assert view.unassigned.items[0].age_seconds == 7 * 60


def test_first_answer_is_met_when_a_diagnosis_came_in_time(ledger: Ledger, story: Story, clock: TestClock) -> None:
    quick, slow = story.incident(), story.incident()
    story.diagnose(quick, minutes=1)
    story.diagnose(slow, minutes=20)
    view = desk_view(ledger, story.people["mei"], TargetsSettings(), clock.at)
    standing = {item.incident.id: item.first_answer.standing for item in view.unassigned.items}
    assert standing == {quick: "met", slow: "missed"}


def test_target_runs_out_soon_before_it_is_late(clock: TestClock) -> None:
    opened = clock.at
    standings = [target_of(opened, 60, None, opened + timedelta(minutes=m)).standing for m in (0, 44, 46, 61)]
    assert standings == ["running", "running", "soon", "late"]


def test_desk_shows_only_what_lies_in_the_scope_and_the_votes_that_one_may_give(
    ledger: Ledger, story: Story, clock: TestClock
) -> None:
    incident = story.incident(namespace="secret", requester="mei")
    plan = make_plan(incident)
    ledger.plans.put(plan)
    request = ledger.approvals.ask(incident, plan.id, make_review(plan), 1, "mei", ["secret"])
    narrow = ledger.principals.add("narrow", [Role.VIEWER, Role.APPROVER], Scope(namespaces=("serving",)))
    seen = {
        name: desk_view(ledger, person, TargetsSettings(), clock.at)
        for name, person in {**story.people, "narrow": narrow}.items()
    }
    assert (seen["narrow"].open, seen["narrow"].votes) == (0, ())
    assert [one.id for one in seen["wei"].votes] == [request.id]
    assert seen["mei"].votes == ()  # who asked does not decide


def test_satisfaction_is_none_when_nobody_said_anything(ledger: Ledger, story: Story, clock: TestClock) -> None:
    view = desk_view(ledger, story.people["mei"], TargetsSettings(), clock.at)
    assert view.satisfaction.right_share is None
    one = story.incident()
    story.say(one, "partly")
    view = desk_view(ledger, story.people["mei"], TargetsSettings(), clock.at)
    assert view.satisfaction.right_share == pytest.approx(0.5)
