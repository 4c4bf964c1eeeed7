"""What a notice is, and what a channel that carries notices must do. E-mail, Slack and webhooks are such channels; another
product's is one more class with these four members.

A channel carries one notice to one address and forgets it: keeping, retrying, coalescing and giving up are the outbox's. It
tells the outbox what came of it by raising or not: no error means delivered, ``Temporary`` means again later (its
``retry_after_seconds`` is heeded), ``Permanent`` means never. Titles and bodies are data of telemetry in part: a channel
escapes them for its own markup.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import Field

from knowledge.errors import Permanent
from knowledge.vocabulary import Language, Noun, Severity, Text


class NoticeKind(StrEnum):
    """What happened, in the order of an incident's life; the words of the routing file."""

    INCIDENT_OPENED = "incident_opened"
    DIAGNOSED = "diagnosed"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    APPROVAL_EXPIRING = "approval_expiring"
    """It has waited for a while: an escalation's step. It only tells; nothing is ever approved by waiting."""
    APPROVAL_EXPIRED = "approval_expired"
    DECIDED = "decided"
    BREAK_GLASS = "break_glass"
    EXECUTED = "executed"
    FAILED = "failed"
    UNDONE = "undone"
    HANDED_OVER = "handed_over"
    ANSWERED = "answered"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    DIGEST = "digest"
    """Many notices in one, because there were too many for one each."""
    TEST = "test"
    """`opsdesk notices test`: nothing happened."""


class Fact(Noun):
    """One line under a notice: ``Diagnosis: ...``. Plain text, never markup."""

    name: Text
    value: Text
    at: datetime | None = None
    """A time, instead of ``value``: shown in the reader's zone."""


class Notice(Noun):
    """One thing to tell, in both languages; who reads it sees the one of their address. ``id`` is the same at every retry and
    for every address: a channel that can tell doubles (Message-ID, idempotency key) uses it together with the address."""

    id: str
    kind: NoticeKind
    incident: str = ""
    """The incident's id; empty in a digest or a test. What one incident's notices share is its thread."""
    incident_title: str = ""
    subject: str = ""
    """Id of the approval request, execution or diagnosis that it is about; empty: the incident itself."""
    severity: Severity = Severity.INFO
    service: str = ""
    namespace: str = ""
    cluster: str = ""
    is_page: bool = False
    """Somebody has to look now: it breaks through quiet hours."""
    title: Text
    """One line, at most 200 characters."""
    body: Text
    """Some lines of plain text; empty where the title says it all."""
    facts: tuple[Fact, ...] = ()
    link: str = ""
    """Absolute URL of the page about it; empty when the desk was told none."""
    count: int = Field(default=1, ge=1)
    """How many happenings it stands for: more than one where they were coalesced."""
    at: datetime
    """When it happened; of several, the latest."""


class Address(Noun):
    """Where a notice goes within one channel.

    ``named``: ``to`` is the channel's own word for a place (a mail address, ``#ops`` or a Slack channel id, the name of a
    webhook in the settings). ``person``: ``to`` is a principal's id; the channel knows where that person reads. ``origin``:
    where the incident itself was asked (its Slack thread); ``to`` is the incident's id.
    """

    kind: Literal["named", "person", "origin"] = "named"
    to: str = ""
    language: Language | None = None
    """None: both, the desk's own first."""
    zone: str = "UTC"
    """IANA name; times in texts are shown in it."""

    @property
    def key(self) -> str:
        """One spelling of the place: what coalescing and quiet hours go by."""
        return f"{self.kind}:{self.to}"


class AddressUnknown(Permanent):
    """The channel has no place of that name, or knows no place of that person's."""

    title = "nowhere to send it"


class Channel(Protocol):
    """One way to reach people. Raises errors of ``knowledge.errors`` only, none with a secret in its words."""

    @property
    def name(self) -> str:
        """The word for it in the routing file: ``email``, ``slack``, ``webhook``."""

    async def send(self, notice: Notice, address: Address) -> None:
        """Delivers, or raises: a Temporary (again later), a Permanent (never). Sent twice for one notice and address only
        when the first outcome was not known."""

    async def knows(self, address: Address) -> bool:
        """Whether this channel has a place for the address: of a person who linked no account, and of an incident that was
        not asked here, it has none. Reads local state only."""

    async def greet(self) -> str:
        """Tries the other side without telling anybody anything (a greeting, a sign-in): one line for `opsdesk doctor`.
        Raises what ``send`` would."""
