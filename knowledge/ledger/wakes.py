"""Wakes: an incident asks for a worker. The ledger decides, the graph only wakes: a wake says look, never what to do."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from knowledge.errors import LeaseLost, NotFound
from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.intake import IncidentRow, WakeRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.values import Wake

_WAITING = text("holder = ''")


def _upsert(new: postgresql.Insert | sqlite.Insert) -> postgresql.Insert | sqlite.Insert:
    """A wake that waits for the same reason takes the earlier of the two times."""
    return new.on_conflict_do_update(
        index_elements=["incident_id", "reason"],
        index_where=_WAITING,
        set_={"due_at": new.excluded.due_at},
        where=new.excluded.due_at < WakeRow.due_at,
    )


_WAKE_POSTGRESQL = _upsert(postgresql.insert(WakeRow))
_WAKE_SQLITE = _upsert(sqlite.insert(WakeRow))


class Wakes:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, incident_id: str, reason: str, due_at: datetime | None = None) -> None:
        """Asks for a worker at ``due_at`` (now). Waiting wakes of one incident and reason are one, at the earlier time."""
        with self._store.write() as writing:
            if writing.session.get(IncidentRow, incident_id) is None:
                raise NotFound(f"there is no incident {incident_id}", next_step="opsdesk incidents lists them")
            add_wake(writing, incident_id, reason, due_at)

    def claim(self, holder: str, limit: int, lease_seconds: float) -> list[Wake]:
        """Due wakes for this worker, at most one per incident, none of an incident that another worker holds now."""
        with self._store.write() as writing:
            writing.hold("wakes")
            now = writing.at
            other = aliased(WakeRow)
            busy = select(other.incident_id).where(other.holder != "", other.leased_until > now)
            query = (
                select(WakeRow)
                .where(
                    WakeRow.due_at <= now,
                    or_(WakeRow.holder == "", WakeRow.leased_until <= now),
                    WakeRow.incident_id.not_in(busy),
                )
                .order_by(WakeRow.due_at, WakeRow.id)
            )
            taken: dict[str, WakeRow] = {}
            for row in writing.session.scalars(query.limit(limit * 8).with_for_update(skip_locked=True)):
                if len(taken) < limit and row.incident_id not in taken:
                    row.holder, row.leased_until = holder, now + timedelta(seconds=lease_seconds)
                    taken[row.incident_id] = row
            return [
                Wake(id=row.id, incident_id=row.incident_id, reason=row.reason, due_at=row.due_at, holder=holder)
                for row in taken.values()
            ]

    def renew(self, id: str, holder: str, lease_seconds: float) -> None:
        """Keeps a claimed wake; LeaseLost when it was done or another worker has it."""
        with self._store.write() as writing:
            row = writing.session.get(WakeRow, id, with_for_update=True)
            if row is None or row.holder != holder:
                raise _lost(id)
            row.leased_until = writing.at + timedelta(seconds=lease_seconds)

    def done(self, id: str, holder: str = "") -> None:
        """Finishes a wake. With ``holder``, LeaseLost when another worker took it over; done twice is fine."""
        with self._store.write() as writing:
            row = writing.session.get(WakeRow, id, with_for_update=True)
            if row is None:
                return
            if holder and row.holder != holder:
                raise _lost(id)
            writing.session.delete(row)

    def waiting(self, incident_id: str | None = None) -> list[Wake]:
        """Every wake that is not done, for people and tests."""
        with self._store.read() as session:
            query = select(WakeRow).order_by(WakeRow.due_at, WakeRow.id)
            if incident_id is not None:
                query = query.where(WakeRow.incident_id == incident_id)
            return [
                Wake(id=row.id, incident_id=row.incident_id, reason=row.reason, due_at=row.due_at, holder=row.holder)
                for row in session.scalars(query)
            ]


def add_wake(writing: Writing, incident_id: str, reason: str, due_at: datetime | None = None) -> None:
    """Adds a wake to a running transaction. One that is being worked on does not count: its worker may have read the
    state before this change."""
    wake = {
        "id": new_id("wake", writing.at),
        "incident_id": incident_id,
        "reason": reason,
        "due_at": due_at or writing.at,
        "holder": "",
        "leased_until": None,
    }
    writing.session.flush()  # the incident may be as new as its wake
    writing.session.connection().execute(_WAKE_POSTGRESQL if writing.is_postgresql else _WAKE_SQLITE, wake)


def _lost(id: str) -> LeaseLost:
    return LeaseLost(f"the wake {id} is another worker's now", next_step="stop: the other worker goes on")
