"""Leases with fencing tokens: of two who think they hold one, only the newer token is believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from knowledge.errors import LeaseLost
from knowledge.ledger.rows.desk import LeaseRow
from knowledge.ledger.store import Store, Writing


class Leases:
    def __init__(self, store: Store) -> None:
        self._store = store

    def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """The fencing token, greater than every earlier one of this name; None while somebody holds it."""
        with self._store.write() as writing:
            writing.hold(f"lease {name}")
            row = writing.session.get(LeaseRow, name)
            if row is None:
                row = LeaseRow(name=name, holder="", token=0, ends_at=writing.at)
                writing.session.add(row)
            if row.holder and row.ends_at > writing.at:
                return None
            row.holder, row.token = holder, row.token + 1
            row.ends_at = writing.at + timedelta(seconds=seconds)
            return row.token

    def is_held(self, name: str) -> bool:
        """Whether anybody holds it now."""
        with self._store.read() as session:
            return is_held(session, name, self._store.now())

    def renew(self, name: str, token: int, seconds: float) -> None:
        """LeaseLost when another token was given out since, or the lease was released."""
        with self._store.write() as writing:
            _held(writing, name, token).ends_at = writing.at + timedelta(seconds=seconds)

    def release(self, name: str, token: int) -> None:
        """Gives the lease back; giving back what one no longer holds does nothing."""
        with self._store.write() as writing:
            row = writing.session.get(LeaseRow, name, with_for_update=True)
            if row is not None and row.token == token:
                row.holder = ""


def is_held(session: Session, name: str, at: datetime) -> bool:
    row = session.get(LeaseRow, name)
    return row is not None and bool(row.holder) and row.ends_at > at


def _held(writing: Writing, name: str, token: int) -> LeaseRow:
    row = writing.session.get(LeaseRow, name, with_for_update=True)
    if row is None or row.token != token or not row.holder:
        raise LeaseLost(
            f"the lease {name!r} is no longer held with token {token}", next_step="stop, and acquire it anew"
        )
    return row
