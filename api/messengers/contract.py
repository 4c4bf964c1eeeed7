"""What the desk asks of a chat platform. Slack is one; Feishu or DingTalk is one more class with these methods, held to the same
suite (``tests/contracts``), and nothing else of the desk changes.

A messenger carries and forgets: what is to be said, to whom, and again after a failure is decided by its callers. It raises
errors of ``knowledge.errors`` only, none with a secret in its words:

- ``Temporary``: nothing is known to have happened, the same call may succeed later; ``retry_after_seconds`` is heeded.
- ``MessageGone``, ``PlaceUnknown``, ``TooLate``, ``AccessDenied`` and other ``Permanent``: it will fail again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal, Protocol

from agent.chat.reply import Part
from api.chat_text import Attachment
from api.messengers.message import Form, Message, Picture
from knowledge.errors import NotFound, Permanent, Temporary
from knowledge.vocabulary import Language, Noun, Principal


class MessengerUnreachable(Temporary):
    """No answer, or the platform says that it is the one in trouble."""

    title = "chat platform unreachable"


class MessengerBusy(Temporary):
    """More was sent than the platform takes."""

    title = "chat platform busy"


class PostUnanswered(MessengerUnreachable):
    """A message was sent and no answer came: it may stand there. Look for it before it is sent again."""

    title = "post unanswered"


class MessageGone(NotFound):
    title = "message gone"


class PlaceUnknown(NotFound):
    """No such channel, or the desk is not in it."""

    title = "channel unknown"


class TooLate(Permanent):
    """What a press of a button allowed was not done in time: the person has to press again."""

    title = "too late"


class Account(Noun):
    """Who somebody is over there. ``provider`` names platform and tenant (``slack:T0123``): the same id in two tenants is two
    accounts."""

    provider: str
    subject: str


class Place(Noun):
    """A channel, and the message under which to answer; empty: the channel itself. ``is_shown_beside``: what is posted in the
    thread is to be seen in the channel too, where the platform can do that."""

    channel: str
    thread: str = ""
    is_shown_beside: bool = False


class SharedFile(Noun):
    """A file that came along with a message; ``size`` is what the platform says."""

    id: str
    name: str
    url: str
    kind: str = ""
    size: int = 0


Way = Literal["mention", "direct", "command", "shortcut", "offer"]


class Asked(Noun):
    """Somebody said something to the desk. ``quoted``: the text that it is about (of a message that was pointed at)."""

    id: str
    way: Way
    account: Account
    place: Place
    text: str
    quoted: str = ""
    files: tuple[SharedFile, ...] = ()
    at: datetime
    opens: bool = False
    """An offer was taken that opens an incident with ``text``."""
    pressed: str = ""
    """The message whose offer was taken: the same one again is the same wish."""
    is_external: bool = False
    """The channel is shared with another organisation."""


class Person(Noun):
    """How the platform knows somebody. ``language`` None: it does not say."""

    name: str
    language: Language | None = None
    zone: str = "UTC"


class Messenger(Protocol):
    """See the module's words on errors."""

    @property
    def name(self) -> str:
        """One word: ``slack``. Kept with what was posted, and said in the audit."""

    async def post(self, place: Place, message: Message, key: str) -> str:
        """Posts and gives the message's id. ``key`` is hidden in it, for ``find``. PostUnanswered when it may have arrived."""

    async def find(self, place: Place, key: str, since: datetime) -> str | None:
        """The id of the desk's own message with this key, posted at ``since`` or later; None when there is none."""

    async def update(self, place: Place, message_id: str, message: Message) -> None:
        """Replaces what the message shows. MessageGone when somebody deleted it."""

    async def whisper(self, place: Place, account: Account, message: Message) -> None:
        """Shows something to one person only."""

    async def open_form(self, trigger: str, form: Form) -> None:
        """Opens a form before whoever pressed the button that gave ``trigger``. TooLate after a few seconds."""

    async def read_file(self, file: SharedFile, maximum_bytes: int) -> bytes:
        """The file's content. AnswerTooLarge above the bound; BadInput for one that does not lie with the platform itself."""

    async def post_picture(self, place: Place, picture: Picture) -> None: ...

    async def person(self, account: Account) -> Person: ...

    async def direct(self, account: Account) -> Place:
        """Where only this person reads."""

    async def greet(self) -> str:
        """Signs in and says as whom, for `opsdesk doctor`; tells nobody anything."""


class Say(Protocol):
    """The chat engine, as faces call it (``api.chat.Chat.say``)."""

    def __call__(
        self,
        principal: Principal,
        text: str,
        *,
        conversation_id: str = "",
        incident_id: str = "",
        language: Language | None = None,
        attachments: Sequence[Attachment] = (),
        zone: str = "",
        channel: Literal["slack"] = "slack",
    ) -> AsyncIterator[Part]: ...
