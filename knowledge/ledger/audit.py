"""The audit chain: who did what to whom, each entry sealed to the one before by its digest.

Entries are written at the end of the transaction that they tell of: both happen or neither. The chain's lock is taken
last, so that it can never be part of a deadlock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC

from sqlalchemy import insert, select

from knowledge.ledger.rows.base import bounded, clean
from knowledge.ledger.rows.desk import AuditRow
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import AuditEntry, Json, canonical_json, digest_of

GENESIS = "sha256:" + "0" * 64
_BATCH = 1000
_LAST = select(AuditRow.sequence, AuditRow.digest).order_by(AuditRow.sequence.desc()).limit(1)
_APPEND = insert(AuditRow)


class Audit:
    """Append-only. ``verify`` finds the first entry that was changed, taken out or put in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, actor: str, verb: str, subject: str, detail: Json | None = None) -> None:
        with self._store.write() as writing:
            writing.audit(actor, verb, subject, **(detail or {}))

    def entries(self, after: int = 0, limit: int = 100) -> list[AuditEntry]:
        with self._store.read() as session:
            query = select(AuditRow).where(AuditRow.sequence > after).order_by(AuditRow.sequence).limit(limit)
            return [_entry(row) for row in session.scalars(query)]

    def verify(self) -> tuple[int, int | None]:
        """How many entries there are, and the sequence of the first that does not fit its place (None: all do)."""
        count, previous, expected = 0, GENESIS, 1
        for entry in self._all():
            fits = entry.sequence == expected and entry.previous == previous and entry.digest == _digest(entry)
            if not fits:
                return count, min(entry.sequence, expected)
            count, previous, expected = count + 1, entry.digest, expected + 1
        return count, None

    def _all(self) -> Iterator[AuditEntry]:
        after: int = -1
        while batch := self.entries(after=after, limit=_BATCH):
            yield from batch
            after = batch[-1].sequence


def chain(writing: Writing) -> None:
    """Appends the transaction's deeds to the chain."""
    if not writing.deeds:
        return
    writing.hold("audit")
    last = writing.session.execute(_LAST).one_or_none()
    sequence, previous = (last.sequence, last.digest) if last else (0, GENESIS)
    rows = []
    for deed in writing.deeds:
        sequence += 1
        entry = AuditEntry(
            sequence=sequence,
            at=writing.at.astimezone(UTC),
            actor=bounded(deed.actor),
            verb=bounded(deed.verb),
            subject=bounded(deed.subject),
            detail=json.loads(clean(canonical_json(deed.detail))),
            previous=previous,
            digest="",
        )
        previous = _digest(entry)
        rows.append(entry.model_copy(update={"digest": previous}).model_dump())
    writing.session.connection().execute(_APPEND, rows)


def _digest(entry: AuditEntry) -> str:
    told = [entry.sequence, entry.at.isoformat(), entry.actor, entry.verb, entry.subject, entry.detail, entry.previous]
    return digest_of(told)


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        verb=row.verb,
        subject=row.subject,
        detail=row.detail,
        previous=row.previous,
        digest=row.digest,
    )
