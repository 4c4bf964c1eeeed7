"""Questions about the live cluster: what was read, cited, and offered next."""

from __future__ import annotations

from tests.chat.rig import ChatRig


async def test_diagnosis_names_the_cause_with_citations_when_a_service_is_sick(rig: ChatRig) -> None:
    talk = await rig.say("why is web down")
    assert talk.intent == "diagnose"
    assert "The registry knows no registry.example.com/shop/web:2-typo" in talk.text
    assert talk.citations
    assert talk.opening == ["why is web down"]
    kept = rig.ledger.conversations.message(talk.conversation_id, talk.message_id)
    assert {fact["id"] for fact in kept.payload["evidence"]} >= {one for one in talk.citations if one.startswith("ev-")}


async def test_status_tells_replicas_and_pods_when_asked_in_chinese(rig: ChatRig) -> None:
    talk = await rig.say("web 状态怎么样")
    assert talk.intent == "status"
    assert "1/2 个副本就绪" in talk.text
    assert [row[0] for row in talk.rows[0].rows] == ["web-hash2-aaaaa"]


async def test_follow_up_means_what_was_named_before_when_it_says_it(rig: ChatRig) -> None:
    first = await rig.say("status of web")
    second = await rig.follow(first, "where does it run?")
    assert second.intent == "where"
    assert "shop" in second.text
