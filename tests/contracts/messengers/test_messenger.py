"""What anything behind the Messenger contract does: the platform in memory, and Slack's adapter before the server that speaks
Slack's documented protocol. A further platform is one more ``Side``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from api.messengers.contract import (
    Account,
    MessageGone,
    Messenger,
    MessengerUnreachable,
    Place,
    PlaceUnknown,
    PostUnanswered,
    SharedFile,
    TooLate,
)
from api.messengers.message import (
    Button,
    Buttons,
    Code,
    Entry,
    Fact,
    Facts,
    Form,
    Heading,
    Message,
    Note,
    Paragraph,
    Picture,
)
from api.slack.face import open_messenger
from api.slack.options import SlackSettings
from knowledge.errors import AnswerTooLarge, BadInput
from knowledge.vocabulary import Language
from tests.fakes.memory_messenger import HOST, MemoryMessenger, Stored, read
from tests.fakes.slack_blocks import seen
from tests.fakes.slack_server import BOT_TOKEN, TEAM, FakeSlack, running_slack

CHANNEL, WEI = "C0OPS", "U1WEI"
IN_MEMORY, IN_SLACK = Account(provider="memory:one", subject=WEI), Account(provider=f"slack:{TEAM}", subject=WEI)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


class Side(Protocol):
    """A platform as a test sees it from the other side."""

    @property
    def messenger(self) -> Messenger: ...

    @property
    def account(self) -> Account: ...

    def shown(self, channel: str = CHANNEL) -> list[tuple[str, str, str]]:
        """(id, thread, what a person reads) of every message, oldest first."""

    def whispered(self) -> list[str]: ...

    def forms(self) -> list[str]: ...

    def pictures(self) -> list[tuple[str, bytes]]: ...

    def trigger(self) -> str: ...

    def share(self, content: bytes) -> SharedFile: ...

    def delete(self, message_id: str) -> None: ...

    def set_away(self, *, is_away: bool) -> None: ...

    def lose_answers(self) -> None: ...


@dataclass
class MemorySide:
    messenger: MemoryMessenger
    account: Account = IN_MEMORY

    def shown(self, channel: str = CHANNEL) -> list[tuple[str, str, str]]:
        return [(one.id, one.thread, read(one.message)) for one in self.messenger.stored if one.channel == channel]

    def whispered(self) -> list[str]:
        return [read(message) for _, message in self.messenger.whispers]

    def forms(self) -> list[str]:
        return [read(Message(pieces=form.pieces, plain="")) for form in self.messenger.forms]

    def pictures(self) -> list[tuple[str, bytes]]:
        return [(place.thread, picture.png) for place, picture in self.messenger.pictures]

    def trigger(self) -> str:
        self.messenger.triggers.add("t1")
        return "t1"

    def share(self, content: bytes) -> SharedFile:
        self.messenger.files["a.log"] = content
        return SharedFile(id="f1", name="a.log", url=f"{HOST}a.log", size=len(content))

    def delete(self, message_id: str) -> None:
        kept: list[Stored] = [one for one in self.messenger.stored if one.id != message_id]
        self.messenger.stored = kept

    def set_away(self, *, is_away: bool) -> None:
        self.messenger.is_away = is_away

    def lose_answers(self) -> None:
        self.messenger.loses_answers = True


@dataclass
class SlackSide:
    slack: FakeSlack
    messenger: Messenger
    account: Account = IN_SLACK

    def shown(self, channel: str = CHANNEL) -> list[tuple[str, str, str]]:
        return [(one["ts"], one.get("thread_ts", ""), seen(one)) for one in self.slack.said(channel)]

    def whispered(self) -> list[str]:
        return [seen(one) for one in self.slack.ephemeral if one["user"] == WEI]

    def forms(self) -> list[str]:
        return [seen(view) for view in self.slack.views]

    def pictures(self) -> list[tuple[str, bytes]]:
        return [(one["thread_ts"], one["content"]) for one in self.slack.pictures]

    def trigger(self) -> str:
        return self.slack.trigger()

    def share(self, content: bytes) -> SharedFile:
        held = self.slack.file("a.log", content)
        return SharedFile(id=held["id"], name="a.log", url=held["url_private_download"], size=held["size"])

    def delete(self, message_id: str) -> None:
        self.slack.channels[CHANNEL] = [one for one in self.slack.channels[CHANNEL] if one["ts"] != message_id]

    def set_away(self, *, is_away: bool) -> None:
        self.slack.trouble.is_away = is_away

    def lose_answers(self) -> None:
        self.slack.trouble.drops.add("chat.postMessage")


@pytest.fixture(params=["memory", "slack"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "memory":
        memory = MemoryMessenger(channels={CHANNEL})
        memory.people[WEI] = await memory.person(Account(provider="memory:one", subject=WEI))
        yield MemorySide(memory)
        return
    async with running_slack() as slack:
        slack.channel(CHANNEL)
        slack.user(WEI)
        host = slack.url.removeprefix("http://")
        options = {"bot_token": BOT_TOKEN, "api_url": f"{slack.url}/api/", "file_hosts": (host,)}
        yield SlackSide(slack, open_messenger(SlackSettings.model_validate(options)))


HERE = Place(channel=CHANNEL)
A_WHILE_AGO: Callable[[], datetime] = lambda: datetime.now(UTC) - timedelta(minutes=1)  # noqa: E731


def message(text: str = "it is slow") -> Message:
    pieces = (
        Heading(text="Incident"),
        Paragraph(text=text),
        Facts(facts=(Fact(label="Where", value="prod/serving"),)),
        Code(title="Script", text="kubectl get pods"),
        Note(text="small print"),
        Buttons(buttons=(Button(label="Approve", does="approve", value="x", style="good"),)),
    )
    return Message(pieces=pieces, plain=text)


async def test_message_stands_where_it_was_posted(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    (one,) = side.shown()
    assert one[:2] == (posted, "")
    for told in (
        "Incident",
        "it is slow",
        "Where: prod/serving",
        "Script",
        "kubectl get pods",
        "small print",
        "[Approve]",
    ):
        assert told in one[2]


async def test_reply_stands_in_the_thread(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    reply = await side.messenger.post(Place(channel=CHANNEL, thread=posted), message("more"), "k2")
    assert side.shown()[1][:2] == (reply, posted)


async def test_message_is_replaced_when_it_is_updated(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    await side.messenger.update(HERE, posted, message("it is well"))
    assert len(side.shown()) == 1
    assert "it is well" in side.shown()[0][2]
    assert "it is slow" not in side.shown()[0][2]


async def test_update_says_that_the_message_is_gone_when_it_was_deleted(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    side.delete(posted)
    with pytest.raises(MessageGone):
        await side.messenger.update(HERE, posted, message())


async def test_posted_message_is_found_by_its_key(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    reply = await side.messenger.post(Place(channel=CHANNEL, thread=posted), message(), "k2")
    assert await side.messenger.find(HERE, "k1", A_WHILE_AGO()) == posted
    assert await side.messenger.find(Place(channel=CHANNEL, thread=posted), "k2", A_WHILE_AGO()) == reply
    assert await side.messenger.find(HERE, "k3", A_WHILE_AGO()) is None


async def test_message_is_found_by_its_key_after_it_was_updated(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    await side.messenger.update(HERE, posted, message("other"))
    assert await side.messenger.find(HERE, "k1", A_WHILE_AGO()) == posted


async def test_message_whose_answer_was_lost_is_found(side: Side) -> None:
    side.lose_answers()
    with pytest.raises(PostUnanswered):
        await side.messenger.post(HERE, message(), "k1")
    assert await side.messenger.find(HERE, "k1", A_WHILE_AGO()) == side.shown()[0][0]


async def test_whisper_is_seen_by_one_person_alone(side: Side) -> None:
    await side.messenger.whisper(HERE, side.account, message("for you"))
    assert "for you" in side.whispered()[0]
    assert side.shown() == []


async def test_unknown_channel_is_told(side: Side) -> None:
    for attempt in (
        side.messenger.post(Place(channel="C9NONE"), message(), "k1"),
        side.messenger.whisper(Place(channel="C9NONE"), side.account, message()),
    ):
        with pytest.raises(PlaceUnknown) as refused:
            await attempt
        assert not isinstance(refused.value, MessengerUnreachable)


async def test_silence_is_temporary(side: Side) -> None:
    side.set_away(is_away=True)
    with pytest.raises(MessengerUnreachable):
        await side.messenger.post(HERE, message(), "k1")
    with pytest.raises(MessengerUnreachable):
        await side.messenger.greet()
    side.set_away(is_away=False)
    await side.messenger.post(HERE, message(), "k1")
    assert len(side.shown()) == 1


async def test_form_opens_once_for_a_press(side: Side) -> None:
    form = Form(
        title="Approve?",
        pieces=(Paragraph(text="the diff"),),
        entries=(Entry(key="reason", label="Reason"),),
        does="approve",
        value="v",
        submit="Approve",
        close="Cancel",
    )
    trigger = side.trigger()
    await side.messenger.open_form(trigger, form)
    assert "the diff" in side.forms()[0]
    with pytest.raises(TooLate):
        await side.messenger.open_form(trigger, form)


async def test_shared_file_is_read_within_its_bound(side: Side) -> None:
    file = side.share(b"Xid 79")
    assert await side.messenger.read_file(file, 100) == b"Xid 79"
    with pytest.raises(AnswerTooLarge):
        await side.messenger.read_file(file.model_copy(update={"size": 0}), 3)
    with pytest.raises(BadInput):
        await side.messenger.read_file(file.model_copy(update={"url": "https://evil.example/x"}), 100)


async def test_picture_is_posted_into_the_thread(side: Side) -> None:
    posted = await side.messenger.post(HERE, message(), "k1")
    picture = Picture(png=PNG, title="Queue", alt="rising")
    await side.messenger.post_picture(Place(channel=CHANNEL, thread=posted), picture)
    assert side.pictures() == [(posted, PNG)]


async def test_person_is_known_and_can_be_written_to_alone(side: Side) -> None:
    assert (await side.messenger.person(side.account)).language is Language.EN
    place = await side.messenger.direct(side.account)
    await side.messenger.post(place, message("between us"), "k1")
    assert "between us" in side.shown(place.channel)[0][2]
    with pytest.raises(PlaceUnknown):
        await side.messenger.direct(side.account.model_copy(update={"subject": "U9NONE"}))


async def test_greeting_tells_nobody_anything(side: Side) -> None:
    assert await side.messenger.greet()
    assert side.shown() == []
