"""Whatever is asked, nothing outside the asker's scope is told: not its existence, not its numbers, not its history."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.errors import NotFound
from knowledge.vocabulary import Role
from tests.agent.small_desk import ago
from tests.chat.rig import ChatRig, ScriptedMetrics, Talk, chat_rig
from tests.chat.serving import serving
from tests.fakes.memory_cluster import deployment
from tools.ports import Series

OUTSIDE = ("qwen2-7b", "bge-m3", "prod/")
QUESTIONS = (
    "status of qwen2-7b",
    "why is bge-m3 slow",
    "logs of qwen2-7b",
    "where does bge-m3 run",
    "who calls qwen2-7b",
    "p95 latency of qwen2-7b",
    "what changed in prod in the last hour",
    "events of bge-m3",
    "把 bge-m3 扩到 4 个副本",
    "restart qwen2-7b",
    "list pods in prod",
)
WIDE = (
    "list pods",
    "what deployments do we have",
    "which services are there",
    "who is using the GPU memory on gpu-07",
    "what changed in the last hour",
    "show recent events",
    "plot cpu of all pods",
    "is anything broken right now?",
    "how many GPUs are free",
)


def _foreign(talk: Talk, question: str) -> list[str]:
    told = "\n".join(block.model_dump_json() for block in talk.blocks)
    return [name for name in OUTSIDE if name in told and name.rstrip("/") not in question]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_thing_outside_is_answered_as_one_that_is_not_there(desk: ChatRig, question: str) -> None:
    outside = await desk.say(question, "stella")
    nowhere = await desk.say(
        question.replace("qwen2-7b", "qwen9-9z").replace("bge-m3", "bge-m99").replace("prod", "nonesuch"), "stella"
    )
    assert not outside.rows or not outside.rows[0].rows
    assert not outside.scripts
    assert not outside.charts
    assert not _foreign(outside, question)
    assert len(outside.blocks) >= 1
    assert bool(outside.opening) == bool(nowhere.opening)


@pytest.mark.parametrize("question", WIDE)
async def test_a_question_about_everything_tells_of_the_scope_alone(desk: ChatRig, question: str) -> None:
    desk.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e1", "namespace": "prod", "creationTimestamp": ago(2)},
            "involvedObject": {"kind": "Pod", "namespace": "prod", "name": "qwen2-7b-6d4f8b9c7d-aaaa0"},
            "type": "Warning",
            "reason": "BackOff",
            "message": "qwen2-7b is in trouble",
            "lastTimestamp": ago(2),
        }
    )
    talk = await desk.say(question, "stella")
    assert not _foreign(talk, question), talk.blocks


async def test_series_of_other_namespaces_are_dropped_even_when_prometheus_gives_them(tmp_path: Path) -> None:
    foreign = Series({"namespace": "prod", "pod": "qwen2-7b-6d4f8b9c7d-aaaa0"}, [(0.0, 9.0)])
    own = Series({"namespace": "staging", "pod": "reranker-6d4f8b9c7d-aaaa0"}, [(0.0, 1.0)])
    with chat_rig(tmp_path, serving(), metrics=ScriptedMetrics([foreign, own])) as desk:
        desk.person("stella", namespaces=("staging",))
        talk = await desk.say("plot cpu of all pods", "stella")
        assert talk.intent == "metric"
        assert 'namespace=~"staging"' in desk.metrics.asked[0]
        assert not _foreign(talk, "")
        assert talk.charts[0].lines[0].label == "staging/reranker-6d4f8b9c7d-aaaa0"


async def test_a_scope_of_services_hides_the_others_of_its_namespace(desk: ChatRig) -> None:
    desk.person("sam", namespaces=("prod",), services=("gateway",))
    pods = await desk.say("list pods in prod", "sam")
    assert [row[0] for row in pods.rows[0].rows] == ["gateway-6d4f8b9c7d-aaaa0"]
    status = await desk.say("status of bge-m3", "sam")
    assert "nothing named" in status.text
    await desk.say("plot cpu of all pods in prod", "sam")
    assert "gateway-" in desk.metrics.asked[0]
    assert "bge" not in desk.metrics.asked[0]


async def test_a_scope_of_services_hears_of_no_fault_change_or_event_of_another_service(rig: ChatRig) -> None:
    rig.cluster.put(deployment("api", "shop"))
    rig.person("sam", namespaces=("shop",), services=("api",))
    for question in (
        "is anything broken right now?",
        "what changed in the last hour",
        "show recent events",
        "why is api slow",
    ):
        talk = await rig.say(question, "sam")
        told = "\n".join(block.model_dump_json() for block in talk.blocks)
        assert "web" not in told, question
    assert "web" in (await rig.say("is anything broken right now?")).text


async def test_anothers_conversation_is_not_found(desk: ChatRig) -> None:
    talk = await desk.say("status of qwen2-7b")
    with pytest.raises(NotFound):
        desk.chat.history(desk.people["stella"], talk.conversation_id)
    with pytest.raises(NotFound):
        await desk.follow(talk, "and bge-m3?", "stella")
    with pytest.raises(NotFound):
        await desk.chat.open_incident(desk.people["stella"], talk.conversation_id, talk.message_id)
    assert desk.chat.conversations(desk.people["stella"]) == []


async def test_a_conversation_about_an_incident_is_read_by_who_sees_the_incident_without_what_lies_outside(
    desk: ChatRig,
) -> None:
    desk.person("nora", Role.VIEWER, namespaces=("staging",))
    opened = await desk.say("why is reranker slow")
    incident = await desk.chat.open_incident(desk.people["rui"], opened.conversation_id, opened.message_id)
    await desk.follow(opened, "status of qwen2-7b")
    await desk.follow(opened, "status of reranker")
    read = desk.chat.history(desk.people["nora"], opened.conversation_id)
    told = "\n".join(message.model_dump_json() for message in read if message.said_by == "desk")
    assert "qwen2-7b-6d4f8b9c7d" not in told
    assert "outside your scope" in told
    assert "staging/reranker" in told
    assert [one.id for one in desk.chat.about(desk.people["nora"], incident.id)] == [opened.conversation_id]


async def test_a_follow_up_of_another_person_does_not_reach_what_only_the_first_one_sees(desk: ChatRig) -> None:
    opened = await desk.say("why is reranker slow")
    await desk.chat.open_incident(desk.people["rui"], opened.conversation_id, opened.message_id)
    await desk.follow(opened, "status of qwen2-7b")
    talk = await desk.follow(opened, "show its logs", "stella")
    assert not _foreign(talk, "")


async def test_an_incident_outside_is_not_found_by_its_id(desk: ChatRig) -> None:
    opened = await desk.say("why is qwen2-7b slow")
    incident = await desk.chat.open_incident(desk.people["rui"], opened.conversation_id, opened.message_id)
    with pytest.raises(NotFound):
        await desk.say("why?", "stella", incident_id=incident.id)
    talk = await desk.say(f"what is the status of {incident.id}", "stella")
    assert incident.title not in talk.text
    lists = await desk.say("list all incidents", "stella")
    assert incident.id not in str(lists.blocks)
