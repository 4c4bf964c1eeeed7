"""Slack as a channel of notices: into a channel, to a person who linked their account, or where the incident was asked.

What concerns one incident goes into the thread of its message, where it has one in that channel, and is shown in the channel
beside when somebody is to act on it.
"""

from __future__ import annotations

import asyncio
import re

from api.messengers.contract import Account, Messenger, MessengerBusy, Place, PlaceUnknown, PostUnanswered
from api.messengers.message import Button, Buttons, Fact, Facts, Heading, Message, Paragraph, Piece
from api.messengers.showing import CARD
from api.notices.contract import Address, AddressUnknown, Notice, NoticeKind
from api.web.words import word
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Language, Text

URGENT = frozenset(
    {
        NoticeKind.WAITING_FOR_APPROVAL,
        NoticeKind.APPROVAL_EXPIRING,
        NoticeKind.BREAK_GLASS,
        NoticeKind.HANDED_OVER,
        NoticeKind.FAILED,
    }
)
UNANSWERED_MOST = 1_000
CARD_FIRST_SECONDS = 5.0
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,}")


class SlackNotices:
    """``team``: the workspace of the bot token; only its users are written to."""

    name = "slack"

    def __init__(self, messenger: Messenger, ledger: Ledger, language: Language) -> None:
        self._messenger, self._ledger, self._language = messenger, ledger, language
        self._unanswered: set[str] = set()

    async def send(self, notice: Notice, address: Address) -> None:
        place = await self._place(notice, address)
        if place is None:
            raise AddressUnknown(
                f"Slack has no place for {address.key}", next_step="opsdesk user links NAME shows who linked an account"
            )
        message = notice_message(notice, address.language, self._language)
        key = f"notice:{notice.id}@{address.key}"
        if key in self._unanswered and await self._messenger.find(place, key, notice.at) is not None:
            self._unanswered.discard(key)
            return
        try:
            await self._messenger.post(place, message, key)
        except PostUnanswered:
            if len(self._unanswered) >= UNANSWERED_MOST:
                self._unanswered.clear()
            self._unanswered.add(key)
            raise
        except PlaceUnknown as error:
            raise AddressUnknown(error.message, next_step=error.next_step) from None
        self._unanswered.discard(key)

    async def knows(self, address: Address) -> bool:
        match address.kind:
            case "person":
                return bool(await asyncio.to_thread(self._accounts, address.to))
            case "named":
                return _CHANNEL.fullmatch(address.to) is not None
            case _:
                return await asyncio.to_thread(self._origin, address.to) is not None

    async def greet(self) -> str:
        return await self._messenger.greet()

    async def _place(self, notice: Notice, address: Address) -> Place | None:
        match address.kind:
            case "person":
                accounts = await asyncio.to_thread(self._accounts, address.to)
                return await self._messenger.direct(accounts[0]) if accounts else None
            case "named":
                if _CHANNEL.fullmatch(address.to) is None:
                    return None
                return await asyncio.to_thread(self._in_channel, notice, address.to)
            case _:
                return await asyncio.to_thread(self._origin, notice.incident)

    def _accounts(self, principal_id: str) -> list[Account]:
        linked = self._ledger.linked_identities.of(principal_id)
        return [
            Account(provider=one.provider, subject=one.subject) for one in linked if one.provider.startswith("slack:")
        ]

    def _in_channel(self, notice: Notice, channel: str) -> Place:
        card = self._ledger.messenger_posts.get(self.name, channel, CARD + notice.incident) if notice.incident else None
        if card is not None and not card.message_id and card.due_at is not None and not card.failure:
            raise MessengerBusy("the incident's own message comes first", retry_after_seconds=CARD_FIRST_SECONDS)
        if card is None or not card.message_id:
            return Place(channel=channel)
        return Place(channel=channel, thread=card.message_id, is_shown_beside=notice.is_page or notice.kind in URGENT)

    def _origin(self, incident_id: str) -> Place | None:
        threads = self._ledger.messenger_threads.of_incident(self.name, incident_id) if incident_id else []
        return Place(channel=threads[0].channel, thread=threads[0].thread) if threads else None


def notice_message(notice: Notice, language: Language | None, own: Language) -> Message:
    """In the address's language; in both, the desk's own first, where it names none."""
    languages = [language] if language else [own, Language.EN if own is Language.ZH else Language.ZH]

    def said(text: Text) -> str:
        return "\n".join(dict.fromkeys(text.within(one) for one in languages))

    title = " / ".join(dict.fromkeys(notice.title.within(one) for one in languages))
    pieces: list[Piece] = [Heading(text=title if len(title) <= 150 else notice.title.within(languages[0]))]
    if said(notice.body).strip():
        pieces.append(Paragraph(text=said(notice.body)))
    if notice.facts:
        first = languages[0]
        facts = tuple(Fact(label=one.name.within(first), value=one.value.within(first)) for one in notice.facts)
        pieces.append(Facts(facts=facts))
    if notice.link:
        console = word("messengers.open_console", languages[0])
        pieces.append(Buttons(buttons=(Button(label=console, does="look", link=notice.link),)))
    return Message(pieces=tuple(pieces), plain=title, link=notice.link, more=word("messengers.more", languages[0]))
