"""kill -9 at the moments of an execution: each write once, or undone, never lost, never twice; and a person can see the end.

What dies is a process of its own (worker, graph and executor over one home), by SIGKILL; its successor has only the disk.
What was carried out is read from the practice cluster's own request log. `opsdesk eval crash` tries hundreds of points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest

from evals.crash.databases import postgres_databases
from evals.crash.matrix import Judged, Matrix, Point, Slot, open_slot, spread
from evals.crash.plans import PLANS
from tests.peers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

WRITE_MOMENTS = {
    "before record_intent", "after record_intent", "request sent, answer not there", "answer there, not read",
    "answer read, result not recorded", "before record_result", "after record_result", "before finish",
}  # fmt: skip


@pytest.fixture(scope="module")
def slot() -> Iterator[Slot]:
    """One warm process that forks every desk of this file, and one that gives each its own cluster."""
    with open_slot() as opened:
        yield opened


def judged(
    slot: Slot, name: str, wanted: int, *, among: Collection[str] = (), again: int = 0
) -> tuple[list[Judged], set[str]]:
    """So many points of one plan: nothing may be wrong at any. And the kinds of moments at which a life was really killed."""
    plan = next(plan for plan in PLANS if plan.name == name)
    reference = slot.reference(plan)
    found = [slot.judge(Point(plan, at, again), reference) for at in spread(reference.moments, wanted, among)]
    assert not [one for one in found if one.wrong], [
        f"{one.point.plan.name} at {one.moments}: {one.wrong}" for one in found if one.wrong
    ]
    assert all(one.moments for one in found), "every point is a process that was killed"
    return found, {moment for one in found for moment in one.moments}


def test_each_write_is_made_once_when_the_desk_is_killed_at_any_boundary(slot: Slot) -> None:
    found, kinds = judged(slot, "one scale", 16)
    assert len(found) == 16
    assert len([kind for kind in kinds if "node" in kind or "checkpoint" in kind]) >= 4, kinds


def test_what_was_done_is_taken_back_once_when_the_desk_is_killed_around_the_writes_of_a_failing_plan(
    slot: Slot,
) -> None:
    found, kinds = judged(slot, "fails and is undone", 16, among=WRITE_MOMENTS)
    assert len(found) == 16
    assert kinds >= WRITE_MOMENTS - {"before finish"}, WRITE_MOMENTS - kinds


@pytest.mark.parametrize("name", ["drain with evictions", "create and apply", "writes land late"])
def test_each_write_is_made_once_when_the_desk_is_killed_and_so_is_its_successor(slot: Slot, name: str) -> None:
    """The second life dies early in its own work: that is when it finds out what the first one left."""
    found, _ = judged(slot, name, 2, among=WRITE_MOMENTS, again=4)
    assert [len(one.moments) for one in found] == [2, 2]


@pytest.mark.peer("postgresql")
def test_what_was_done_is_taken_back_once_when_the_ledger_is_a_postgresql(
    slot: Slot, postgresql_server: PostgresqlServer
) -> None:
    url = postgresql_server.url(postgresql_server.database())
    with postgres_databases(url) as databases:
        judged(replace(slot, databases=databases), "fails and is undone", 3, among=WRITE_MOMENTS)


def test_points_run_side_by_side_and_each_is_told_of(slot: Slot) -> None:
    plan = PLANS[1]
    reference = slot.reference(plan)
    told: list[Judged] = []
    wanted = spread(reference.moments, 2)
    found = Matrix().run([(Point(plan, at), reference) for at in wanted], 2, heard=told.append)
    assert sorted(one.point.at for one in found) == wanted
    assert [one.wrong for one in told] == [(), ()]
