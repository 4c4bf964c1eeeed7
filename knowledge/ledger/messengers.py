"""What chat platforms sent, kept before it is acknowledged and worked on once: nothing is lost when the desk stops between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.errors import LeaseLost
from knowledge.ledger.rows.messengers import FollowedRow, ReceivedRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import Json, Noun

REMEMBERED = timedelta(days=3)
"""Platforms repeat a request for hours, not for days."""


class Received(Noun):
    """A request in hand. ``attempts`` counts this one."""

    provider: str
    id: str
    payload: Json
    received_at: datetime
    attempts: int
    holder: str


class MessengerInbox:
    def __init__(self, store: Store) -> None:
        self._store = store

    def take_in(self, provider: str, id: str, payload: Json | None) -> bool:
        """Keeps a request durably. False when one of this id came before. ``payload`` None: only the id is remembered,
        since the work was done on the spot."""
        values = {
            "provider": provider,
            "id": id,
            "payload": payload or {},
            "attempts": 0,
            "holder": "",
            "failure": "",
        }
        with self._store.write() as writing:
            insert = postgresql.insert(ReceivedRow) if writing.is_postgresql else sqlite.insert(ReceivedRow)
            due = writing.at if payload is not None else None
            fresh = writing.session.scalar(
                insert.values(received_at=writing.at, due_at=due, **values)
                .on_conflict_do_nothing(index_elements=["provider", "id"])
                .returning(ReceivedRow.id)
            )
            return fresh is not None

    def claim(self, provider: str, holder: str, lease_seconds: float) -> Received | None:
        """The oldest request that is due and that nobody is at; None when there is none."""
        with self._store.write() as writing:
            at = writing.at
            query = (
                select(ReceivedRow)
                .where(ReceivedRow.provider == provider, ReceivedRow.due_at <= at)
                .where(or_(ReceivedRow.leased_until.is_(None), ReceivedRow.leased_until <= at))
                .order_by(ReceivedRow.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = writing.session.scalar(query)
            if row is None:
                return None
            row.attempts += 1
            row.holder, row.leased_until = holder, at + timedelta(seconds=lease_seconds)
            return Received(
                provider=row.provider,
                id=row.id,
                payload=row.payload,
                received_at=row.received_at,
                attempts=row.attempts,
                holder=holder,
            )

    def keep(self, received: Received, lease_seconds: float) -> None:
        """Holds it for longer. LeaseLost when another has it by now."""
        self._change(received, lambda at: {"leased_until": at + timedelta(seconds=lease_seconds)})

    def finish(self, received: Received, failure: str = "") -> None:
        """Done, or given up for the reason ``failure``: what was said is forgotten, the id is not."""
        done: dict[str, Any] = {"due_at": None, "payload": {}, "holder": "", "leased_until": None, "failure": failure}
        self._change(received, lambda _: done)

    def again(self, received: Received, after_seconds: float, failure: str) -> None:
        """Could not be done now."""
        self._change(
            received,
            lambda at: {
                "due_at": at + timedelta(seconds=after_seconds),
                "holder": "",
                "leased_until": None,
                "failure": failure,
            },
        )

    def forget_old(self) -> int:
        """Drops ids that no platform repeats any more, and what waited in vain as long."""
        with self._store.write() as writing:
            old = ReceivedRow.received_at < writing.at - REMEMBERED
            return len(writing.session.scalars(delete(ReceivedRow).where(old).returning(ReceivedRow.id)).all())

    def followed_until(self, provider: str) -> datetime:
        """Up to when the incidents' changes were seen; at the first call: from now on."""
        with self._store.read() as session:
            known = session.get(FollowedRow, provider)
            if known is not None:
                return known.until
        with self._store.write() as writing:
            row = writing.session.get(FollowedRow, provider)
            if row is None:
                row = FollowedRow(provider=provider, until=writing.at)
                writing.session.add(row)
            return row.until

    def follow_from(self, provider: str, until: datetime) -> None:
        with self._store.write() as writing:
            writing.session.merge(FollowedRow(provider=provider, until=until))

    def _change(self, received: Received, values: Callable[[datetime], dict[str, Any]]) -> None:
        with self._store.write() as writing:
            changed = writing.session.execute(
                update(ReceivedRow)
                .where(ReceivedRow.provider == received.provider, ReceivedRow.id == received.id)
                .where(ReceivedRow.holder == received.holder)
                .values(**values(writing.at))
                .returning(ReceivedRow.id)
            ).first()
            if changed is None:
                raise LeaseLost(f"{received.id} is in another's hands")
