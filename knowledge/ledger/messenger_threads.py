"""Threads of a chat platform and the conversations that are held in them."""

from __future__ import annotations

from sqlalchemy import select

from knowledge.ledger.rows.conversations import ConversationRow
from knowledge.ledger.rows.messengers import ThreadRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import Noun


class Thread(Noun):
    provider: str
    channel: str
    thread: str
    principal_id: str
    conversation_id: str


class MessengerThreads:
    def __init__(self, store: Store) -> None:
        self._store = store

    def conversation_in(self, provider: str, channel: str, thread: str, principal_id: str) -> str | None:
        """The person's conversation in this thread; None when there is none, or it was swept away."""
        with self._store.read() as session:
            row = session.get(ThreadRow, (provider, channel, thread, principal_id))
            if row is None or session.get(ConversationRow, row.conversation_id) is None:
                return None
            return row.conversation_id

    def keep(self, provider: str, channel: str, thread: str, principal_id: str, conversation_id: str) -> None:
        with self._store.write() as writing:
            writing.session.merge(
                ThreadRow(
                    provider=provider,
                    channel=channel,
                    thread=thread,
                    principal_id=principal_id,
                    conversation_id=conversation_id,
                    at=writing.at,
                )
            )

    def of_incident(self, provider: str, incident_id: str) -> list[Thread]:
        """Where an incident was asked for or talked about, the earliest first."""
        query = (
            select(ThreadRow)
            .join(ConversationRow, ConversationRow.id == ThreadRow.conversation_id)
            .where(ThreadRow.provider == provider, ConversationRow.incident_id == incident_id)
            .order_by(ThreadRow.at)
        )
        with self._store.read() as session:
            return [
                Thread(
                    provider=row.provider,
                    channel=row.channel,
                    thread=row.thread,
                    principal_id=row.principal_id,
                    conversation_id=row.conversation_id,
                )
                for row in session.scalars(query)
            ]
