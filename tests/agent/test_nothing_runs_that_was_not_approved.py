"""An adversary with the ledger, the worker or a stale process in hand: what the executor does all the same is nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from knowledge.errors import PlanChangedAfterApproval
from knowledge.vocabulary import ExecutionStatus, IncidentStatus, Mode, Review, Role, Ruling, Scope
from tests.agent.small_desk import NAME, SmallDesk, small_desk

SCALE = f"kubectl scale deployment/{NAME} --replicas=3 -n shop"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SmallDesk]:
    with small_desk(tmp_path) as desk:
        yield desk


async def waiting(place: SmallDesk) -> str:
    """An incident whose plan waits for its approver."""
    incident_id = place.alert()
    await place.advance(incident_id)
    await place.settle(incident_id)
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)
    return incident_id


async def approved(place: SmallDesk) -> str:
    """An incident whose plan was approved and waits for the executor."""
    incident_id = await waiting(place)
    place.decide(incident_id)
    await place.advance(incident_id, "approved")
    return incident_id


def ended(place: SmallDesk, incident_id: str) -> tuple[ExecutionStatus, str]:
    (execution,) = place.ledger.executions.for_incident(incident_id)
    return execution.status, execution.message


def tamper(folder: Path, table: str, change: Any) -> None:
    """Edits every payload of a table behind the ledger's back."""
    with sqlite3.connect(folder / "ledger.db") as raw:
        for key, payload in raw.execute(f"SELECT id, payload FROM {table}").fetchall():
            edited = json.loads(payload)
            change(edited)
            raw.execute(f"UPDATE {table} SET payload = ? WHERE id = ?", (json.dumps(edited), key))


def to_another_image(review: dict[str, Any]) -> None:
    text = json.dumps(review["steps"]).replace("registry.example.com/shop/web:1", "registry.example.com/shop/evil:1")
    review["steps"] = json.loads(text)


def without_undo(review: dict[str, Any]) -> None:
    for step in review["steps"]:
        step["inverse"] = []


@pytest.mark.parametrize("edit", [to_another_image, without_undo])
async def test_nothing_is_written_when_the_steps_were_edited_in_the_ledger(
    place: SmallDesk, tmp_path: Path, edit: Any
) -> None:
    incident_id = await approved(place)
    tamper(tmp_path, "review", edit)
    await place.settle(incident_id)
    status, message = ended(place, incident_id)
    assert (status, place.cluster.writes) == (ExecutionStatus.FAILED, [])
    assert "somebody has changed them" in message


async def test_nothing_is_undone_when_the_inverse_was_edited_in_the_ledger(place: SmallDesk, tmp_path: Path) -> None:
    incident_id = await approved(place)
    await place.settle(incident_id)
    status, _ = ended(place, incident_id)
    assert status is ExecutionStatus.DONE
    written = len(place.cluster.writes)
    tamper(tmp_path, "review", to_another_image)
    place.ledger.executions.request_undo(place.ledger.executions.for_incident(incident_id)[0].id, "bob")
    await place.executor.work()
    status, message = ended(place, incident_id)
    assert "somebody has changed them" in message
    assert len(place.cluster.writes) == written


@pytest.mark.parametrize("forged", ["no approval", "an approval still waiting", "a quorum that is not there"])
async def test_nothing_is_written_when_an_execution_was_put_into_the_ledger_past_its_approval(
    place: SmallDesk, tmp_path: Path, forged: str
) -> None:
    incident_id = await approved(place)

    def edit(execution: dict[str, Any]) -> None:
        execution["approval_id"] = "" if forged == "no approval" else execution["approval_id"]

    def ask_more(approval: dict[str, Any]) -> None:
        if forged == "an approval still waiting":
            approval["status"] = "waiting"
        if forged == "a quorum that is not there":
            approval["votes"] = []

    tamper(tmp_path, "execution", edit)
    tamper(tmp_path, "approval", ask_more)
    await place.settle(incident_id)
    status, _ = ended(place, incident_id)
    assert (status, place.cluster.writes) in [(ExecutionStatus.FAILED, []), (ExecutionStatus.CANCELLED, [])]


async def test_script_edited_after_approval_runs_neither_as_it_was_nor_as_it_is(
    place: SmallDesk, tmp_path: Path
) -> None:
    incident_id = await approved(place)

    def edit(plan: dict[str, Any]) -> None:
        plan["script"] = SCALE + "\n"
        plan["steps"][0]["text"] = SCALE

    tamper(tmp_path, "plan", edit)
    await place.settle(incident_id)
    status, message = ended(place, incident_id)
    assert (status, place.cluster.writes) == (ExecutionStatus.FAILED, [])
    assert "other requests than were approved" in message


async def test_replayed_request_of_a_used_approval_writes_nothing_more(place: SmallDesk) -> None:
    incident_id = await approved(place)
    await place.settle(incident_id)
    (execution,) = place.ledger.executions.for_incident(incident_id)
    written = list(place.cluster.writes)
    review = place.ledger.reviews.get(execution.review_id)
    again = place.ledger.executions.request(incident_id, review.plan_id, review, execution.approval_id)
    assert (again.id, again.status) == (execution.id, ExecutionStatus.DONE)
    with pytest.raises(PlanChangedAfterApproval):
        place.ledger.executions.request(
            incident_id, review.plan_id, review.model_copy(update={"digest": "sha256:other"}), execution.approval_id
        )
    assert await place.executor.work() is False
    assert place.cluster.writes == written


async def test_nothing_is_executed_when_the_mode_is_read_only_by_the_time_of_approval(place: SmallDesk) -> None:
    incident_id = await waiting(place)
    place.deps.clusters["lab"] = replace(place.deps.clusters["lab"], mode=Mode.READ_ONLY)  # type: ignore[index]
    place.decide(incident_id)
    incident = await place.advance(incident_id, "approved")
    assert incident.status is IncidentStatus.HANDED_OVER
    assert "read-only" in incident.reason
    assert place.ledger.executions.for_incident(incident_id) == []


@pytest.mark.parametrize("undoes", [False, True])
async def test_executor_writes_nothing_not_even_an_undo_once_its_mode_is_read_only(
    place: SmallDesk, undoes: bool
) -> None:
    incident_id = await approved(place)
    if undoes:
        await place.settle(incident_id)
        place.ledger.executions.request_undo(place.ledger.executions.for_incident(incident_id)[0].id, "bob")
    written = len(place.cluster.writes)
    hands = place.executor.hands["lab"]
    hands.settings = hands.settings.model_copy(update={"mode": Mode.READ_ONLY})
    await place.executor.work()
    status, message = ended(place, incident_id)
    assert status is (ExecutionStatus.UNDO_FAILED if undoes else ExecutionStatus.CANCELLED)
    assert "read-only" in message
    assert len(place.cluster.writes) == written


async def test_executor_leaves_another_clusters_work_to_who_has_hands_there(place: SmallDesk) -> None:
    incident_id = await approved(place)
    own = place.executor.hands
    place.executor.hands = {"elsewhere": own["lab"]}
    assert await place.executor.work() is False
    assert ended(place, incident_id)[0] is ExecutionStatus.REQUESTED
    place.executor.hands = own
    assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED


async def test_approver_of_any_script_is_named_in_annotation_and_user_agent(place: SmallDesk) -> None:
    incident_id = await waiting(place)
    place.people["zhang"] = place.ledger.principals.add("张三", [Role.APPROVER], Scope())
    place.decide(incident_id, who="zhang")
    await place.advance(incident_id, "approved")
    await place.settle(incident_id)
    notes = place.cluster.at("Deployment", NAME, "shop")["metadata"]["annotations"]
    assert "张三" in notes["opsdesk.io/by"]


async def test_freeze_before_during_and_after_approval_lets_nothing_be_written(place: SmallDesk) -> None:
    incident_id = await waiting(place)
    place.ledger.switches.freeze("lab", "ann", "release night")
    place.decide(incident_id)
    await place.advance(incident_id, "approved")
    assert await place.executor.work() is False
    assert (ended(place, incident_id)[0], place.cluster.writes) == (ExecutionStatus.REQUESTED, [])
    place.ledger.switches.unfreeze("lab", "ann")
    assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED


async def test_plan_is_void_when_a_target_was_made_anew_between_approval_and_execution(place: SmallDesk) -> None:
    incident_id = await approved(place)
    place.cluster.at("Deployment", NAME, "shop")["metadata"]["uid"] = "another-object"
    await place.settle(incident_id)
    status, _ = ended(place, incident_id)
    assert (status, place.cluster.writes) == (ExecutionStatus.FAILED, [])


def test_frozen_review_has_the_digest_of_its_own_steps_when_it_comes_back_from_the_ledger(place: SmallDesk) -> None:
    import asyncio

    from tools.review.review import digest

    incident_id = asyncio.run(waiting(place))
    (request,) = place.ledger.approvals.waiting(Scope())
    kept: Review = place.ledger.reviews.get(request.review_id)
    assert digest(kept.cluster, kept.steps) == kept.digest == request.digest, incident_id


@pytest.mark.parametrize("mode", [Mode.PROPOSE, Mode.EXECUTE])
async def test_action_that_the_cluster_has_not_enabled_is_forbidden_at_review_with_and_without_executor(
    tmp_path: Path, mode: Mode
) -> None:
    """In mode `execute` no executor is at hand here: the worker's own review says it before anybody is asked."""
    with small_desk(tmp_path, mode=mode) as place:
        lease = place.executor.hands["lab"].lease
        assert lease is not None
        place.ledger.leases.release("executor:lab", lease)
        place.deps.clusters["lab"] = replace(place.deps.clusters["lab"], actions=("scale",))  # type: ignore[index]
        incident_id = place.alert()
        incident = await place.advance(incident_id)
        assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        plan = place.ledger.plans.for_incident(incident_id)[0]
        review = place.ledger.reviews.latest_for_plan(plan.id)
        assert review is not None
        assert review.ruling is Ruling.FORBIDDEN
        (said,) = [one for one in review.verdicts if one.rule == "enabled_actions"]
        assert "rollout_undo" in said.message.en
        assert all("`actions`" in words for words in (said.message.en, said.message.zh))
        assert place.ledger.approvals.waiting(Scope()) == []
