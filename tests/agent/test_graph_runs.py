"""Incidents through the whole graph: what ends how, what waits for whom, and what a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agent.graph import build_graph
from agent.nodes import review
from agent.state import MAXIMUM_STATE_BYTES
from api.worker import current_run
from knowledge.errors import ClusterUnreachable, NotFound, UnknownThread
from knowledge.vocabulary import Decision, IncidentStatus, Mode, Text, Verdict
from tests.agent.small_desk import BAD, GOOD, NAME, NAMESPACE, SmallDesk, shop, small_desk


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SmallDesk]:
    with small_desk(tmp_path) as opened:
        yield opened


def image(place: SmallDesk) -> str:
    found: str = place.cluster.at("Deployment", NAME, NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


async def to_approval(place: SmallDesk) -> str:
    incident_id = place.alert()
    await place.advance(incident_id)
    await place.settle(incident_id)
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)
    return incident_id


async def test_an_alert_is_diagnosed_fixed_and_verified(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    diagnosis = place.ledger.diagnoses.latest(incident_id)
    assert diagnosis is not None
    assert diagnosis.verdict is Verdict.FAULT
    assert diagnosis.chosen is not None
    stored = {item.id for item in place.ledger.evidence.for_incident(incident_id)}
    assert set(diagnosis.chosen.evidence_ids) <= stored, "a diagnosis cites only stored evidence"
    assert image(place) == BAD
    place.decide(incident_id)
    await place.advance(incident_id, "approved")
    ended = await place.settle(incident_id)
    assert ended.status is IncidentStatus.RESOLVED, place.story(incident_id)
    assert image(place) == GOOD
    assert len(place.cluster.writes) == 1
    assert [lesson.status for lesson in place.ledger.lessons.list(incident_id=incident_id)] == ["proposed"]


async def test_the_stages_are_told_in_the_order_of_the_graph(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    place.decide(incident_id)
    await place.advance(incident_id)
    await place.settle(incident_id)
    own = list(dict.fromkeys(place.stages(incident_id)))
    order = [
        "intake",
        "triage",
        "collect",
        "detect",
        "retrieve",
        "diagnose",
        "answer",
        "plan",
        "review",
        "approve",
        "execute",
        "verify",
        "learn",
    ]
    assert own == order


async def test_being_woken_again_and_again_changes_nothing(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    before = place.stages(incident_id)
    for _ in range(3):
        await place.advance(incident_id, "nothing happened")
    assert place.stages(incident_id) == before
    place.decide(incident_id)
    await place.advance(incident_id)
    await place.settle(incident_id)
    for _ in range(3):
        await place.advance(incident_id, "late")
    assert len(place.cluster.writes) == 1


async def test_a_rejection_ends_with_a_person_and_its_reason(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    place.decide(incident_id, Decision.REJECT)
    ended = await place.advance(incident_id, "rejected")
    assert ended.status is IncidentStatus.HANDED_OVER
    assert "rejected" in ended.reason
    assert place.cluster.writes == []


async def test_a_target_that_changed_after_approval_is_not_touched(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    web = place.cluster.at("Deployment", NAME, NAMESPACE)
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/shop/web:3"
    place.cluster.put(web)
    place.decide(incident_id)
    await place.advance(incident_id)
    ended = await place.settle(incident_id)
    assert ended.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
    assert place.cluster.writes == []


async def test_propose_mode_writes_the_script_and_leaves_it_to_a_person(tmp_path: Path) -> None:
    with small_desk(tmp_path, mode=Mode.PROPOSE) as place:
        incident_id = place.alert()
        ended = await place.advance(incident_id)
        assert ended.status is IncidentStatus.HANDED_OVER
        (plan,) = place.ledger.plans.for_incident(incident_id)
        assert "rollout undo" in plan.script
        assert place.cluster.sent == []


async def test_read_only_mode_writes_no_script(tmp_path: Path) -> None:
    with small_desk(tmp_path, mode=Mode.READ_ONLY) as place:
        incident_id = place.alert()
        ended = await place.advance(incident_id)
        assert ended.status is IncidentStatus.HANDED_OVER
        assert "read-only" in ended.reason
        assert place.ledger.plans.for_incident(incident_id) == []


async def test_a_healthy_cluster_is_answered_no_fault_now(tmp_path: Path) -> None:
    with small_desk(tmp_path, shop(is_sick=False)) as place:
        incident_id = place.ticket("web is slow")
        ended = await place.advance(incident_id)
        assert ended.status is IncidentStatus.ANSWERED, place.story(incident_id)
        assert ended.reason == "no fault now"


async def test_a_change_that_does_not_help_is_kept_and_said(tmp_path: Path) -> None:
    cluster = shop()
    cluster.mischief = lambda request, number: ""  # the rollback is carried out, and no pod gets better
    with small_desk(tmp_path, cluster, recovery_seconds=0.3) as place:
        incident_id = await to_approval(place)
        place.decide(incident_id)
        await place.advance(incident_id)
        ended = await place.settle(incident_id)
        assert ended.status is IncidentStatus.HANDED_OVER
        assert "undoing it is offered" in ended.reason
        assert image(place) == GOOD


async def test_a_cluster_that_cannot_be_read_is_not_enough_evidence(tmp_path: Path) -> None:
    cluster = shop()

    async def dead(*_: Any, **__: Any) -> Any:
        raise ClusterUnreachable("connection refused")

    cluster.version = cluster.list = dead  # type: ignore[method-assign]
    with small_desk(tmp_path, cluster) as place:
        incident_id = place.alert()
        ended = await place.advance(incident_id)
        assert ended.status is IncidentStatus.HANDED_OVER
        diagnosis = place.ledger.diagnoses.latest(incident_id)
        assert diagnosis is not None
        assert diagnosis.verdict is Verdict.UNKNOWN
        assert diagnosis.gaps


async def test_an_alert_of_an_unknown_cluster_reaches_a_human_with_the_next_step(tmp_path: Path) -> None:
    with small_desk(tmp_path) as place:
        place.deps.clusters.pop("lab")  # type: ignore[attr-defined]
        incident_id = place.alert()
        ended = await place.advance(incident_id)
        assert ended.status is IncidentStatus.HANDED_OVER
        assert "no cluster named 'lab'" in ended.reason


async def test_a_bug_in_a_node_reaches_a_human_as_a_bug(place: SmallDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> list[object]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(place.deps.detectors, "detect", broken)
    incident_id = place.alert()
    ended = await place.advance(incident_id)
    assert ended.status is IncidentStatus.HANDED_OVER
    assert "ZeroDivisionError" in ended.reason


async def test_an_unknown_incident_is_an_error_not_a_new_run(place: SmallDesk) -> None:
    with pytest.raises(NotFound):
        await place.advance("inc-none")


async def test_reopening_starts_a_run_of_its_own(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    place.decide(incident_id, Decision.REJECT)
    await place.advance(incident_id)
    assert current_run(place.ledger, incident_id) == 1
    place.ledger.incidents.reopen(incident_id, "bob", "it is still broken")
    assert current_run(place.ledger, incident_id) == 2
    await place.advance(incident_id, "reopened")
    await place.settle(incident_id)
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)


async def test_the_state_stays_small(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    config: Any = {"configurable": {"thread_id": f"{incident_id}:1"}}
    state = await place.graph.aget_state(config)
    assert len(json.dumps(state.values)) < MAXIMUM_STATE_BYTES


async def test_a_script_in_a_ticket_that_cannot_be_translated_is_refused_with_its_place(place: SmallDesk) -> None:
    incident_id = place.ticket("kubectl -n shop get pods | sh")
    ended = await place.advance(incident_id)
    assert ended.status is IncidentStatus.HANDED_OVER
    assert "line 1 column" in ended.reason


async def test_an_order_that_names_nothing_says_so(place: SmallDesk) -> None:
    ended = await place.advance(place.ticket("restart nothing-like-this"))
    assert ended.status is IncidentStatus.HANDED_OVER
    assert "no workload named" in ended.reason


async def test_a_read_in_a_ticket_runs_without_approval(place: SmallDesk) -> None:
    incident_id = place.ticket("kubectl -n shop get deployments")
    await place.advance(incident_id)
    await place.settle(incident_id)
    (execution,) = place.ledger.executions.for_incident(incident_id)
    assert execution.status == "done", place.story(incident_id)
    assert '"Deployment' in execution.results[0].output or "web" in execution.results[0].output
    assert place.cluster.sent == []


async def test_everything_that_people_read_is_said_in_both_languages(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    for entry in place.ledger.timeline.for_incident(incident_id):
        assert isinstance(entry.summary, Text)
        assert entry.summary.en
        assert entry.summary.zh


async def test_a_resolved_incident_closes_when_its_alert_resolves(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    place.decide(incident_id)
    await place.advance(incident_id)
    await place.settle(incident_id)
    place.alert(status="resolved")
    reasons = [wake.reason for wake in place.ledger.wakes.waiting(incident_id)]
    assert "alerts_resolved" in reasons
    ended = await place.advance(incident_id, "alerts_resolved")
    assert ended.status is IncidentStatus.CLOSED


async def test_an_incident_in_a_person_s_hands_stays_open_when_its_alert_resolves(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    place.decide(incident_id, Decision.REJECT)
    await place.advance(incident_id)
    place.alert(status="resolved")
    ended = await place.advance(incident_id, "alerts_resolved")
    assert ended.status is IncidentStatus.HANDED_OVER


async def test_a_thread_whose_checkpoints_are_gone_is_an_error_not_a_new_run(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    place.graph = build_graph(InMemorySaver())
    with pytest.raises(UnknownThread):
        await place.advance(incident_id, "approved")
    assert place.cluster.writes == []


async def test_an_order_that_was_merged_in_does_not_run_in_anothers_name(tmp_path: Path) -> None:
    with small_desk(tmp_path, shop(is_sick=False)) as place:
        alices = place.ticket("restart the deployment web in namespace shop", "alice")
        bobs = place.ticket("scale the deployment web in namespace shop to 5 replicas", "bob")
        place.ledger.incidents.merge(bobs, alices, "bob")
        await place.advance(alices)
        (plan,) = place.ledger.plans.for_incident(alices)
        assert "restart" in plan.script
        assert "scale" not in plan.script
        assert plan.requester == place.people["alice"].id


async def test_a_review_that_runs_again_after_a_kill_keeps_the_request_and_tells_the_wait(place: SmallDesk) -> None:
    incident_id = await to_approval(place)
    config: Any = {"configurable": {"thread_id": f"{incident_id}:1"}}
    state: Any = (await place.graph.aget_state(config)).values
    place.ledger.incidents.set_status(incident_id, IncidentStatus.INVESTIGATING, "as a kill between the two leaves it")
    again = await review.run(state, place.deps)
    assert again["approval_id"] == state["approval_id"]
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL
