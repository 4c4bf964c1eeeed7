"""The schema's version: what Alembic knows of it, and the refusal of anything that this code was not written for."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, inspect

from knowledge.errors import LedgerUnusable
from knowledge.ledger.connection import WRITES, connect, shown, told
from knowledge.ledger.rows.every import metadata
from knowledge.ledger.store import Store

_UPGRADE = "run: opsdesk upgrade"
_LOCK_NUMBER = 7_063_417_201


def configuration() -> Config:
    """Alembic's configuration; the scripts are found inside the package, so that an installed wheel carries them."""
    config = Config()
    config.set_main_option("script_location", "knowledge.ledger:migrations")
    config.set_main_option("path_separator", "os")
    return config


def require_current(store: Store) -> None:
    """LedgerUnusable unless the database has exactly this code's schema."""
    with store.read() as session:
        found = _revision(session.connection(), store.url)
        wanted = ScriptDirectory.from_config(configuration()).get_current_head()
        if found != wanted:
            state = "has no schema yet" if found is None else "has an older schema"
            raise LedgerUnusable(f"the ledger {shown(store.url)} {state}", next_step=_UPGRADE)
        missing = set(metadata.tables) - set(inspect(session.connection()).get_table_names())
        if missing:
            raise _half_migrated(store.url, f"lacks the tables {', '.join(sorted(missing))}")


def upgrade(url: URL) -> None:
    """Runs the missing migrations in one transaction; two processes that try at once do it once."""
    engine = connect(url, busy_seconds=60).execution_options(**{WRITES: True})
    if url.drivername == "sqlite":
        _make_private(Path(url.database or ""))
    try:
        with told(url), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})")
            _revision(connection, url)
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _make_private(path: Path) -> None:
    """A new ledger is its owner's alone: it holds evidence and, without a key file, webhook secrets."""
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise LedgerUnusable(
            f"the ledger {path} cannot be written: {error.strerror}", next_step="check the folder's owner and rights"
        ) from error


def _revision(connection: Connection, url: URL) -> str | None:
    """The database's revision, None for an empty one; LedgerUnusable for what no upgrade may touch."""
    heads = MigrationContext.configure(connection).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if len(heads) > 1:
        raise _half_migrated(url, f"claims several revisions: {', '.join(heads)}")
    if heads and heads[0] not in known:
        raise LedgerUnusable(
            f"the ledger {shown(url)} has a newer schema ({heads[0]}) than this opsdesk knows",
            next_step="install the opsdesk version that upgraded it, or restore the backup taken before",
        )
    if not heads:
        ours = set(inspect(connection).get_table_names()) & set(metadata.tables)
        if ours:
            raise _half_migrated(url, f"has tables ({', '.join(sorted(ours)[:3])} ...) but no revision")
        return None
    return heads[0]


def _half_migrated(url: URL, why: str) -> LedgerUnusable:
    return LedgerUnusable(
        f"the ledger {shown(url)} is half-migrated: it {why}",
        next_step="restore the backup that was taken before the upgrade, then run: opsdesk upgrade",
    )
