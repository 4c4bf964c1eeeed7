"""People ask in Slack and are answered where they asked: at once acknowledged, answered once, whatever happens in between."""

from __future__ import annotations

import pytest

from agent.chat.reply import Answered, Citation, Delta, Offer, Offers, ProposedScript, Reference, Rows, Said
from api.messengers import receiving, talk
from knowledge.vocabulary import Language, Ruling
from tests.fakes.slack_blocks import buttons, seen
from tests.fakes.slack_workspace import command, direct, mention, press, shortcut
from tests.slack.conftest import OPS, SlackRig


async def test_mention_is_acknowledged_before_the_answer_is_there(rig: SlackRig) -> None:
    rig.engine.goes_on.clear()
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why is qwen2-7b slow")
    answer = await rig.send(mention("U1RUI", OPS, "why is qwen2-7b slow", ts=ts))
    assert answer.status_code == 200
    await rig.slack.until(lambda: rig.engine.asked)
    assert "Looking" in rig.slack.read(OPS, ts)
    rig.engine.goes_on.set()
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert rig.engine.asked[0]["text"] == "why is qwen2-7b slow"
    assert rig.engine.asked[0]["principal"] == "rui"
    assert len(rig.slack.said(OPS, ts)) == 1


async def test_answer_is_in_the_language_of_the_asker_when_it_is_chinese(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "谁在占用 gpu-07 的显存")
    await rig.send(mention("U1RUI", OPS, "谁在占用 gpu-07 的显存", ts=ts))
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert rig.engine.asked[0]["language"] is Language.ZH


async def test_thread_is_one_conversation_when_the_same_person_goes_on(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts))
    await rig.slack.until(lambda: len(rig.engine.asked) == 1)
    await rig.send(mention("U1RUI", OPS, "and now", ts=rig.slack.write(OPS, "U1RUI", "and now", ts), thread=ts))
    await rig.slack.until(lambda: len(rig.engine.asked) == 2)
    assert rig.engine.asked[0]["conversation"] == rig.engine.asked[1]["conversation"]


async def test_thread_holds_two_conversations_when_two_persons_speak_in_it(rig: SlackRig) -> None:
    rig.person("vera", account="U2VERA")
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts))
    await rig.send(mention("U2VERA", OPS, "and this", ts=rig.slack.write(OPS, "U2VERA", "and this", ts), thread=ts))
    await rig.slack.until(lambda: len(rig.engine.asked) == 2)
    assert len({one["conversation"] for one in rig.engine.asked}) == 2


async def test_direct_message_is_answered_there(rig: SlackRig) -> None:
    rig.slack.channel("DU1RUI")
    rig.start()
    await rig.send(direct("U1RUI", "what changed", ts=rig.slack.write("DU1RUI", "U1RUI", "what changed")))
    await rig.slack.until(lambda: "You said: what changed" in rig.slack.read("DU1RUI"))


async def test_command_is_answered_between_the_two_and_not_in_the_channel(rig: SlackRig) -> None:
    rig.start()
    answer = await rig.send(command("U1RUI", "what changed in prod", trigger=rig.slack.trigger()))
    assert answer.json()["response_type"] == "ephemeral"
    await rig.slack.until(lambda: "You said: what changed in prod" in rig.slack.read("DU1RUI"))
    assert rig.slack.said(OPS) == []


async def test_shortcut_diagnoses_the_message_in_its_thread(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U9ELSE", "pod is OOMKilled &lt;none&gt;")
    message = next(one for one in rig.slack.said(OPS) if one["ts"] == ts)
    await rig.send(shortcut("U1RUI", OPS, message, trigger=rig.slack.trigger()))
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert rig.engine.asked[0]["text"] == "diagnose this message\n\npod is OOMKilled <none>"


async def test_shortcut_is_answered_directly_when_the_desk_is_not_in_the_channel(rig: SlackRig) -> None:
    rig.slack.channels["C9OTHER"] = [{"ts": "1.1", "user": "U9ELSE", "text": "it hangs"}]
    rig.start()
    await rig.send(shortcut("U1RUI", "C9OTHER", rig.slack.channels["C9OTHER"][0], trigger=rig.slack.trigger()))
    await rig.slack.until(lambda: "You said" in rig.slack.read("DU1RUI"))


async def test_every_kind_of_block_is_drawn(rig: SlackRig) -> None:
    cited = (Citation(kind="evidence", id="ev-1", title="pod log"),)
    rig.engine.answers = lambda _: [
        Answered(answer=Said(text="It is out of memory [1]", citations=cited)),
        Answered(
            answer=Rows(title="Pods", columns=("pod", "显存"), rows=(("qwen", "81 GB"), ("千问", "2 GB")), left_out=3)
        ),
        Answered(
            answer=ProposedScript(
                script="kubectl scale deploy/x --replicas=4", ruling=Ruling.ONE, reasons=("a change",)
            )
        ),
        Answered(answer=Reference(incident_id="inc-1", title="it is down", status="open")),
        Answered(answer=Offers(offers=(Offer(label="Open an incident", does="open", text="it is down"),))),
    ]
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it down", ts=ts))
    await rig.slack.until(lambda: "Open an incident" in rig.slack.read(OPS, ts))
    read = rig.slack.read(OPS, ts)
    for told in (
        "out of memory [1]",
        "pod log (evidence ev-1)",
        "qwen  81 GB",
        "3 more rows",
        "kubectl scale",
        "a change",
    ):
        assert told in read
    assert any("https://desk.test/incidents/inc-1" in str(one["blocks"]) for one in rig.slack.said(OPS, ts))


async def test_offer_is_said_as_if_it_were_typed_when_its_button_is_pressed(rig: SlackRig) -> None:
    offers = Offers(offers=(Offer(label="Show pods", does="say", text="which pods"),))
    rig.engine.answers = lambda _: [Answered(answer=offers)]
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts))
    await rig.slack.until(lambda: "[Show pods]" in rig.slack.read(OPS, ts))
    message = rig.slack.said(OPS, ts)[0]
    trigger = rig.slack.trigger()
    pressed = press("U1RUI", OPS, message, buttons(message)[0], trigger=trigger)
    assert (await rig.send(pressed)).status_code == 200
    await rig.slack.until(lambda: len(rig.engine.asked) == 2)
    assert rig.engine.asked[1]["text"] == "which pods"
    assert rig.engine.asked[1]["conversation"] == rig.engine.asked[0]["conversation"]


async def test_answer_is_seen_while_it_is_written(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "UPDATE_SECONDS", 0.0)
    rig.engine.answers = lambda _: [
        Delta(text="It is the "),
        Delta(text="image"),
        Answered(answer=Said(text="It is the image [1]")),
    ]
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts))
    await rig.slack.until(lambda: "image [1]" in rig.slack.read(OPS, ts) and "Looking" not in rig.slack.read(OPS, ts))
    shown = [seen(given) for method, given in rig.slack.calls if method == "chat.update"]
    assert any("It is the image" in one and "[1]" not in one for one in shown)
    assert any("reading the metrics" in one for one in shown)
    assert "reading the metrics" not in shown[-1]


async def test_answer_that_is_written_fast_is_not_updated_for_every_word(rig: SlackRig) -> None:
    rig.engine.answers = lambda _: [*(Delta(text="word ") for _ in range(500)), Answered(answer=Said(text="whole"))]
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts))
    await rig.slack.until(lambda: "whole" in rig.slack.read(OPS, ts))
    assert rig.slack.count("chat.update") <= 2


async def test_question_waits_while_the_token_is_refused(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "FIRST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(receiving, "IDLE_SECONDS", 0.05)
    rig.slack.trouble.fails["chat.postMessage"] = "token_revoked"
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts))
    await rig.slack.until(lambda: rig.slack.count("chat.postMessage") >= 2)
    rig.slack.trouble.fails.clear()
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))


async def test_secret_in_what_was_pasted_is_not_kept_while_it_waits(rig: SlackRig) -> None:
    ts = rig.slack.write(OPS, "U9ELSE", "look")
    message = rig.slack.said(OPS)[0] | {"text": "export HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123456789"}
    await rig.send(shortcut("U1RUI", OPS, message, trigger=rig.slack.trigger()))
    kept = rig.ledger.messenger_inbox.claim("slack", "test", 30)
    assert kept is not None
    assert "hf_abc" not in str(kept.payload)
    assert ts in str(kept.payload)
