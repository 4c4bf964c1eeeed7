"""Conversations of the chat: who said what, what the desk answered, and which incident it led to. All of it redacted."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import delete, select

from knowledge.errors import NotFound
from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.conversations import ConversationRow, MessageRow
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Json, Noun

MOST_TITLE = 120
MOST_TEXT = 20_000
"""Characters of a message that are kept; the rest of a long paste is not needed once it was answered."""


class Conversation(Noun):
    id: str
    principal: str
    incident_id: str = ""
    title: str
    channel: str
    opened_at: datetime
    updated_at: datetime
    length: int


class Message(Noun):
    """``payload`` of the desk's messages: its blocks, how it understood the question, the facts that it cites, and the places
    that the answer tells of (``*``: the whole cluster); of a person's: nothing."""

    id: str
    conversation_id: str
    sequence: int
    said_by: Literal["person", "desk"]
    principal: str
    text: str
    payload: Json = Field(default_factory=dict)
    at: datetime


class Conversations:
    """``redact`` is applied to whatever is kept: to the text, and to every string of the payload."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, principal: str, title: str, channel: str, incident_id: str = "") -> Conversation:
        with self._store.write() as writing:
            row = ConversationRow(
                id=new_id("chat", writing.at),
                principal_id=principal,
                incident_id=incident_id or None,
                title=_one_line(writing.redact(title)),
                channel=channel,
                opened_at=writing.at,
                updated_at=writing.at,
                length=0,
            )
            writing.session.add(row)
            writing.session.flush()
            return _conversation(row)

    def get(self, id: str) -> Conversation:
        with self._store.read() as session:
            row = session.get(ConversationRow, id)
        if row is None:
            raise NotFound(f"there is no conversation {id}")
        return _conversation(row)

    def of(self, principal: str, limit: int = 50, before: str = "") -> list[Conversation]:
        """A principal's own, newest first."""
        query = select(ConversationRow).where(ConversationRow.principal_id == principal)
        if before:
            query = query.where(ConversationRow.id < before)
        with self._store.read() as session:
            rows = session.scalars(query.order_by(ConversationRow.id.desc()).limit(limit))
            return [_conversation(row) for row in rows]

    def about(self, incident_id: str, limit: int = 50) -> list[Conversation]:
        """Everybody's about one incident, newest first."""
        query = select(ConversationRow).where(ConversationRow.incident_id == incident_id)
        with self._store.read() as session:
            rows = session.scalars(query.order_by(ConversationRow.id.desc()).limit(limit))
            return [_conversation(row) for row in rows]

    def link(self, id: str, incident_id: str) -> None:
        """From now on it is about this incident."""
        with self._store.write() as writing:
            _locked(writing, id).incident_id = incident_id

    def say(
        self, id: str, said_by: Literal["person", "desk"], principal: str, text: str, payload: Json | None = None
    ) -> Message:
        """Appends a message; its sequence counts from 1 within the conversation, without gaps."""
        with self._store.write() as writing:
            conversation = _locked(writing, id)
            conversation.length += 1
            conversation.updated_at = writing.at
            row = MessageRow(
                conversation_id=id,
                sequence=conversation.length,
                id=new_id("msg", writing.at),
                said_by=said_by,
                principal_id=principal,
                text=writing.redact(text)[:MOST_TEXT],
                payload=_redacted(payload or {}, writing),
                at=writing.at,
            )
            writing.session.add(row)
            return _message(row)

    def messages(self, id: str, limit: int = 200, before: int = 0) -> list[Message]:
        """The newest ``limit`` before the sequence ``before`` (0: the end), oldest first."""
        query = select(MessageRow).where(MessageRow.conversation_id == id)
        if before:
            query = query.where(MessageRow.sequence < before)
        with self._store.read() as session:
            rows = list(session.scalars(query.order_by(MessageRow.sequence.desc()).limit(limit)))
        return [_message(row) for row in reversed(rows)]

    def message(self, id: str, message_id: str) -> Message:
        query = select(MessageRow).where(MessageRow.conversation_id == id, MessageRow.id == message_id)
        with self._store.read() as session:
            row = session.scalars(query).first()
        if row is None:
            raise NotFound(f"there is no message {message_id} in conversation {id}")
        return _message(row)

    def sweep(self, older_than: datetime) -> int:
        """Deletes conversations that nobody has gone on with since then. Returns how many."""
        with self._store.write() as writing:
            stale = list(
                writing.session.scalars(select(ConversationRow.id).where(ConversationRow.updated_at < older_than))
            )
            if stale:
                writing.session.execute(delete(MessageRow).where(MessageRow.conversation_id.in_(stale)))
                writing.session.execute(delete(ConversationRow).where(ConversationRow.id.in_(stale)))
            return len(stale)


def _locked(writing: Writing, id: str) -> ConversationRow:
    row = writing.session.get(ConversationRow, id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no conversation {id}")
    return row


def _redacted(value: Json, writing: Writing) -> Json:
    def within(part: object) -> object:
        if isinstance(part, str):
            return writing.redact(part)
        if isinstance(part, dict):
            return {key: within(one) for key, one in part.items()}
        return [within(one) for one in part] if isinstance(part, list | tuple) else part

    return {key: within(part) for key, part in value.items()}


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_TITLE else line[: MOST_TITLE - 1] + "…"


def _conversation(row: ConversationRow) -> Conversation:
    return Conversation(
        id=row.id,
        principal=row.principal_id,
        incident_id=row.incident_id or "",
        title=row.title,
        channel=row.channel,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        length=row.length,
    )


def _message(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        sequence=row.sequence,
        said_by="desk" if row.said_by == "desk" else "person",
        principal=row.principal_id,
        text=row.text,
        payload=row.payload,
        at=row.at,
    )
