"""A chat platform in memory, held to the same suite as the real ones (``tests/contracts/messengers``)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.messengers.contract import (
    Account,
    MessageGone,
    MessengerUnreachable,
    Person,
    Place,
    PlaceUnknown,
    PostUnanswered,
    SharedFile,
    TooLate,
)
from api.messengers.message import Buttons, Code, Facts, Form, Heading, Message, Note, Paragraph, Picture, Piece
from knowledge.errors import AnswerTooLarge, BadInput
from knowledge.vocabulary import Language

HOST = "memory://"


@dataclass
class Stored:
    id: str
    channel: str
    thread: str
    key: str
    at: datetime
    message: Message


@dataclass
class MemoryMessenger:
    """``is_away``: nobody answers; ``loses_answers``: what is posted stands there, but the caller hears nothing."""

    channels: set[str] = field(default_factory=set)
    people: dict[str, Person] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    stored: list[Stored] = field(default_factory=list)
    whispers: list[tuple[Account, Message]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    pictures: list[tuple[Place, Picture]] = field(default_factory=list)
    triggers: set[str] = field(default_factory=set)
    is_away: bool = False
    loses_answers: bool = False
    name: str = "memory"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def _check(self, channel: str) -> None:
        if self.is_away:
            raise MessengerUnreachable("nobody answers")
        if channel not in self.channels:
            raise PlaceUnknown(f"there is no channel {channel}")

    async def post(self, place: Place, message: Message, key: str) -> str:
        self._check(place.channel)
        one = Stored(f"m{next(self._numbers)}", place.channel, place.thread, key, datetime.now(UTC), message)
        self.stored.append(one)
        if self.loses_answers:
            raise PostUnanswered("no answer came")
        return one.id

    async def find(self, place: Place, key: str, since: datetime) -> str | None:
        self._check(place.channel)
        for one in self.stored:
            if (one.channel, one.thread, one.key) == (place.channel, place.thread, key) and one.at >= since:
                return one.id
        return None

    async def update(self, place: Place, message_id: str, message: Message) -> None:
        self._check(place.channel)
        for one in self.stored:
            if one.id == message_id:
                one.message = message
                return
        raise MessageGone("the message is gone")

    async def whisper(self, place: Place, account: Account, message: Message) -> None:
        self._check(place.channel)
        self.whispers.append((account, message))

    async def open_form(self, trigger: str, form: Form) -> None:
        if trigger not in self.triggers:
            raise TooLate("too much time has passed", next_step="press it again")
        self.triggers.remove(trigger)
        self.forms.append(form)

    async def read_file(self, file: SharedFile, maximum_bytes: int) -> bytes:
        if not file.url.startswith(HOST):
            raise BadInput("the file does not lie with the platform")
        content = self.files[file.url.removeprefix(HOST)]
        if len(content) > maximum_bytes:
            raise AnswerTooLarge(f"the file has more than {maximum_bytes} bytes")
        return content

    async def post_picture(self, place: Place, picture: Picture) -> None:
        self._check(place.channel)
        self.pictures.append((place, picture))

    async def person(self, account: Account) -> Person:
        return self.people.get(account.subject) or Person(name=account.subject, language=Language.EN)

    async def direct(self, account: Account) -> Place:
        if account.subject not in self.people:
            raise PlaceUnknown(f"there is nobody called {account.subject}")
        channel = f"direct-{account.subject}"
        self.channels.add(channel)
        return Place(channel=channel)

    async def greet(self) -> str:
        if self.is_away:
            raise MessengerUnreachable("nobody answers")
        return "a chat platform in memory"


def read(message: Message) -> str:
    """What a person reads of it."""
    return "\n".join(line for piece in message.pieces for line in _lines(piece))


def _lines(piece: Piece) -> list[str]:
    match piece:
        case Heading() | Paragraph() | Note():
            return [piece.text]
        case Code():
            return [part for part in (piece.title, piece.text) if part]
        case Facts():
            return [f"{fact.label}: {fact.value}" for fact in piece.facts]
        case Buttons():
            return [" ".join(f"[{button.label}]" for button in piece.buttons)]
        case _:
            return ["---"]
