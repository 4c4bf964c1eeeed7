"""One person's words from a chat platform, answered by the chat engine in the thread where they were said.

It may be interrupted and begin again: the message that it answers in is found by the key of what was asked, so nobody is
answered twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from agent.chat.reply import Answered, Begun, Chart, Part, Reference
from agent.reasoning.triage import language_of
from api.bootstrap import Desk
from api.chat_text import Attachment
from api.messengers.chat_message import Reply
from api.messengers.contract import Asked, Messenger, Place, PlaceUnknown, PostUnanswered, Say
from api.messengers.linking import Linking, said
from api.messengers.links import Links
from api.messengers.message import Message, Picture
from api.messengers.reach import among
from api.messengers.text_files import decoded
from api.web.words import word
from knowledge.errors import BadInput, NotFound, OpsdeskError, Temporary
from knowledge.ledger.messengers import Received
from knowledge.vocabulary import Language, Principal, Scope

UPDATE_SECONDS = 1.5
"""Between two updates of an answer that is being written: what platforms let one message change."""
FILES_MOST = 5
PICTURE_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 10.0
"""A limit that lasts longer puts the work off instead."""
TRIES = 3
"""Of an answer whose sources are away; then the person is told so."""

log = structlog.get_logger("opsdesk.messengers")

Draw = Callable[[Chart, Language], Picture]


@dataclass
class Talk:
    desk: Desk
    messenger: Messenger
    linking: Linking
    links: Links
    say: Say
    draw: Draw | None = None
    maximum_file_bytes: int = 2_000_000
    reach: Callable[[str], Scope | None] = lambda _: None
    """What a channel may read; None for one that the settings say nothing of."""

    async def answer(self, asked: Asked, received: Received) -> None:
        """Raises Temporary when it is to be tried again; whatever else goes wrong is told to the person."""
        language = await self._language(asked)
        private = asked.way in {"command", "direct"}
        if private:
            order = await asyncio.to_thread(self.linking.obey, asked.account, asked.text, language)
        else:
            order = await asyncio.to_thread(self.linking.hush, asked.text, language)
        if order is not None:
            await self._tell_alone(asked, order)
            return
        principal = await asyncio.to_thread(self.linking.principal_of, asked.account)
        if principal is None:
            await self._tell_alone(asked, self.linking.how_to_link(language))
        elif asked.is_external:
            await self._tell_alone(asked, said(word("messengers.external", language)))
        else:
            await self._converse(asked, principal, language, received)

    async def _language(self, asked: Asked) -> Language:
        """That of the words; of the platform's own setting where there are none."""
        words = asked.text or asked.quoted
        if any("\u4e00" <= letter <= "\u9fff" for letter in words):
            return Language.ZH
        try:
            known = (await self.messenger.person(asked.account)).language
        except OpsdeskError:  # nicety: an answer in the desk's language is an answer
            known = None
        if len(words.split()) >= 2:
            return language_of(words)
        return known or self.desk.settings.desk.language

    async def _tell_alone(self, asked: Asked, message: Message) -> None:
        """Where nobody else reads."""
        if asked.way == "direct":
            await self.messenger.post(asked.place, message, asked.id)
        elif asked.way == "command":
            await self.messenger.post(await self.messenger.direct(asked.account), message, asked.id)
        else:
            try:
                await self.messenger.whisper(asked.place, asked.account, message)
            except PlaceUnknown:
                await self.messenger.post(await self.messenger.direct(asked.account), message, asked.id)

    async def _converse(self, asked: Asked, principal: Principal, language: Language, received: Received) -> None:
        if asked.way not in {"command", "direct"}:  # others read the answer too
            principal = among(principal, self.reach(asked.place.channel))
        reply = Reply(language, self.links)
        sheet = _Sheet(self.messenger, asked, reply)
        await sheet.open(received)
        attachments = await self._attachments(asked, reply)
        try:
            if asked.opens:
                reply.take(await asyncio.to_thread(self._opened, asked, sheet.place, principal))
            else:
                async for part in self._said(asked, sheet.place, principal, language, attachments):
                    reply.take(part)
                    await sheet.show()
        except Temporary as error:
            if received.attempts < TRIES:
                raise
            reply.notes.append(word("messengers.gave_up", language, why=error.message))
        except OpsdeskError as error:
            why = " ".join(part for part in (error.message, error.next_step) if part)
            reply.notes.append(word("messengers.gave_up", language, why=why))
        except Exception:
            bug = uuid.uuid4().hex[:12]
            log.exception("messenger_bug", id=bug, asked=asked.id)
            reply.notes.append(word("messengers.broke", language, id=bug))
        reply.is_over = True
        await sheet.close()
        await self._show_charts(reply, sheet.place)

    async def _said(
        self, asked: Asked, place: Place, principal: Principal, language: Language, attachments: list[Attachment]
    ) -> AsyncIterator[Part]:
        """The engine's answer in the person's own conversation of this thread; in the thread of an incident's message it is
        about that incident."""
        threads, name = self.desk.ledger.messenger_threads, self.messenger.name
        where = (name, place.channel, place.thread, principal.id)
        known = await asyncio.to_thread(threads.conversation_in, *where)
        text = "\n\n".join(part for part in (asked.text, asked.quoted) if part.strip())
        parts = self.say(
            principal,
            text,
            conversation_id=known or "",
            incident_id="" if known else await asyncio.to_thread(self._incident_of, place, principal),
            language=language,
            attachments=attachments,
            zone=await self._zone(asked),
            channel="slack",
        )
        async for part in parts:
            if isinstance(part, Begun) and part.conversation_id != known:
                await asyncio.to_thread(threads.keep, *where, part.conversation_id)
            yield part

    def _incident_of(self, place: Place, principal: Principal) -> str:
        """The incident under whose message this is said, when the person may see it. Blocking."""
        from api.web.access import incident_within

        ledger, name = self.desk.ledger, self.messenger.name
        post = ledger.messenger_posts.at(name, place.channel, place.thread) if place.thread else None
        if post is None:
            return ""
        try:
            return incident_within(self.desk, principal, post.incident_id).id
        except NotFound:
            return ""

    def _opened(self, asked: Asked, place: Place, principal: Principal) -> Answered:
        """The offer to open an incident, taken. Asked twice it opens one. Blocking."""
        from api.web import acts

        try:
            order = acts.TicketOrder(text=asked.text, channel="slack")
        except ValidationError as error:
            raise BadInput(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        offer = hashlib.sha256(asked.text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        key = f"offer {place.channel} {asked.pressed} {offer}" if asked.pressed else asked.id
        incident = acts.open_ticket(self.desk, principal, order, key=key)
        ledger = self.desk.ledger
        known = ledger.messenger_threads.conversation_in(self.messenger.name, place.channel, place.thread, principal.id)
        if known is not None:
            ledger.conversations.link(known, incident.id)
        told = Reference(incident_id=incident.id, title=incident.title, status=incident.status.value)
        return Answered(answer=told)

    async def _zone(self, asked: Asked) -> str:
        try:
            return (await self.messenger.person(asked.account)).zone
        except OpsdeskError:  # times in UTC are times
            return ""

    async def _attachments(self, asked: Asked, reply: Reply) -> list[Attachment]:
        """The text of the files; what cannot be read is said."""
        found = []
        for file in asked.files[:FILES_MOST]:
            try:
                content = await self.messenger.read_file(file, self.maximum_file_bytes)
                found.append(Attachment(file.name, await asyncio.to_thread(decoded, content)))
            except Temporary:
                raise
            except OpsdeskError as error:
                why = "; ".join(part for part in (error.message, error.next_step) if part)
                reply.notes.append(word("messengers.file_unread", reply.language, name=file.name, why=why))
        for file in asked.files[FILES_MOST:]:
            why = word("messengers.file_most", reply.language, count=FILES_MOST)
            reply.notes.append(word("messengers.file_unread", reply.language, name=file.name, why=why))
        return found

    async def _show_charts(self, reply: Reply, place: Place) -> None:
        for chart in reply.charts if self.draw is not None else ():
            try:
                picture = await asyncio.to_thread(self.draw, chart, reply.language)  # type: ignore[arg-type]
                await self._show_picture(place, picture)
            except OpsdeskError as error:  # the query stands in the answer; a picture less loses nothing
                log.warning("chart_not_posted", reason=error.message, next_step=error.next_step)

    async def _show_picture(self, place: Place, picture: Picture) -> None:
        """A few attempts; one whose outcome is not known is not repeated: two pictures are worse than none."""
        for _ in range(TRIES - 1):
            try:
                return await self.messenger.post_picture(place, picture)
            except PostUnanswered:
                raise
            except Temporary as error:
                await asyncio.sleep(min(error.retry_after_seconds or PICTURE_WAIT_SECONDS, LONGEST_WAIT_SECONDS))
        return await self.messenger.post_picture(place, picture)


class _Sheet:
    """The message in which an answer grows."""

    def __init__(self, messenger: Messenger, asked: Asked, reply: Reply) -> None:
        self._messenger, self._asked, self._reply = messenger, asked, reply
        self.place = asked.place
        self._id = ""
        self._shown_at = 0.0

    async def open(self, received: Received) -> None:
        """Posts the message, or finds the one that an earlier attempt has posted."""
        asked = self._asked
        if asked.way == "command":
            self.place = await self._messenger.direct(asked.account)
        if received.attempts > 1:
            found = await self._find(received)
            if found:
                self._id = found
                return
        try:
            self._id = await self._messenger.post(self.place, self._reply.message(), asked.id)
        except PlaceUnknown:
            if asked.way != "shortcut":
                raise
            self.place = await self._messenger.direct(asked.account)
            self._id = await self._messenger.post(self.place, self._reply.message(), asked.id)
        self._shown_at = time.monotonic()

    async def _find(self, received: Received) -> str | None:
        try:
            return await self._messenger.find(self.place, self._asked.id, received.received_at)
        except NotFound:
            return None

    async def show(self) -> None:
        """At most every so often: an update that is refused for now is only a later one."""
        if time.monotonic() - self._shown_at < UPDATE_SECONDS:
            return
        self._shown_at = time.monotonic()
        try:
            await self._messenger.update(self.place, self._id, self._reply.message())
        except Temporary as error:
            self._shown_at += max(0.0, (error.retry_after_seconds or 0.0) - UPDATE_SECONDS)

    async def close(self) -> None:
        """The whole answer. A short limit is waited for; a long one puts the rest of the work off."""
        while True:
            try:
                await self._messenger.update(self.place, self._id, self._reply.message())
                return
            except Temporary as error:
                seconds = error.retry_after_seconds or 0.0
                if not 0 < seconds <= LONGEST_WAIT_SECONDS:
                    raise
                await asyncio.sleep(seconds)
            except NotFound:  # somebody deleted it meanwhile: what was asked is still answered
                self._id = await self._messenger.post(self.place, self._reply.message(), self._asked.id)
                return
