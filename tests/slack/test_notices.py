"""Slack as a channel of notices: into the incident's thread where there is one, to a linked person, or where it was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from api.notices.channels import open_channels
from api.notices.contract import Address, AddressUnknown, Channel, Fact, Notice, NoticeKind
from api.slack.notices import SlackNotices
from knowledge.errors import Temporary
from knowledge.vocabulary import Language, Text
from tests.fakes.slack_blocks import seen
from tests.fakes.slack_workspace import mention, press
from tests.slack.conftest import OPS, SlackRig
from tests.web.story import incident_of

CHANNEL = Address(to=OPS, language=Language.EN)


def notice(kind: NoticeKind = NoticeKind.TEST, **more: Any) -> Notice:
    given: dict[str, Any] = {
        "id": "n-1",
        "title": Text(en="Somebody has to look <!here>", zh="需要有人查看"),
        "body": Text(en="qwen2-7b has no replica", zh="qwen2-7b 没有副本"),
        "facts": (Fact(name=Text(en="Cluster", zh="集群"), value=Text(en="prod", zh="prod")),),
        "link": "https://desk.test/incidents/inc-1",
        "at": datetime.now(UTC),
    }
    return Notice(kind=kind, **given | more)


@pytest.fixture
def channel(rig: SlackRig) -> Channel:
    (found,) = open_channels(rig.desk.settings, rig.ledger, lambda: datetime.now(UTC)).values()
    assert isinstance(found, SlackNotices)
    return found


async def test_notice_is_posted_in_the_language_of_its_address(rig: SlackRig, channel: Channel) -> None:
    await channel.send(notice(), CHANNEL)
    read = seen(rig.tops()[0])
    for told in ("Somebody has to look <!here>", "no replica", "Cluster: prod", "[Open in the console]"):
        assert told in read
    await channel.send(notice(), Address(to=OPS))
    assert "需要有人查看" in seen(rig.tops()[1])


async def test_notice_of_an_incident_goes_into_its_thread(rig: SlackRig, channel: Channel) -> None:
    await rig.follow_from_now()
    incident = incident_of(rig.ledger)
    await rig.settle()
    (card,) = rig.tops()
    await channel.send(notice(NoticeKind.RESOLVED, incident=incident.id), CHANNEL)
    await channel.send(notice(NoticeKind.WAITING_FOR_APPROVAL, incident=incident.id), CHANNEL)
    assert rig.slack.said(OPS, card["ts"])[-1]["text"].startswith("Somebody")
    posted = [given for method, given in rig.slack.calls if method == "chat.postMessage"][-2:]
    assert [given.get("reply_broadcast", False) for given in posted] == [False, True]


async def test_notice_waits_for_the_message_of_its_incident(rig: SlackRig, channel: Channel) -> None:
    await rig.follow_from_now()
    incident = incident_of(rig.ledger)
    await rig.face.following.look()
    with pytest.raises(Temporary):
        await channel.send(notice(NoticeKind.INCIDENT_OPENED, incident=incident.id), CHANNEL)
    await rig.settle()
    await channel.send(notice(NoticeKind.INCIDENT_OPENED, incident=incident.id), CHANNEL)
    assert len(rig.tops()) == 1


async def test_notice_to_a_person_goes_to_their_linked_account_alone(rig: SlackRig, channel: Channel) -> None:
    rig.person("ana")
    to_rui, to_ana = Address(kind="person", to="rui"), Address(kind="person", to="ana")
    assert await channel.knows(to_rui)
    assert not await channel.knows(to_ana)
    await channel.send(notice(), to_rui)
    assert "Somebody has to look" in rig.slack.read("DU1RUI")
    with pytest.raises(AddressUnknown):
        await channel.send(notice(), to_ana)


async def test_notice_to_the_origin_goes_to_the_thread_where_the_incident_was_asked(
    rig: SlackRig, channel: Channel
) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "it is down")
    await rig.send(mention("U1RUI", OPS, "it is down", ts=ts))
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    message = rig.slack.said(OPS, ts)[0]
    button = {"action_id": "opsdesk.open.0.0.0", "value": "qwen2-7b is down since ten"}
    await rig.send(press("U1RUI", OPS, message, button, trigger=rig.slack.trigger()))
    await rig.slack.until(lambda: "qwen2-7b is down since ten (open)" in rig.slack.read(OPS, ts))
    (incident,) = rig.ledger.incidents.list(rig.everything)
    assert incident.requester == "rui"
    origin = Address(kind="origin", to=incident.id)
    assert await channel.knows(origin)
    await channel.send(notice(NoticeKind.RESOLVED, incident=incident.id), origin)
    assert "Somebody has to look" in rig.slack.read(OPS, ts)
    assert not await channel.knows(Address(kind="origin", to=incident_of(rig.ledger).id))


async def test_offer_to_open_opens_one_incident_when_it_is_pressed_twice(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "it is down")
    await rig.send(mention("U1RUI", OPS, "it is down", ts=ts))
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    pressed = press(
        "U1RUI",
        OPS,
        rig.slack.said(OPS, ts)[0],
        {"action_id": "opsdesk.open.0.0.0", "value": "it is down"},
        trigger=rig.slack.trigger(),
    )
    for _ in range(3):
        await rig.send(pressed)
    await rig.slack.until(lambda: "it is down (open)" in rig.slack.read(OPS, ts))
    assert len(rig.ledger.incidents.list(rig.everything)) == 1


async def test_notice_whose_answer_was_lost_is_not_posted_again(rig: SlackRig, channel: Channel) -> None:
    rig.slack.trouble.drops.add("chat.postMessage")
    with pytest.raises(Temporary):
        await channel.send(notice(), CHANNEL)
    rig.slack.trouble.drops.clear()
    await channel.send(notice(), CHANNEL)
    assert len(rig.tops()) == 1


async def test_refusals_are_told_as_the_outbox_needs_them(rig: SlackRig, channel: Channel) -> None:
    with pytest.raises(AddressUnknown):
        await channel.send(notice(), Address(to="C9NONE"))
    with pytest.raises(AddressUnknown):
        await channel.send(notice(), Address(to="#ops"))
    rig.slack.trouble.limits["chat.postMessage"] = [7]
    with pytest.raises(Temporary) as limited:
        await channel.send(notice(), CHANNEL)
    assert limited.value.retry_after_seconds == 7
    assert "opsdesk in Desk" in await channel.greet()
