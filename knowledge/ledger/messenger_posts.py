"""The messages that the desk keeps up to date on a chat platform: which, where, and whether they may be out of date.

A post says *that* something is to be shown, never what: whoever delivers it composes the newest from the ledger. So an outage
of an hour ends in one update of each message, and nothing is lost when the desk stops in between.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.errors import NotFound
from knowledge.ledger.lifecycle import incident_of
from knowledge.ledger.rows.intake import IncidentRow
from knowledge.ledger.rows.messengers import PostRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import Incident, Noun


class Post(Noun):
    """``subject``: what is shown (``incident``, ``approval:<id>``, ``story``); ``told``: the last timeline entry told of;
    ``shown``: digest of what stands there; ``trying_since``: a first posting began then and its outcome is not known."""

    provider: str
    channel: str
    subject: str
    incident_id: str
    message_id: str = ""
    shown: str = ""
    told: int = 0
    wanted_at: datetime
    due_at: datetime | None = None
    trying_since: datetime | None = None
    attempts: int = 0
    failure: str = ""
    posted_at: datetime | None = None


class MessengerPosts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def changed(self, since: datetime, limit: int) -> list[Incident]:
        """Incidents that changed at or after ``since``, oldest change first."""
        query = select(IncidentRow).where(IncidentRow.updated_at >= since)
        with self._store.read() as session:
            rows = session.scalars(query.order_by(IncidentRow.updated_at, IncidentRow.id).limit(limit))
            return [incident_of(row) for row in rows]

    def want(self, provider: str, channel: str, subject: str, incident_id: str, *, after_seconds: float = 0.0) -> Post:
        """Says that this message should be there, or may be out of date. One that is due already stays so."""
        with self._store.write() as writing:
            writing.hold(f"post:{provider}/{channel}/{subject}")
            row = writing.session.get(PostRow, (provider, channel, subject), with_for_update=True)
            if row is None:
                row = PostRow(
                    provider=provider,
                    channel=channel,
                    subject=subject,
                    incident_id=incident_id,
                    message_id="",
                    shown="",
                    told=0,
                    wanted_at=writing.at,
                    due_at=writing.at + timedelta(seconds=after_seconds),
                    attempts=0,
                    failure="",
                )
                writing.session.add(row)
            elif row.due_at is None:
                row.wanted_at, row.attempts = writing.at, 0
                row.due_at = writing.at + timedelta(seconds=after_seconds)
            else:
                row.wanted_at = writing.at
            return _post(row)

    def due(self, provider: str, limit: int) -> list[Post]:
        """What may be out of date and is not put off, the longest waiting first."""
        query = select(PostRow).where(PostRow.provider == provider, PostRow.due_at <= self._store.now())
        with self._store.read() as session:
            return [_post(row) for row in session.scalars(query.order_by(PostRow.due_at).limit(limit))]

    def waiting(self, provider: str) -> list[Post]:
        """Everything that may be out of date, put off or not: what an outage left undone."""
        query = select(PostRow).where(PostRow.provider == provider, PostRow.due_at.is_not(None))
        with self._store.read() as session:
            return [_post(row) for row in session.scalars(query.order_by(PostRow.due_at))]

    def get(self, provider: str, channel: str, subject: str) -> Post | None:
        with self._store.read() as session:
            row = session.get(PostRow, (provider, channel, subject))
            return None if row is None else _post(row)

    def of_incident(self, provider: str, incident_id: str) -> list[Post]:
        query = select(PostRow).where(PostRow.provider == provider, PostRow.incident_id == incident_id)
        with self._store.read() as session:
            return [_post(row) for row in session.scalars(query.order_by(PostRow.channel, PostRow.subject))]

    def at(self, provider: str, channel: str, message_id: str) -> Post | None:
        """Which post this message is: a reply in its thread is about its incident."""
        query = select(PostRow).where(
            PostRow.provider == provider, PostRow.channel == channel, PostRow.message_id == message_id
        )
        with self._store.read() as session:
            row = session.scalars(query.limit(1)).first()
            return None if row is None or not message_id else _post(row)

    def trying(self, post: Post, shown: str) -> Post:
        """Written before a posting is sent, with what it will show: after a crash the next one looks whether it arrived."""
        with self._store.write() as writing:
            row = _row(writing.session, post)
            row.trying_since, row.shown = writing.at, shown
            return _post(row)

    def showed(self, post: Post, message_id: str, shown: str, told: int | None = None) -> None:
        """What was wanted stands there. What was wanted meanwhile stays due."""
        with self._store.write() as writing:
            row = _row(writing.session, post)
            row.message_id, row.shown, row.trying_since = message_id, shown, None
            row.posted_at = row.posted_at or (writing.at if message_id else None)
            row.told = max(row.told, told or 0)
            row.attempts, row.failure = 0, ""
            row.due_at = None if row.wanted_at <= post.wanted_at else writing.at

    def again(self, post: Post, after_seconds: float, failure: str) -> None:
        """Could not be shown now."""
        with self._store.write() as writing:
            row = _row(writing.session, post)
            row.attempts += 1
            row.due_at, row.failure = writing.at + timedelta(seconds=after_seconds), failure

    def refused(self, post: Post) -> None:
        """The platform said no to a first posting: nothing was posted, so there is nothing to look for."""
        with self._store.write() as writing:
            row = _row(writing.session, post)
            row.trying_since, row.shown = None, ""

    def lost(self, post: Post) -> None:
        """The message is gone over there (somebody deleted it): it is to be posted anew."""
        with self._store.write() as writing:
            row = _row(writing.session, post)
            row.message_id, row.shown, row.trying_since = "", "", None


def _row(session: Session, post: Post) -> PostRow:
    row = session.get(PostRow, (post.provider, post.channel, post.subject), with_for_update=True)
    if row is None:
        raise NotFound(f"nothing is kept in {post.channel} for {post.subject}")
    return row


def _post(row: PostRow) -> Post:
    return Post.model_validate({name: getattr(row, name) for name in Post.model_fields})
