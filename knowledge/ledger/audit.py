"""The audit chain: who did what to whom, each entry sealed to the one before by its digest.

Entries are written at the end of the transaction that they tell of: both happen or neither. The chain's lock is taken
last, so that it can never be part of a deadlock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from knowledge.ledger.audit_flaws import AuditCheck, AuditFlaw, flaw_of_checkpoint, flaw_of_entry
from knowledge.ledger.checkpoints import AuditKey, Checkpoint
from knowledge.ledger.rows.base import bounded, clean
from knowledge.ledger.rows.desk import AuditRow, CheckpointRow
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import AuditEntry, Json, canonical_json, digest_of

GENESIS = "sha256:" + "0" * 64
_BATCH = 1000
_LAST = select(AuditRow.sequence, AuditRow.digest).order_by(AuditRow.sequence.desc()).limit(1)
_APPEND = insert(AuditRow)


class Audit:
    """Append-only. ``verify`` finds the first entry that was changed, taken out or put in; ``check`` holds the chain against
    signed checkpoints as well."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, actor: str, verb: str, subject: str, detail: Json | None = None) -> None:
        with self._store.write() as writing:
            writing.audit(actor, verb, subject, **(detail or {}))

    def entries(self, after: int = 0, limit: int = 100) -> list[AuditEntry]:
        with self._store.read() as session:
            query = select(AuditRow).where(AuditRow.sequence > after).order_by(AuditRow.sequence).limit(limit)
            return [_entry(row) for row in session.scalars(query)]

    def newest(
        self, before: int | None = None, limit: int = 50, *, actor: str = "", verb: str = "", subject: str = ""
    ) -> list[AuditEntry]:
        """Newest first. ``before`` is the sequence of the last one of the page before; the words are beginnings."""
        query = select(AuditRow).order_by(AuditRow.sequence.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.sequence < before)
        for column, words in ((AuditRow.actor, actor), (AuditRow.verb, verb), (AuditRow.subject, subject)):
            if words:
                query = query.where(column.startswith(clean(words), autoescape=True))
        with self._store.read() as session:
            return [_entry(row) for row in session.scalars(query)]

    def last(self) -> int:
        """The sequence of the newest entry; 0 when there is none."""
        with self._store.read() as session:
            last = session.execute(_LAST).one_or_none()
        return last.sequence if last else 0

    def verify(self) -> tuple[int, int | None]:
        """How many entries there are, and the sequence of the first that does not fit its place (None: all do)."""
        count, previous, expected = 0, GENESIS, 1
        for entry in self._all():
            fits = entry.sequence == expected and entry.previous == previous and entry.digest == _digest(entry)
            if not fits:
                return count, min(entry.sequence, expected)
            count, previous, expected = count + 1, entry.digest, expected + 1
        return count, None

    def check(self, kept: Collection[Checkpoint] = (), keys: Collection[str] = ()) -> AuditCheck:
        """The chain against itself, against the ledger's own checkpoints, and against those ``kept`` elsewhere.

        ``keys`` are the public keys whose signatures count; with none given, any key's do, if the signature is right.
        """
        checkpoints = sorted({*self.checkpoints(), *kept}, key=lambda one: one.sequence)
        wanted = {one.sequence for one in checkpoints}
        digests: dict[int, str] = {}
        first_flaw: AuditFlaw | None = None
        count, previous, expected = 0, GENESIS, 1
        for entry in self._all():
            digest = _digest(entry)
            first_flaw = first_flaw or flaw_of_entry(entry, digest, previous, expected)
            if entry.sequence in wanted:
                digests[entry.sequence] = digest
            count, previous, expected = count + 1, entry.digest, entry.sequence + 1
        last = expected - 1
        flaws = [first_flaw] if first_flaw else []
        proven_to = 0
        for one in checkpoints:
            flaw = flaw_of_checkpoint(one, digests, last, keys)
            if flaw is None:
                proven_to = one.sequence
            else:
                flaws.append(flaw)
        return AuditCheck(
            entries=count, digest=previous, checkpoints=len(checkpoints), proven_to=proven_to, flaws=tuple(flaws)
        )

    def sign(self, key: AuditKey) -> Checkpoint | None:
        """A new checkpoint at the chain's end, kept beside it; None when it has not grown since the last one."""
        with self._store.write() as writing:
            writing.hold("audit")
            last = writing.session.execute(_LAST).one_or_none()
            if last is None or writing.session.get(CheckpointRow, last.sequence) is not None:
                return None
            made = key.sign(last.sequence, last.digest, writing.at)
            writing.session.add(CheckpointRow(**made.model_dump()))
            return made

    def checkpoints(self, after: int = 0) -> list[Checkpoint]:
        """Those that the ledger keeps itself, of entries behind ``after``, oldest first."""
        with self._store.read() as session:
            query = select(CheckpointRow).where(CheckpointRow.sequence > after).order_by(CheckpointRow.sequence)
            return [
                Checkpoint(sequence=row.sequence, digest=row.digest, at=row.at, key=row.key, signature=row.signature)
                for row in session.scalars(query)
            ]

    def export(
        self, since: datetime | None = None, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> Iterator[AuditEntry]:
        """Entries from ``since`` on and before ``until``, oldest first, without holding them all in memory. ``after`` is the
        sequence of the last one of the page before, ``limit`` how many there are to a page."""
        query = select(AuditRow).order_by(AuditRow.sequence)
        if since is not None:
            query = query.where(AuditRow.at >= since)
        if until is not None:
            query = query.where(AuditRow.at < until)
        left = limit
        while left is None or left > 0:
            with self._store.read() as session:
                page = query.where(AuditRow.sequence > after).limit(min(_BATCH, _BATCH if left is None else left))
                batch = [_entry(row) for row in session.scalars(page)]
            yield from batch
            if not batch:
                return
            after, left = batch[-1].sequence, None if left is None else left - len(batch)

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
            actor=bounded(writing.redact(deed.actor)),
            verb=bounded(deed.verb),
            subject=bounded(writing.redact(deed.subject)),
            detail=_without_secrets(json.loads(clean(canonical_json(deed.detail))), writing.redact),
            previous=previous,
            digest="",
        )
        previous = _digest(entry)
        rows.append(entry.model_copy(update={"digest": previous}).model_dump())
    writing.session.connection().execute(_APPEND, rows)


def _without_secrets(value: Any, redact: Callable[[str], str]) -> Any:
    """Every string of the detail, redacted: the one door that all writers go through."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_without_secrets(item, redact) for item in value]
    if isinstance(value, dict):
        return {redact(name): _named(name, item, redact) for name, item in value.items()}
    return value


def _named(name: str, value: Any, redact: Callable[[str], str]) -> Any:
    """A value under its name: what is no secret to look at is one under the name ``password``."""
    told = f"{name}: {value}"
    if isinstance(value, str) and redact(value) == value and redact(told) != redact(f"{name}: ") + value:
        return redact(told).partition(": ")[2]
    return _without_secrets(value, redact)


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
