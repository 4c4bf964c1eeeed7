"""The chat, the same behind the console, Slack, the command line and the API. It reads, answers and proposes; it never executes.

A reply goes on to its end and is kept even when whoever asked has gone: a lost connection loses nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from agent.chat.answering import answer
from agent.chat.asking import Asking, gaps_told, offers, said
from agent.chat.inventory import Inventory
from agent.chat.names import Known, Thing
from agent.chat.reply import Answered, Begun, Block, Ended, Offer, Part
from agent.chat.understanding import Setting, understand
from agent.chat.understood import Thread, Understood
from agent.reasoning.triage import language_of
from api.bootstrap import Desk
from api.chat_text import Attachment, joined, readable
from api.web.access import incident_within, known_id
from api.web.acts import clusters_within
from knowledge.errors import BadInput, NotFound, OpsdeskError, Temporary
from knowledge.ledger.conversations import Conversation, Message
from knowledge.vocabulary import Gap, Incident, Language, Principal

Channel = Literal["web", "cli", "slack", "api"]
MOST_AT_ONCE = 4
"""Replies under way for one principal; each may read a whole cluster."""

REPLY_SECONDS = 150.0
REMEMBERED = 24
"""Messages back that a follow-up may lean on."""

log = structlog.get_logger("opsdesk.chat")


@dataclass
class _Turn:
    """One message being answered, from its words to what is kept of the answer."""

    principal: Principal
    conversation: Conversation
    text: str
    zone: ZoneInfo
    channel: Channel
    cluster: str = ""
    language: Language | None = None
    incident: Incident | None = None
    blocks: list[Block] = field(default_factory=list)


class Chat:
    """One for a desk: it keeps the names of the clusters for a moment, and the replies that are under way."""

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
    ) -> AsyncIterator[Part]:
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
        return self._desk.ledger.conversations.about(incident_within(self._desk, principal, incident_id).id)

    def history(self, principal: Principal, conversation_id: str, limit: int = 200, before: int = 0) -> list[Message]:
        """What was said, oldest first. An answer that tells of places outside the reader's scope is left out, and says so."""
        conversation = self._within(principal, conversation_id)
        messages = self._desk.ledger.conversations.messages(conversation.id, limit, before)
        return [_narrowed(message, principal) for message in messages]

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
    ) -> _Turn:
        words = joined(readable(text), attachments)
        place = _zone(zone)
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
        return _Turn(principal, conversation, words, place, channel, cluster, language, incident)

    async def _reply(self, turn: _Turn, parts: asyncio.Queue[Part | None]) -> None:
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

    async def _replied(self, turn: _Turn, parts: asyncio.Queue[Part | None]) -> None:
        ledger = self._desk.ledger
        known, gaps = await self._inventory.known(clusters_within(self._desk, turn.principal))
        known = known.within(turn.principal.scope)
        thread = await asyncio.to_thread(self._thread, turn, known)
        setting = Setting(known, self._desk.deps.clock.now(), turn.zone, thread, turn.incident.id if turn.incident else "", turn.language)  # fmt: skip
        asked = await asyncio.to_thread(understand, turn.text, setting)
        await asyncio.to_thread(ledger.conversations.say, turn.conversation.id, "person", turn.principal.id, turn.text)
        asking: Asking | None = None
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                asking = self._asking(turn, asked, known, thread)
                async for part in self._parts(asked, asking, gaps):
                    self._take(turn, part, parts)
        except TimeoutError:
            self._take(turn, said(_late(asked.language), tone="bad"), parts)
        except _WhichCluster as question:
            for one in _which_cluster(asked, question.clusters):
                self._take(turn, one, parts)
        except OpsdeskError as error:
            self._take(turn, _failed(error, asked.language), parts)
        message = await asyncio.to_thread(self._keep, turn, asked, asking)
        parts.put_nowait(Ended(message_id=message.id, understood_as=asked.intent, conversation_id=turn.conversation.id))

    def _take(self, turn: _Turn, part: Part, parts: asyncio.Queue[Part | None]) -> None:
        if isinstance(part, Answered):
            turn.blocks.append(part.answer)
        parts.put_nowait(part)

    async def _parts(self, asked: Understood, asking: Asking, gaps: Sequence[Gap]) -> AsyncIterator[Part]:
        if gaps and asked.unknown and not asked.target:
            for told in gaps_told(asking, gaps):
                yield told
        async for part in answer(asked, asking):
            yield part

    def _asking(self, turn: _Turn, asked: Understood, known: Known, thread: Thread) -> Asking:
        desk = self._desk
        cluster = _cluster_of(turn, asked, thread, known.clusters)
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

    def _thread(self, turn: _Turn, known: Known) -> Thread:
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
                thread = thread.after(_visible(Understood.from_json(understood), turn.principal))
        return thread

    def _keep(self, turn: _Turn, asked: Understood, asking: Asking | None) -> Message:
        text = "\n".join(block.text for block in turn.blocks if block.block == "said")
        payload: dict[str, Any] = {
            "blocks": [block.model_dump(mode="json") for block in turn.blocks],
            "understood": asked.as_json(),
            "parameters": asked.parameters(),
            "evidence": [fact.model_dump(mode="json") for fact in asking.evidence.values()] if asking else [],
            "places": sorted(asking.places) if asking else [],
            "cluster": asking.cluster.name if asking else "",
        }
        return self._desk.ledger.conversations.say(turn.conversation.id, "desk", turn.principal.id, text, payload)


class _WhichCluster(Exception):
    """Several clusters may be meant."""

    def __init__(self, clusters: Sequence[str]) -> None:
        super().__init__(", ".join(clusters))
        self.clusters = tuple(clusters)


def _cluster_of(turn: _Turn, asked: Understood, thread: Thread, clusters: Sequence[str]) -> str:
    named = [
        asked.cluster,
        asked.target.cluster if asked.target else "",
        asked.node.cluster if asked.node else "",
        turn.incident.cluster if turn.incident else "",
        turn.cluster,
        thread.last.cluster if thread.last else "",
        thread.target.cluster if thread.target else "",
        clusters[0] if len(clusters) == 1 else "",
    ]
    chosen = next((one for one in named if one and one in clusters), "")
    if chosen:
        return chosen
    if not clusters:
        raise NotFound(
            "no cluster is within your scope", next_step="ask an admin for a scope, or add one to the settings"
        )
    if asked.intent in _ANYWHERE:
        return clusters[0]
    raise _WhichCluster(clusters)


_ANYWHERE = frozenset({"help", "small_talk", "unclear", "knowledge", "incidents", "about_incident", "steer", "paste"})
"""Intents for which it does not matter which cluster is at hand."""


def _which_cluster(asked: Understood, clusters: Sequence[str]) -> list[Part]:
    zh = asked.language is Language.ZH
    made = [Offer(label=name, does="say", text=f"{asked.words} (cluster {name})") for name in clusters[:8]]
    return [said("是哪个集群？" if zh else "Which cluster?", tone="warning"), offers(*made)]


def _failed(error: OpsdeskError, language: Language) -> Answered:
    step = f" {error.next_step}" if error.next_step else ""
    return said(
        f"{error.title}：{error.message}{step}" if language is Language.ZH else f"{error.title}: {error.message}{step}",
        tone="bad",
    )


def _late(language: Language) -> str:
    return (
        f"回复超过 {REPLY_SECONDS:g} 秒，已停止；以上为已得到的内容。"
        if language is Language.ZH
        else f"The reply took longer than {REPLY_SECONDS:g} s and was stopped; what stands above is what was found."
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"{name[:60]!r} is no time zone", next_step="name it as in Asia/Shanghai") from error


def _visible(understood: Understood, principal: Principal) -> Understood:
    """Without a service of a namespace that this reader does not see: another may have asked."""

    def seen(thing: Thing | None) -> Thing | None:
        scope = principal.scope
        is_seen = thing is not None and scope.allows(cluster=thing.cluster, namespace=thing.namespace, service=thing.name if thing.namespace else "")  # fmt: skip
        return thing if is_seen else None

    return replace(understood, target=seen(understood.target), node=seen(understood.node))


def _narrowed(message: Message, principal: Principal) -> Message:
    """Another's answer about places that this reader does not see is not shown."""
    places = message.payload.get("places") or []
    cluster = str(message.payload.get("cluster") or "")
    scope = principal.scope
    if message.principal == principal.id and scope.is_everything:
        return message
    is_whole = "*" in scope.namespaces and "*" in scope.services
    is_within = all(
        is_whole if place == "*" and message.principal != principal.id else place == "*" or scope.allows(cluster=cluster, namespace=place)
        for place in places
    )  # fmt: skip
    if is_within and scope.allows(cluster=cluster):
        return message
    zh = language_of(message.text) is Language.ZH
    text = "（超出您的权限范围，未显示）" if zh else "(left out: outside your scope)"
    return message.model_copy(update={"text": text, "payload": {}})
