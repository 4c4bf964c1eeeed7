"""Conversations: follow-ups, incidents talked about, hints, lists; and what is kept of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.steering import MOST_STEERS
from api import chat_acts
from knowledge.errors import NotAuthorised, WrongState
from knowledge.vocabulary import IncidentStatus, Json, Role, Scope
from tests.agent.small_desk import NAMESPACE, SmallDesk, shop, small_desk
from tests.chat.rig import ChatRig
from tests.fakes.memory_cluster import deployment


@pytest.mark.parametrize(
    ("first", "then", "intent", "told"),
    [
        ("status of qwen2-7b", "where does it run?", "where", "gpu-07 (2)"),
        ("qwen2-7b 跑在哪台机器上", "bge-m3 呢？", "where", "gpu-01 (1)"),
        ("status of reranker", "restart it", "change", ""),
        ("list pods in prod", "in staging?", "list_objects", "1 pods"),
        ("status of qwen2-7b", "它的显存谁在用", "gpu_holders", "2 个 pod"),
        ("谁在占用 gpu-07 的显存", "gpu-01 呢", "gpu_holders", "gpu-01"),
    ],
)
async def test_a_follow_up_leans_on_the_thread(desk: ChatRig, first: str, then: str, intent: str, told: str) -> None:
    talk = await desk.follow(await desk.say(first), then)
    assert talk.intent == intent
    assert told in talk.text


async def test_threads_do_not_mix(desk: ChatRig) -> None:
    await desk.say("status of qwen2-7b")
    talk = await desk.say("where does it run?")
    assert "qwen2-7b" not in talk.text


async def test_what_was_said_is_kept_in_order_with_what_is_needed_to_go_on(desk: ChatRig) -> None:
    talk = await desk.say("status of qwen2-7b")
    await desk.follow(talk, "and bge-m3?")
    history = desk.chat.history(desk.people["rui"], talk.conversation_id)
    assert [(one.sequence, one.said_by) for one in history] == [(1, "person"), (2, "desk"), (3, "person"), (4, "desk")]
    assert history[3].payload["parameters"] == {"target": "bge-m3"}
    assert history[1].payload["places"] == ["prod"]
    (conversation,) = desk.chat.conversations(desk.people["rui"])
    assert conversation.title == "status of qwen2-7b"


# --- about an incident -----------------------------------------------------------------------------------------------------


async def _diagnosed(rig: ChatRig) -> str:
    """An incident of the sick shop, worked on until it waits for an approval."""
    from langgraph.checkpoint.memory import InMemorySaver

    from agent.graph import build_graph
    from api.worker import advance

    talk = await rig.say("why is web down")
    incident = await rig.chat.open_incident(rig.people["rui"], talk.conversation_id, talk.message_id)
    await advance(build_graph(InMemorySaver()), rig.desk.deps, incident.id, "opened")
    return incident.id


async def test_questions_about_an_incident_are_answered_from_what_the_ledger_holds(rig: ChatRig) -> None:
    incident_id = await _diagnosed(rig)
    why = await rig.say("why do you think so?", incident_id=incident_id)
    assert why.intent == "about_incident"
    assert "The registry knows no" in why.text
    assert "coverage" in {row[0] for row in why.rows[0].rows}
    evidence = await rig.follow(why, "what evidence do you have")
    assert evidence.citations
    assert evidence.rows[0].rows[0][0] == "[1]"
    following = await rig.follow(why, "接下来会怎么做")
    assert following.scripts[0].script.startswith("kubectl rollout undo deployments.apps/web")
    approvers = await rig.follow(why, "who must approve this")
    assert "needs 1 approval" in approvers.text
    assert "You may not" in approvers.text
    tried = await rig.follow(why, "what was tried so far?")
    assert "Nothing has been carried out" in tried.text
    summary = await rig.say(f"what is the status of {incident_id}")
    assert "awaiting_approval" in summary.text


async def test_the_approvals_that_wait_are_listed_with_who_may_decide(rig: ChatRig) -> None:
    incident_id = await _diagnosed(rig)
    rig.person("ana", Role.VIEWER, Role.APPROVER)
    mine = await rig.say("我有哪些待审批", "ana")
    assert mine.intent == "incidents"
    assert mine.rows[0].rows[0][0] == incident_id
    assert "1 个您可以审批" in mine.text
    own = await rig.say("what is waiting for my approval")
    assert "0 of them for you" in own.text
    opened = await rig.say("open incidents of web")
    assert opened.rows[0].rows[0][0] == incident_id
    none = await rig.say("open incidents of web", rig.person("sol", namespaces=("elsewhere",)).id)
    assert incident_id not in str(none.blocks)


async def test_a_change_that_was_opened_from_the_chat_gets_the_plan_that_was_shown(desk: ChatRig) -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    from agent.graph import build_graph
    from api.worker import advance

    proposed = await desk.say("把 bge-m3 扩到 4 个副本")
    incident = await desk.chat.open_incident(desk.people["rui"], proposed.conversation_id, proposed.message_id)
    await advance(build_graph(InMemorySaver()), desk.desk.deps, incident.id, "opened")
    (plan,) = desk.ledger.plans.for_incident(incident.id)
    assert plan.script == "kubectl scale deployments.apps/bge-m3 --namespace=prod --replicas=4\n"
    assert plan.written_by == "requester"
    assert desk.ledger.incidents.get(incident.id).status is IncidentStatus.AWAITING_APPROVAL
    assert not desk.cluster.sent


# --- hints -----------------------------------------------------------------------------------------------------------------


async def test_a_hint_is_kept_as_hearsay_and_says_what_becomes_of_it(rig: ChatRig) -> None:
    incident_id = await _diagnosed(rig)
    talk = await rig.say("I suspect the storage of web, look there", incident_id=incident_id)
    assert talk.intent == "steer"
    assert "unchecked" in talk.text
    assert "has ended" in talk.text
    (entry,) = [one for one in rig.ledger.timeline.for_incident(incident_id) if one.stage == "steer"]
    assert entry.actor == "rui"
    assert entry.data["is_hearsay"] is True
    assert entry.data["services"] == ["web"]


async def test_a_hint_changes_what_the_next_look_takes_in(tmp_path: Path) -> None:
    """Two services are sick; the ticket names neither. Without a hint one is named first, with the hint the other one."""
    cluster = shop()
    for sort, name in (
        ("Deployment", "web"),
        ("ReplicaSet", "web-hash1"),
        ("ReplicaSet", "web-hash2"),
        ("Pod", "web-hash2-aaaaa"),
    ):
        cluster.put(_twin(cluster.at(sort, name)))
    with small_desk(tmp_path, cluster) as place:
        before = await _chosen(place, "something is wrong", ())
        hinted = "api" if before == "web" else "web"
        after = await _chosen(place, "something is wrong again", (hinted,))
    assert after == hinted != before


def _twin(item: Json) -> Json:
    """The same in another namespace, under another name."""
    text = json.dumps(item).replace('"web', '"api').replace('"shop"', '"back"')
    made: Json = json.loads(text)
    metadata = made["metadata"]
    metadata["uid"] = f"twin-{metadata['uid']}"
    for owner in metadata.get("ownerReferences", ()):
        owner["uid"] = f"twin-{owner['uid']}"
    return made


async def _chosen(place: SmallDesk, text: str, hints: tuple[str, ...]) -> str:
    from agent.chat.inventory import Inventory

    incident_id = place.ticket(text)
    known, _ = await Inventory(place.deps.clusters).known(["lab"])
    desk = _as_desk(place)
    for hint in hints:
        chat_acts.steer(desk, place.people["bob"], incident_id, f"look at {hint}", known)  # type: ignore[arg-type]
    await place.advance(incident_id)
    diagnosis = place.ledger.diagnoses.latest(incident_id)
    assert diagnosis is not None
    assert diagnosis.chosen is not None
    facts = [fact.text for fact in place.ledger.evidence.for_incident(incident_id)]
    assert any("not checked" in fact for fact in facts) == bool(hints)
    return diagnosis.chosen.object.name.split("-")[0]


def _as_desk(place: SmallDesk) -> object:
    from types import SimpleNamespace

    return SimpleNamespace(ledger=place.ledger, deps=place.deps, nudge=lambda: None)


async def test_a_hint_that_comes_while_the_desk_looks_makes_it_look_again(tmp_path: Path) -> None:
    from agent.chat.inventory import Inventory

    with small_desk(tmp_path) as place:
        incident_id = place.ticket("web is down")
        known, _ = await Inventory(place.deps.clusters).known(["lab"])
        inner = place.deps.detectors.detect
        told: list[int] = []

        def detect(snapshot: object) -> object:
            if not told:
                told.append(1)
                chat_acts.steer(_as_desk(place), place.people["bob"], incident_id, "it may be the node n1", known)  # type: ignore[arg-type]
            return inner(snapshot)  # type: ignore[arg-type]

        place.deps.detectors.__dict__["detect"] = detect
        try:
            await place.advance(incident_id)
        finally:
            del place.deps.detectors.__dict__["detect"]
        stages = place.stages(incident_id)
        assert stages.count("collect") == 2
        assert "1 new hints: looking again" in place.story(incident_id)
        assert stages.index("steer") < stages.index("answer")


async def test_who_may_not_act_gives_no_hint_and_there_is_an_end_to_them(rig: ChatRig) -> None:
    rig.person("vera", Role.VIEWER)
    talk = await rig.say("why is web down")
    incident = await rig.chat.open_incident(rig.people["rui"], talk.conversation_id, talk.message_id)
    with pytest.raises(NotAuthorised):
        await rig.chat.steer(rig.people["vera"], incident.id, "it is the network")
    for number in range(MOST_STEERS):
        await rig.chat.steer(rig.people["rui"], incident.id, f"hint {number}")
    with pytest.raises(WrongState, match="hints already"):
        await rig.chat.steer(rig.people["rui"], incident.id, "one more")


async def test_a_hint_widens_no_further_than_its_author_sees(rig: ChatRig) -> None:
    talk = await rig.say("why is web down")
    incident = await rig.chat.open_incident(rig.people["rui"], talk.conversation_id, talk.message_id)
    rig.cluster.put(deployment("vault", "secret-space"))
    narrow = rig.person("nan", Role.VIEWER, Role.RESPONDER, namespaces=(NAMESPACE,))
    entry = await rig.chat.steer(narrow, incident.id, "look at vault and at web")
    assert entry.data["services"] == ["web"]
    assert entry.data["namespaces"] == [NAMESPACE]
    assert Scope(namespaces=(NAMESPACE,)) == narrow.scope


async def test_an_ended_diagnosis_begins_again_when_somebody_says_so(rig: ChatRig) -> None:
    talk = await rig.say("why is web down")
    incident = await rig.chat.open_incident(rig.people["rui"], talk.conversation_id, talk.message_id)
    rig.ledger.incidents.close(incident.id, "rui", "done")
    again = await rig.say("重新诊断", incident_id=incident.id)
    assert again.intent == "look_again"
    assert rig.ledger.incidents.get(incident.id).status is IncidentStatus.OPEN
