"""One transaction per call: how every part of the ledger reads and writes.

SQLite has one writer at a time. Threads of this process queue for it on a lock (its own waiting is a sleep that starves
someone in a storm); other processes wait with the busy timeout. PostgreSQL writers run side by side and take row locks.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.orm import Session

from knowledge.errors import LedgerBusy
from knowledge.ledger.connection import WRITES, connect, told
from knowledge.vocabulary import Json


@dataclass(frozen=True, slots=True)
class Deed:
    """What will become one link of the audit chain when its transaction commits."""

    actor: str
    verb: str
    subject: str
    detail: Json


@dataclass(slots=True)
class Writing:
    """A write transaction. ``at`` is its one moment; ``deeds`` are chained at its very end (see ``audit.chain``)."""

    session: Session
    at: datetime
    is_postgresql: bool
    deeds: list[Deed] = field(default_factory=list)
    redact: Callable[[str], str] = str

    def audit(self, actor: str, verb: str, subject: str, **detail: Any) -> None:
        self.deeds.append(Deed(actor=actor, verb=verb, subject=subject, detail=detail))

    def hold(self, name: str) -> None:
        """Nobody else passes the same ``name`` until this transaction ends. SQLite's writer is alone anyway."""
        if self.is_postgresql:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            self.session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


class Store:
    """The database under the ledger. Thread-safe."""

    def __init__(
        self, url: URL, now: Callable[[], datetime], busy_seconds: float, redact: Callable[[str], str] = str
    ) -> None:
        self.url = url
        self.now = now
        self._redact = redact
        self._busy_seconds = busy_seconds
        self._engine = connect(url, busy_seconds)
        self._writer = self._engine.execution_options(**{WRITES: True})
        self._turn = threading.Lock() if url.drivername == "sqlite" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        with told(self.url), Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """Commits at the end of the block, rolls everything back when it raises."""
        from knowledge.ledger.audit import chain

        with self._my_turn(), told(self.url), Session(self._writer, expire_on_commit=False) as session, session.begin():
            session.connection()  # takes SQLite's write lock now, so that ``at`` is not a moment of waiting ago
            writing = Writing(session=session, at=self.now(), is_postgresql=self._turn is None, redact=self._redact)
            yield writing
            session.flush()
            chain(writing)

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise LedgerBusy("too many writers wait for the ledger", retry_after_seconds=1)
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        self._engine.dispose()
