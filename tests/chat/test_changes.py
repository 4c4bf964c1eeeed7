"""Change requests: a reviewed script, an incident on the asker's word, and nothing carried out by the chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.chat.reply import Reference
from agent.reasoning.orders import script_in
from agent.reasoning.triage import intent_of
from knowledge.errors import NotAuthorised, NotFound
from knowledge.vocabulary import Intent, Mode, Role, Ruling
from tests.chat.rig import ChatRig, ScriptedMetrics, chat_rig
from tests.chat.serving import serving
from tools.ports import Cluster

ORDERS = {
    "把 bge-m3 扩到 4 个副本": "kubectl -n prod scale deployment/bge-m3 --replicas=4\n",
    "scale down reranker to 0": "kubectl -n staging scale deployment/reranker --replicas=0\n",
    "please restart the gateway": "kubectl -n prod rollout restart deployment/gateway\n",
    "回滚 qwen2-7b": "kubectl -n prod rollout undo deployment/qwen2-7b\n",
    "take gpu-07 out of scheduling": "kubectl cordon gpu-07\n",
    "解除 gpu-07 的封锁": "kubectl uncordon gpu-07\n",
    "pause the rollout of gateway": "kubectl -n prod rollout pause deployment/gateway\n",
}


@pytest.mark.parametrize(("order", "script"), ORDERS.items(), ids=str)
async def test_an_order_ends_in_a_reviewed_script_and_an_offer(desk: ChatRig, order: str, script: str) -> None:
    talk = await desk.say(order)
    assert talk.intent == "change"
    assert [one.script for one in talk.scripts] == [script]
    assert talk.scripts[0].ruling in {Ruling.ONE, Ruling.TWO}
    assert talk.scripts[0].reasons
    (text,) = talk.opening
    assert intent_of(text) is Intent.CHANGE_REQUEST
    assert script_in(text) == script
    assert not desk.cluster.sent
    assert desk.ledger.incidents.list(desk.people["rui"].scope) == []


async def test_a_yes_opens_an_incident_with_exactly_the_script_that_was_shown(desk: ChatRig) -> None:
    proposed = await desk.say("把 bge-m3 扩到 4 个副本")
    talk = await desk.follow(proposed, "确认")
    assert talk.intent == "confirm"
    (reference,) = [block for block in talk.blocks if isinstance(block, Reference)]
    (ticket,) = desk.ledger.tickets.for_incident(reference.incident_id)
    assert script_in(ticket.text) == proposed.scripts[0].script
    assert ticket.requester == "rui"
    assert ticket.cluster == "lab"
    assert not desk.cluster.sent
    again = await desk.chat.open_incident(desk.people["rui"], proposed.conversation_id, proposed.message_id)
    assert again.id == reference.incident_id


@pytest.mark.parametrize("text", ["yes", "确认", "go ahead"])
async def test_a_yes_without_an_offer_opens_nothing(desk: ChatRig, text: str) -> None:
    talk = await desk.say(text)
    assert talk.intent != "confirm"
    assert desk.ledger.incidents.list(desk.people["rui"].scope) == []


async def test_a_viewer_is_shown_the_script_and_opens_nothing(desk: ChatRig) -> None:
    desk.person("vera", Role.VIEWER)
    proposed = await desk.say("restart the gateway", "vera")
    assert proposed.scripts
    talk = await desk.follow(proposed, "yes", "vera")
    assert "lacks the role responder" in talk.text
    with pytest.raises(NotAuthorised):
        await desk.chat.open_incident(desk.people["vera"], proposed.conversation_id, proposed.message_id)
    assert desk.ledger.incidents.list(desk.people["rui"].scope) == []


async def test_a_persons_own_message_becomes_no_incident(desk: ChatRig) -> None:
    talk = await desk.say("restart the gateway")
    (person, _) = desk.ledger.conversations.messages(talk.conversation_id)
    with pytest.raises(NotFound):
        await desk.chat.open_incident(desk.people["rui"], talk.conversation_id, person.id)


async def test_what_the_rules_forbid_is_said_and_not_offered(desk: ChatRig) -> None:
    talk = await desk.say("kubectl delete namespace prod")
    assert talk.scripts[0].ruling is Ruling.FORBIDDEN
    assert not talk.opening
    refused = await desk.say("kubectl -n prod get pods; rm -rf /")
    assert refused.scripts[0].ruling is Ruling.REFUSED
    assert "line 1" in refused.scripts[0].reasons[0]
    assert not refused.opening


@pytest.mark.parametrize(
    "text",
    [
        "don't restart gateway",
        "先别重启 gateway",
        "how do I restart a deployment",
        "restart count of gateway",
        "who restarted gateway?",
        "扩容有什么风险",
        "should I be worried about scaling gateway?",
        "gateway was restarted by the operator, why",
    ],
)
async def test_what_only_sounds_like_an_order_proposes_nothing(desk: ChatRig, text: str) -> None:
    talk = await desk.say(text)
    assert talk.intent != "change"
    assert not talk.scripts


async def test_an_autoscaler_that_would_write_it_back_is_named(desk: ChatRig) -> None:
    desk.cluster.put(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "bge", "namespace": "prod"},
            "spec": {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "bge-m3"}},
        }
    )
    talk = await desk.say("scale bge-m3 to 6")
    assert "The autoscaler bge keeps it within 1–3" in talk.text


async def test_what_is_missing_is_asked_back(desk: ChatRig) -> None:
    talk = await desk.say("restart it")
    assert not talk.scripts
    assert talk.intent in {"change", "unclear"}


async def test_one_name_in_two_places_is_asked_back_and_the_answer_is_taken(tmp_path: Path) -> None:
    cluster = serving()
    twin = cluster.at("Deployment", "bge-m3", "prod")
    cluster.put({**twin, "metadata": {"name": "bge-m3", "namespace": "staging", "labels": {"app": "bge-m3"}}})
    with chat_rig(tmp_path, cluster) as desk:
        talk = await desk.say("scale bge-m3 to 4")
        assert not talk.scripts
        assert "which one?" in talk.text
        assert len(talk.offers) == 2
        chosen = await desk.follow(talk, next(one for one in talk.offers if "staging" in one))
        assert chosen.scripts[0].script == "kubectl -n staging scale deployment/bge-m3 --replicas=4\n"


async def test_two_clusters_are_asked_back_and_the_named_one_is_taken(tmp_path: Path) -> None:
    other = Cluster("east", serving("east"), ScriptedMetrics(), Mode.READ_ONLY)
    with chat_rig(tmp_path, serving(), others=[other]) as desk:
        talk = await desk.say("还有多少空闲 GPU")
        assert "是哪个集群？" in talk.text
        chosen = await desk.follow(talk, next(one for one in talk.offers if "east" in one))
        assert "16 张 GPU" in chosen.text
        read_only = await desk.say("restart the gateway in cluster east")
        assert not read_only.opening
        assert "read-only" in read_only.text


async def test_a_yes_means_the_answer_just_before_and_nothing_older(desk: ChatRig) -> None:
    proposed = await desk.say("restart the gateway")
    between = await desk.follow(proposed, "status of bge-m3")
    talk = await desk.follow(between, "yes")
    assert talk.intent != "confirm"
    assert desk.ledger.incidents.list(desk.people["rui"].scope) == []


@pytest.mark.parametrize(
    ("order", "step"),
    [
        ("add two more replicas to bge-m3", 2),
        ("给 bge-m3 再加两个副本", 2),
        ("bge-m3 再加 1 个副本吧", 1),
        ("scale up bge-m3 by 3", 3),
        ("give bge-m3 one more replica", 1),
    ],
)
async def test_a_step_becomes_the_number_that_it_comes_to_on_the_live_object(
    desk: ChatRig, order: str, step: int
) -> None:
    live = int(desk.cluster.at("Deployment", "bge-m3", "prod")["spec"]["replicas"])
    talk = await desk.say(order)
    assert talk.intent == "change"
    assert [one.script for one in talk.scripts] == [
        f"kubectl -n prod scale deployment/bge-m3 --replicas={live + step}\n"
    ]
    assert not desk.cluster.sent


async def test_half_of_what_the_thread_is_about_is_reckoned_from_the_live_object(desk: ChatRig) -> None:
    live = int(desk.cluster.at("Deployment", "qwen2-7b", "prod")["spec"]["replicas"])
    talk = await desk.follow(await desk.say("status of qwen2-7b"), "减一半")
    assert talk.intent == "change"
    half = -(-live // 2)
    expected = [f"kubectl -n prod scale deployment/qwen2-7b --replicas={half}\n"] if half != live else []
    assert [one.script for one in talk.scripts] == expected


@pytest.mark.parametrize("order", ["remove 900 replicas from bge-m3", "add two more replicas", "再加两个副本"])
async def test_a_step_that_comes_to_no_number_proposes_nothing(desk: ChatRig, order: str) -> None:
    talk = await desk.say(order)
    assert talk.intent == "change"
    assert not talk.scripts
    assert not talk.opening


@pytest.mark.parametrize(
    "text",
    [
        "加两个副本会有风险吗",
        "should I add two more replicas to bge-m3?",
        "谁给 bge-m3 加了两个副本",
        "别给 bge-m3 再加两个副本",
    ],
)
async def test_what_only_speaks_of_a_step_proposes_nothing(desk: ChatRig, text: str) -> None:
    talk = await desk.say(text)
    assert talk.intent != "change"
    assert not talk.scripts
