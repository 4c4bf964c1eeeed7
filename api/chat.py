"""The chat, the same behind the console, Slack, the command line and the API. It reads, answers and proposes; it never executes.

A reply goes on to its end and is kept even when whoever asked has gone: a lost connection loses nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import structlog

from agent.chat.answering import answer
from agent.chat.asking import Asking, gaps_told, said
from agent.chat.guess import guessed
from agent.chat.inventory import Inventory
from agent.chat.names import Known
from agent.chat.reply import Answered, Begun, Ended, Part
from agent.chat.understanding import Setting, understand
from agent.chat.understood import Thread, Understood
from api import chat_acts
from api.bootstrap import Desk
from api.chat_incident import answer_about, reference_to
from api.chat_incident_lists import answer_incidents, which_incident
from api.chat_text import Attachment, joined, readable
from api.chat_turn import (
    REPLY_SECONDS,
    Channel,
    Turn,
    WhichCluster,
    cluster_of,
    failed,
    is_hidden,
    late,
    narrowed_history,
    told_of_hint,
    visible,
    which_cluster,
    zone_of,
)
from api.web.access import incident_within, known_id
from api.web.acts import clusters_within
from api.web.dossier import title_within
from knowledge.errors import NotFound, OpsdeskError, Temporary
from knowledge.ledger.conversations import Conversation, Message
from knowledge.vocabulary import Gap, Incident, Language, Principal, TimelineEntry

MOST_AT_ONCE = 4
"""Replies under way for one principal; each may read a whole cluster."""

REMEMBERED = 24
"""Messages back that a follow-up may lean on."""

log = structlog.get_logger("opsdesk.chat")


class Chat:
    """One for a desk and its event loop: it keeps the names of the clusters for a moment, and the replies that are under way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._inventory = Inventory(getattr(desk.deps, "clusters", {}))
        self._running: set[asyncio.Task[None]] = set()
        self._at_once: Counter[str] = Counter()

    async def say(
        self,
        principal: Principal,
        text: str,
        *,
        conversation_id: str = "",
        incident_id: str = "",
        language: Language | None = None,
        attachments: Sequence[Attachment] = (),
        zone: str = "",
        channel: Channel = "api",
        cluster: str = "",
    ) -> AsyncGenerator[Part, None]:
        """Answers one message: ``Begun``, then what is looked at and found, then ``Ended`` when the reply is kept.

        ``conversation_id`` empty: a new conversation; ``incident_id``: one about that incident. ``zone``: the asker's (IANA name;
        UTC when empty). Raises BadInput for a message that says nothing or is too long, NotFound for a conversation or an
        incident that the asker cannot see, Temporary when too many of its replies are under way.
        """
        turn = await asyncio.to_thread(
            self._open_turn,
            principal,
            text,
            conversation_id,
            incident_id,
            language,
            attachments,
            zone,
            channel,
            cluster,
        )
        if self._at_once[principal.id] >= MOST_AT_ONCE:
            raise Temporary(
                f"{MOST_AT_ONCE} of your questions are being answered",
                next_step="wait for one of them",
                retry_after_seconds=5,
            )
        parts: asyncio.Queue[Part | None] = asyncio.Queue()
        self._at_once[principal.id] += 1
        task = asyncio.create_task(self._reply(turn, parts))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        yield Begun(conversation_id=turn.conversation.id)
        while (part := await parts.get()) is not None:
            yield part

    def conversations(self, principal: Principal, limit: int = 50, before: str = "") -> list[Conversation]:
        """The principal's own, newest first."""
        return self._desk.ledger.conversations.of(principal.id, limit, before)

    def about(self, principal: Principal, incident_id: str) -> list[Conversation]:
        """Everybody's about one incident that the principal sees."""
        found = self._desk.ledger.conversations.about(incident_within(self._desk, principal, incident_id).id)
        return [one if one.principal == principal.id else self._titled(principal, one) for one in found]

    def _titled(self, principal: Principal, conversation: Conversation) -> Conversation:
        """A title is the first words: of another's, as far as the reader may see those."""
        if principal.scope.is_everything:
            return conversation
        first = self._desk.ledger.conversations.messages(conversation.id, limit=2, before=3)
        shown = narrowed_history(first, principal)
        is_seen = not shown or shown[0].text == first[0].text
        return conversation if is_seen else conversation.model_copy(update={"title": shown[0].text})

    def history(self, principal: Principal, conversation_id: str, limit: int = 200, before: int = 0) -> list[Message]:
        """What was said, oldest first. An answer that tells of places outside the reader's scope is left out, and says so."""
        conversation = self._within(principal, conversation_id)
        messages = self._desk.ledger.conversations.messages(conversation.id, limit, before)
        return narrowed_history(messages, principal)

    def under_way(self) -> tuple[asyncio.Task[None], ...]:
        """Replies that are still being made; whoever shuts the desk down may wait for them."""
        return tuple(self._running)

    # --- a turn -----------------------------------------------------------------------------------------------------

    def _within(self, principal: Principal, conversation_id: str) -> Conversation:
        """Its own, or one about an incident of its scope. What it may not see is not found."""
        found = self._desk.ledger.conversations.get(known_id(conversation_id, "conversation"))
        if found.principal == principal.id:
            return found
        if found.incident_id:
            try:
                incident_within(self._desk, principal, found.incident_id)
            except NotFound:
                pass
            else:
                return found
        raise NotFound(f"there is no conversation {conversation_id}")

    def _open_turn(
        self,
        principal: Principal,
        text: str,
        conversation_id: str,
        incident_id: str,
        language: Language | None,
        attachments: Sequence[Attachment],
        zone: str,
        channel: Channel,
        cluster: str,
    ) -> Turn:
        words = joined(readable(text), attachments)
        place = zone_of(zone)
        if conversation_id:
            conversation = self._within(principal, conversation_id)
        else:
            about = incident_within(self._desk, principal, incident_id).id if incident_id else ""
            conversation = self._desk.ledger.conversations.open(principal.id, words[:400], channel, about)
        incident = None
        if conversation.incident_id or incident_id:
            try:
                incident = incident_within(self._desk, principal, conversation.incident_id or incident_id)
            except NotFound:
                if not conversation.incident_id:
                    raise
        return Turn(principal, conversation, words, place, channel, cluster, language, incident)

    async def _reply(self, turn: Turn, parts: asyncio.Queue[Part | None]) -> None:
        """Runs apart from whoever listens. Every end is an ``Ended`` and a kept message."""
        try:
            await self._replied(turn, parts)
        except Exception as error:
            # The edge of the chat: a bug leaves the asker a sentence, not a stream that never ends.
            log.exception("chat_bug", conversation_id=turn.conversation.id, error=type(error).__name__)
            parts.put_nowait(
                said("The reply failed unexpectedly; it was logged. 回复意外失败，已记录日志。", tone="bad")
            )
        finally:
            self._at_once[turn.principal.id] -= 1
            parts.put_nowait(None)

    async def _replied(self, turn: Turn, parts: asyncio.Queue[Part | None]) -> None:
        ledger = self._desk.ledger
        known, gaps = await self._inventory.known(clusters_within(self._desk, turn.principal))
        known = known.within(turn.principal.scope)
        thread = await asyncio.to_thread(self._thread, turn, known)
        setting = Setting(known, self._desk.deps.clock.now(), turn.zone, thread, turn.incident.id if turn.incident else "", turn.language)  # fmt: skip
        asked = await asyncio.to_thread(self._understood, turn, setting)
        asked = await guessed(asked, known, self._desk.deps)
        await asyncio.to_thread(ledger.conversations.say, turn.conversation.id, "person", turn.principal.id, turn.text)
        asking: Asking | None = None
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                asking = self._asking(turn, asked, known, thread)
                async for part in self._parts(turn, asked, asking, gaps):
                    self._take(turn, part, parts)
        except TimeoutError:
            self._take(turn, said(late(asked.language), tone="bad"), parts)
        except WhichCluster as question:
            for one in which_cluster(asked, question.clusters):
                self._take(turn, one, parts)
        except OpsdeskError as error:
            self._take(turn, failed(error, asked.language), parts)
        message = await asyncio.to_thread(self._keep, turn, asked, asking)
        parts.put_nowait(Ended(message_id=message.id, understood_as=asked.intent, conversation_id=turn.conversation.id))

    def _understood(self, turn: Turn, setting: Setting) -> Understood:
        """A yes to an offer and a wish to look again are read before the rules: they mean something only where they stand."""
        asked = understand(turn.text, setting)
        if chat_acts.is_yes(turn.text) and self._last_offer(turn.conversation.id):
            return replace(asked, intent="confirm")
        if turn.incident is not None and chat_acts.is_again(turn.text):
            return replace(asked, intent="look_again")
        return asked

    def _take(self, turn: Turn, part: Part, parts: asyncio.Queue[Part | None]) -> None:
        if isinstance(part, Answered):
            turn.blocks.append(part.answer)
        parts.put_nowait(part)

    async def _parts(self, turn: Turn, asked: Understood, asking: Asking, gaps: Sequence[Gap]) -> AsyncIterator[Part]:
        if gaps and asked.unknown and not asked.target:
            for gap in gaps_told(asking, gaps):
                yield gap
        desk, principal = self._desk, turn.principal
        match asked.intent:
            case "about_incident":
                incident = await asyncio.to_thread(self._incident_meant, turn, asked)
                if incident is None:
                    recent = await asyncio.to_thread(desk.ledger.incidents.list, principal.scope, limit=4)
                    for told in which_incident([title_within(principal, one) for one in recent], asking):
                        yield told
                    return
                stream: AsyncIterator[Part] = answer_about(asked, asking, desk, principal, incident)
            case "incidents":
                stream = answer_incidents(asked, asking, desk, principal)
            case "steer" | "confirm" | "look_again":
                stream = self._acted(turn, asked, asking)
            case _:
                stream = answer(asked, asking)
        async for part in stream:
            yield part

    def _incident_meant(self, turn: Turn, asked: Understood) -> Incident | None:
        if asked.incident:
            return incident_within(self._desk, turn.principal, asked.incident)
        return turn.incident

    async def _acted(self, turn: Turn, asked: Understood, asking: Asking) -> AsyncIterator[Part]:
        """What is done on the asker's word: an incident opened, a hint kept, a diagnosis begun anew."""
        if asked.intent == "confirm":
            last = await asyncio.to_thread(self._last_offer, turn.conversation.id)
            incident = await self.open_incident(turn.principal, turn.conversation.id, last, channel=turn.channel)
            yield said(asking.text(f"Incident {incident.id} is open; its plan goes the usual way: review, approval, execution.", f"已开单 {incident.id}；方案将按常规流程评审、审批、执行。"), tone="good")  # fmt: skip
            yield Answered(answer=reference_to(incident))
            return
        assert turn.incident is not None
        if asked.intent == "look_again":
            reason = asking.text("look again, with what was hinted since", "根据新线索重新诊断")
            incident = await asyncio.to_thread(
                chat_acts.look_again, self._desk, turn.principal, turn.incident.id, reason
            )
            yield said(
                asking.text("A new diagnosis begins; it reads every hint.", "重新开始诊断，并会读取所有线索。"),
                tone="good",
            )
            yield Answered(answer=reference_to(incident))
            return
        await self.steer(turn.principal, turn.incident.id, turn.text)
        for part in told_of_hint(turn.incident, asked, asking):
            yield part

    def _last_offer(self, conversation_id: str) -> str:
        """The answer just before, if it offers to open an incident: a yes means nothing older."""
        messages = self._desk.ledger.conversations.messages(conversation_id, 4)
        last = next((one for one in reversed(messages) if one.said_by == "desk"), None)
        return last.id if last is not None and chat_acts.opening(last) else ""

    async def open_incident(
        self, principal: Principal, conversation_id: str, message_id: str, *, channel: Channel = "api"
    ) -> Incident:
        """A chat answer becomes an incident, in the asker's name: a change with exactly the script that was shown. The same
        answer again: the same incident. Raises NotFound, NotAuthorised (responders open incidents)."""

        def opened() -> Incident:
            conversation = self._within(principal, conversation_id)
            kept = self._desk.ledger.conversations.messages(conversation.id, 500)
            messages = narrowed_history(kept, principal)  # nobody opens what they may not see
            if any(one.id == message_id and is_hidden(one, seen) for one, seen in zip(kept, messages, strict=True)):
                raise NotFound(f"there is no answer {message_id} in conversation {conversation.id}")
            return chat_acts.open_from(self._desk, principal, conversation, messages, message_id, channel)

        return await asyncio.to_thread(opened)

    async def steer(self, principal: Principal, incident_id: str, text: str) -> TimelineEntry:
        """Adds a hypothesis or an observation to an incident's diagnosis: hearsay, read by its next look. Raises NotFound,
        NotAuthorised, WrongState (closed, or too many hints)."""
        known, _ = await self._inventory.known(clusters_within(self._desk, principal))
        return await asyncio.to_thread(
            chat_acts.steer, self._desk, principal, incident_id, text, known.within(principal.scope)
        )

    def _asking(self, turn: Turn, asked: Understood, known: Known, thread: Thread) -> Asking:
        desk = self._desk
        cluster = cluster_of(turn, asked, thread, known.clusters)
        return Asking(
            deps=desk.deps,
            shelf=desk.library,
            cluster=desk.deps.cluster(cluster),
            scope=turn.principal.scope,
            language=asked.language,
            known=known,
            zone=turn.zone,
            asker=turn.principal.id,
        )

    def _thread(self, turn: Turn, known: Known) -> Thread:
        """What the conversation was about, as far as this asker may hear of it."""
        thread = Thread()
        if turn.incident is not None:
            target = next(
                (one for one in known.called(turn.incident.service) if one.namespace == turn.incident.namespace), None
            )
            thread = replace(thread, target=target, namespace=turn.incident.namespace)
        for message in self._desk.ledger.conversations.messages(turn.conversation.id, REMEMBERED):
            understood = message.payload.get("understood") if message.said_by == "desk" else None
            if understood:
                thread = thread.after(visible(Understood.from_json(understood), turn.principal))
        return thread

    def _keep(self, turn: Turn, asked: Understood, asking: Asking | None) -> Message:
        text = "\n".join(block.text for block in turn.blocks if block.block == "said")
        cited = {one.id for block in turn.blocks if block.block == "said" for one in block.citations}
        facts = [fact for fact in asking.evidence.values() if fact.id in cited] if asking else []
        payload: dict[str, Any] = {
            "blocks": [block.model_dump(mode="json") for block in turn.blocks],
            "understood": asked.as_json(),
            "parameters": asked.parameters(),
            "evidence": [fact.model_dump(mode="json") for fact in facts],
            "places": sorted(asking.places) if asking else [],
            "cluster": asking.cluster.name if asking else "",
        }
        return self._desk.ledger.conversations.say(turn.conversation.id, "desk", turn.principal.id, text, payload)
