"""Opens the database by URL and tells its errors in the desk's words, without ever showing the URL's password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from knowledge.errors import BadInput, LedgerBusy, LedgerUnreachable, LedgerUnusable

WRITES = "opsdesk_writes"
"""Execution option of an engine whose transactions write: SQLite then takes its write lock first, not half-way."""

_ACCEPTED = "use sqlite:///path/to/ledger.db or postgresql+psycopg://user@host/database"


def parse_url(url: str) -> URL:
    """The URL of a ledger; BadInput when it is not one of the two kinds."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadInput("the ledger's URL cannot be read", next_step=_ACCEPTED, source="ledger url") from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database == ":memory:":
            raise BadInput(
                "the ledger must be a file: memory is lost at exit", next_step=_ACCEPTED, source="ledger url"
            )
        return parsed.set(drivername="sqlite")
    if parsed.drivername in {"postgresql", "postgresql+psycopg", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise BadInput(f"the ledger cannot live in {parsed.drivername!r}", next_step=_ACCEPTED, source="ledger url")


def shown(url: URL) -> str:
    """The URL for messages: without password and options."""
    return url.set(query={}).render_as_string(hide_password=True)


def connect(url: URL, busy_seconds: float) -> Engine:
    """An engine whose transactions are ours to begin; nothing is opened yet."""
    with told(url):
        if url.drivername == "sqlite":
            return _sqlite_engine(url, busy_seconds)
        try:
            return _postgresql_engine(url, busy_seconds)
        except (NoSuchModuleError, ModuleNotFoundError):
            raise BadInput(
                "PostgreSQL needs the psycopg driver", next_step="pip install 'opsdesk[postgres]'", source="ledger url"
            ) from None


def _sqlite_engine(url: URL, busy_seconds: float) -> Engine:
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        raise BadInput(f"the folder {folder} of the ledger does not exist", next_step=f"mkdir -p {folder}")
    engine = create_engine(
        url, connect_args={"timeout": busy_seconds}, pool_size=16, max_overflow=32, pool_timeout=busy_seconds
    )

    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: begin() below does
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _postgresql_engine(url: URL, busy_seconds: float) -> Engine:
    wait = int(busy_seconds * 1000)
    options = f"-c lock_timeout={wait} -c timezone=UTC -c idle_in_transaction_session_timeout=60000"
    return create_engine(
        url,
        connect_args={"options": options, "connect_timeout": 5, "application_name": "opsdesk"},
        pool_size=16,
        max_overflow=16,
        pool_timeout=busy_seconds,
        pool_pre_ping=True,  # a restarted server costs no failed request
    )


@contextmanager
def told(url: URL) -> Iterator[None]:
    """Turns the drivers' errors into the desk's. What is no trouble of the database stays a bug and passes through."""
    try:
        yield
    except PoolTimeout as error:
        raise LedgerBusy("every connection to the ledger is in use", retry_after_seconds=1) from error
    except DBAPIError as error:
        ours = _sqlite_trouble(error, url) if url.drivername == "sqlite" else _postgresql_trouble(error, url)
        if ours is None:
            raise
        raise ours from error


def _sqlite_trouble(error: DBAPIError, url: URL) -> LedgerBusy | LedgerUnusable | None:
    name = getattr(error.orig, "sqlite_errorname", "") or ""
    said = str(error.orig)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerBusy("another process holds the ledger's lock", retry_after_seconds=1)
    steps = {
        "SQLITE_FULL": "free space on the ledger's disk",
        "SQLITE_READONLY": "give this user the right to write the file and its folder",
        "SQLITE_CANTOPEN": "check that the folder exists and that this user may read and write it",
        "SQLITE_IOERR": "check the disk under the ledger",
        "SQLITE_NOTADB": "point the ledger's URL at an opsdesk ledger, or restore a backup",
        "SQLITE_CORRUPT": "stop opsdesk and restore the last backup",
    }
    for prefix, step in steps.items():
        if name.startswith(prefix):
            return LedgerUnusable(f"the ledger {shown(url)} cannot be used: {said}", next_step=step)
    if "no such table" in said or "no such column" in said:
        return _wrong_schema(url)
    return None


def _postgresql_trouble(error: DBAPIError, url: URL) -> LedgerBusy | LedgerUnreachable | LedgerUnusable | None:
    state = getattr(error.orig, "sqlstate", None)
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if state in {"55P03", "40P01", "40001", "57014"}:
        return LedgerBusy("another transaction holds what this one needs", retry_after_seconds=1)
    if state in {"28P01", "28000", "3D000", "42501", "53100"}:
        return LedgerUnusable(
            f"PostgreSQL at {shown(url)} says no: {said}", next_step="check user, password, database and disk space"
        )
    if state in {"42P01", "42703"}:
        return _wrong_schema(url)
    if error.connection_invalidated or state in {None, "53300"} or state[:2] in {"08", "57"}:
        return _unanswered(error, url, said)
    return None


def _unanswered(error: DBAPIError, url: URL, said: str) -> LedgerUnreachable | LedgerUnusable | None:
    from sqlalchemy.exc import OperationalError

    if not error.connection_invalidated and not isinstance(error, OperationalError):
        return None
    if "password" in said or "authentication" in said or "does not exist" in said:
        return LedgerUnusable(
            f"PostgreSQL at {shown(url)} says no: {said}", next_step="check user, password and database in the URL"
        )
    return LedgerUnreachable(
        f"no answer from PostgreSQL at {shown(url)}: {said}",
        next_step="check that the server runs and that host and port are right",
        retry_after_seconds=5,
    )


def _wrong_schema(url: URL) -> LedgerUnusable:
    return LedgerUnusable(f"the ledger {shown(url)} lacks tables", next_step="run: opsdesk upgrade")
