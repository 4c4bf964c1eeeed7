"""Slack away for an hour: nothing is lost, nothing is said twice, and the channel is not flooded when it is back."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from api.messengers import receiving, showing
from knowledge.vocabulary import IncidentStatus
from tests.fakes.slack_blocks import seen
from tests.fakes.slack_server import FakeSlack
from tests.fakes.slack_workspace import mention
from tests.slack.conftest import OPS, SlackRig, slack_rig
from tests.web.story import incident_of, whole_story


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(receiving, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(showing, "LONGEST_WAIT_SECONDS", 0.05)


async def ask(rig: SlackRig, text: str = "why is it slow") -> str:
    ts = rig.slack.write(OPS, "U1RUI", text)
    assert (await rig.send(mention("U1RUI", OPS, text, ts=ts))).status_code == 200
    return ts


# --- answers ---------------------------------------------------------------------------------------------------------


async def test_question_is_answered_when_slack_is_back(rig: SlackRig) -> None:
    await rig.face.team()
    rig.start()
    rig.slack.trouble.fails["chat.postMessage"] = "service_unavailable"
    ts = await ask(rig)
    await rig.slack.until(lambda: rig.slack.count("chat.postMessage") >= 1)
    rig.slack.trouble.fails.clear()
    await hurry(rig)
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert len(rig.slack.said(OPS, ts)) == 1


async def test_answer_is_posted_once_when_slack_loses_its_own_answer(rig: SlackRig) -> None:
    """The message stands there, but nobody heard so."""
    await rig.face.team()
    rig.start()
    rig.slack.trouble.drops.add("chat.postMessage")
    ts = await ask(rig)
    await rig.slack.until(lambda: rig.slack.count("chat.postMessage") == 1)
    rig.slack.trouble.drops.clear()
    await hurry(rig)
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert len(rig.slack.said(OPS, ts)) == 1


async def test_answer_is_posted_once_when_the_desk_is_killed_in_the_middle(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LEASE_SECONDS", 0.1)
    async with slack_rig(slack, ledger_template, tmp_path) as first:
        first.person("rui", account="U1RUI")
        first.engine.goes_on.clear()
        first.start()
        ts = await ask(first)
        await slack.until(lambda: first.engine.asked and "Looking" in slack.read(OPS, ts))
        await first.stop()  # as a kill leaves it: claimed, half answered, not finished
    async with slack_rig(slack, ledger_template, tmp_path) as second:
        await hurry(second)
        second.start()
        await slack.until(lambda: "You said" in slack.read(OPS, ts), 40)
        assert len(slack.said(OPS, ts)) == 1
        assert "Looking" not in slack.read(OPS, ts)


async def test_limit_of_updates_delays_an_answer_and_does_not_lose_it(rig: SlackRig) -> None:
    rig.start()
    rig.slack.trouble.limits["chat.update"] = [1]
    before = time.monotonic()
    ts = await ask(rig)
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert time.monotonic() - before >= 1.0
    assert rig.slack.count("chat.update") == 2


async def test_answer_is_posted_anew_when_somebody_deleted_its_message(rig: SlackRig) -> None:
    rig.engine.goes_on.clear()
    rig.start()
    ts = await ask(rig)
    await rig.slack.until(lambda: rig.engine.asked)
    rig.slack.channels[OPS] = [one for one in rig.slack.channels[OPS] if one["ts"] == ts]
    rig.engine.goes_on.set()
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))


async def test_bug_of_the_engine_is_told_with_an_id_and_no_detail(rig: SlackRig) -> None:
    rig.engine.error = ValueError("password=hunter2")
    rig.start()
    ts = await ask(rig)
    await rig.slack.until(lambda: "has a bug here" in rig.slack.read(OPS, ts))
    assert "hunter2" not in rig.slack.read(OPS)


# --- incidents -------------------------------------------------------------------------------------------------------


async def test_outage_ends_in_one_update_of_each_message(rig: SlackRig) -> None:
    await rig.follow_from_now()
    incident = incident_of(rig.ledger)
    await rig.settle()
    rig.slack.trouble.is_away = True
    for number in range(20):
        rig.ledger.incidents.set_status(incident.id, IncidentStatus.INVESTIGATING, f"round {number}")
        await rig.face.following.look()
        await rig.face.following.deliver()
    await asyncio.sleep(0.06)
    rig.slack.trouble.is_away = False
    before = rig.slack.count("chat.update")
    await rig.settle()
    assert "round 19" in str(rig.tops()[0])
    assert rig.slack.count("chat.update") == before + 1
    assert len(rig.tops()) == 1


async def test_many_incidents_of_an_outage_become_one_message(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.follow_from_now()
    rig.slack.trouble.is_away = True
    for number in range(30):
        incident = incident_of(
            rig.ledger, f"d{number}", service=f"model-{number}", name=f"Alert{number}", summary=f"down {number}"
        )
        if number % 3 == 0:
            rig.ledger.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "recovered")
    story = whole_story(rig.ledger, key="waiting", service="qwen2-7b", name="Waiting", summary="the one that waits")
    await rig.face.following.look()
    await rig.face.following.deliver()
    monkeypatch.setattr(showing, "LATE", timedelta(0))  # as if it had lasted an hour
    rig.slack.trouble.is_away = False
    await asyncio.sleep(0.06)
    await rig.settle()
    tops = rig.tops()
    assert len(tops) == 2
    assert "31 incidents opened; 21 of them are still open" in seen(tops[0])
    assert seen(tops[0]).index("down 1") < seen(tops[0]).index("down 0")
    assert "the one that waits" in seen(tops[1])
    assert "[Approve…]" in rig.slack.read(OPS, tops[1]["ts"])
    assert story.incident.id in str(tops[0])


async def test_incident_of_the_catch_up_gets_its_own_message_when_it_goes_on(
    rig: SlackRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.follow_from_now()
    found = [incident_of(rig.ledger, f"d{number}", service=f"m-{number}", name=f"A{number}") for number in range(5)]
    await rig.face.following.look()
    monkeypatch.setattr(showing, "LATE", timedelta(0))
    await rig.settle()
    assert len(rig.tops()) == 1
    rig.ledger.incidents.assign(found[2].id, "rui", "rui")
    await rig.settle()
    assert len(rig.tops()) == 2
    rig.ledger.incidents.close(found[3].id, "rui", "nothing to do")
    await rig.settle()
    assert len(rig.tops()) == 2


async def test_message_is_posted_once_when_slack_loses_its_own_answer(rig: SlackRig) -> None:
    await rig.follow_from_now()
    incident_of(rig.ledger)
    rig.slack.trouble.drops.add("chat.postMessage")
    await rig.face.following.look()
    await rig.face.following.deliver()
    assert len(rig.tops()) == 1
    rig.slack.trouble.drops.clear()
    await asyncio.sleep(0.06)
    await rig.settle()
    assert len(rig.tops()) == 1
    assert "Read as" in rig.slack.read(OPS) or rig.slack.said(OPS, rig.tops()[0]["ts"])


async def test_story_is_told_once_when_slack_loses_its_own_answer(rig: SlackRig) -> None:
    await rig.follow_from_now()
    incident = incident_of(rig.ledger)
    await rig.settle()
    rig.ledger.incidents.assign(incident.id, "rui", "rui")
    rig.slack.trouble.drops.add("chat.postMessage")
    await rig.face.following.look()
    await rig.face.following.deliver()
    rig.slack.trouble.drops.clear()
    await asyncio.sleep(0.06)
    await rig.settle()
    assert rig.slack.read(OPS).count("assigned to rui") == 1


async def test_message_is_posted_once_when_the_desk_is_killed_in_the_middle(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    async with slack_rig(slack, ledger_template, tmp_path) as first:
        await first.follow_from_now()
        incident_of(first.ledger)
        await first.face.following.look()
        slack.trouble.drops.add("chat.postMessage")
        await (
            first.face.following.deliver()
        )  # it stands in Slack; the ledger knows that it was begun, not that it is there
        assert len(first.tops()) == 1
    slack.trouble.drops.clear()
    async with slack_rig(slack, ledger_template, tmp_path) as second:
        await second.settle()
        assert len(second.tops()) == 1


async def test_message_is_posted_when_the_desk_was_killed_before_it_was_sent(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    async with slack_rig(slack, ledger_template, tmp_path) as first:
        await first.follow_from_now()
        incident_of(first.ledger)
        await first.face.following.look()
        post = first.ledger.messenger_posts.due("slack", 1)[0]
        first.ledger.messenger_posts.trying(post, "digest")
    async with slack_rig(slack, ledger_template, tmp_path) as second:
        await second.settle()
        assert len(second.tops()) == 1


async def test_message_is_posted_anew_when_somebody_deleted_it(rig: SlackRig) -> None:
    await rig.follow_from_now()
    incident = incident_of(rig.ledger)
    await rig.settle()
    rig.slack.channels[OPS].clear()
    rig.ledger.incidents.assign(incident.id, "rui", "rui")
    await rig.settle()
    assert len(rig.tops()) == 1


async def test_limit_is_kept_for_as_long_as_slack_says(rig: SlackRig) -> None:
    await rig.follow_from_now()
    for number in range(3):
        incident_of(rig.ledger, f"d{number}", service=f"m-{number}", name=f"A{number}")
    rig.slack.trouble.limits["chat.postMessage"] = [1]
    await rig.face.following.look()
    before = time.monotonic()
    await rig.face.following.deliver()
    assert rig.slack.count("chat.postMessage") == 1
    await rig.settle(300)
    assert time.monotonic() - before >= 1.0
    assert len(rig.tops()) == 3


async def test_channel_is_sent_one_new_message_a_second(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "POST_GAP_SECONDS", 60.0)
    await rig.follow_from_now()
    for number in range(3):
        incident_of(rig.ledger, f"d{number}", service=f"m-{number}", name=f"A{number}")
    await rig.face.following.look()
    await rig.face.following.deliver()
    await rig.face.following.deliver()
    assert rig.slack.count("chat.postMessage") == 1


async def test_channel_that_refuses_does_not_hold_up_the_others(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    from api.slack.options import SlackChannelSettings

    channels = (
        SlackChannelSettings(channel="C9GONE", services=("gone-*",)),
        SlackChannelSettings(channel=OPS),
    )
    async with slack_rig(slack, ledger_template, tmp_path, channels=channels) as rig:
        await rig.follow_from_now()
        incident_of(rig.ledger, "a", service="gone-1", name="A")
        incident_of(rig.ledger, "b", service="qwen", name="B")
        await rig.face.following.look()
        for _ in range(10):
            await rig.face.following.deliver()
            await asyncio.sleep(0.02)
        assert len(rig.tops()) == 1
        kept = rig.ledger.messenger_posts.waiting("slack")
        assert any("channel_not_found" in post.failure for post in kept)


async def test_two_desks_on_one_ledger_post_once(slack: FakeSlack, ledger_template: Path, tmp_path: Path) -> None:
    async with (
        slack_rig(slack, ledger_template, tmp_path) as first,
        slack_rig(slack, ledger_template, tmp_path) as second,
    ):
        await first.follow_from_now()
        first.start()
        second.start()
        incident_of(first.ledger)
        await slack.until(first.tops)
        await asyncio.sleep(0.3)
        assert len(first.tops()) == 1


async def hurry(rig: SlackRig) -> None:
    """What waits for its turn is due now: the test does not sit out leases and waits."""
    from sqlalchemy import text

    with rig.ledger._store.write() as writing:
        writing.session.execute(
            text("UPDATE messenger_received SET leased_until = NULL, due_at = '2020-01-01' WHERE due_at IS NOT NULL")
        )
