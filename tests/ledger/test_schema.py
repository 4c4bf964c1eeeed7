"""Opening, upgrading and backing up: what an administrator meets first."""

from __future__ import annotations

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from knowledge.errors import BadInput, LedgerBusy, LedgerUnreachable, LedgerUnusable
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.rows.every import metadata
from knowledge.vocabulary import Role, Scope
from tests.ledger.conftest import TestClock
from tests.peers.postgresql import PostgresqlServer


def now() -> datetime:
    return datetime.now(UTC)


def run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_open_says_to_upgrade_when_the_database_is_empty(empty_url: str) -> None:
    with pytest.raises(LedgerUnusable, match="no schema yet") as refused:
        Ledger.open(empty_url, now)
    assert "opsdesk upgrade" in refused.value.next_step


def test_migrations_make_exactly_the_tables_of_the_code(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_upgrade_changes_nothing_when_it_runs_again(url: str, clock: TestClock) -> None:
    with Ledger.open(url, clock) as ledger:
        ledger.principals.add("wei", [Role.ADMIN], Scope())
    Ledger.upgrade(url)
    with Ledger.open(url, clock) as ledger:
        assert [principal.id for principal in ledger.principals.list()] == ["wei"]


def test_upgrade_happens_once_when_processes_race(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Ledger.upgrade, [empty_url] * 4))
    Ledger.open(empty_url, now).close()


def test_open_and_upgrade_refuse_when_the_schema_is_newer(own_url: str) -> None:
    run(own_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerUnusable, match="newer schema"):
        Ledger.open(own_url, now)
    with pytest.raises(LedgerUnusable, match="newer schema"):
        Ledger.upgrade(own_url)


def test_open_refuses_when_the_schema_is_older(own_url: str) -> None:
    run(own_url, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(LedgerUnusable, match="older schema"):
        Ledger.open(own_url, now)


def test_open_refuses_when_a_table_is_missing(own_url: str) -> None:
    run(own_url, "DROP TABLE feedback")
    with pytest.raises(LedgerUnusable, match=r"half-migrated.*feedback"):
        Ledger.open(own_url, now)


def test_upgrade_refuses_when_tables_stand_without_a_revision(own_url: str) -> None:
    run(own_url, "DELETE FROM alembic_version")
    with pytest.raises(LedgerUnusable, match="half-migrated") as refused:
        Ledger.upgrade(own_url)
    assert "restore the backup" in refused.value.next_step


def test_open_refuses_when_two_revisions_are_claimed(own_url: str) -> None:
    run(own_url, "INSERT INTO alembic_version VALUES ('0001')")
    with pytest.raises(LedgerUnusable, match="several revisions"):
        Ledger.open(own_url, now)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://root@db/x",
        "oracle://x",
        "postgresql://db:port/x",
        "sqlite:///no/such/folder/l.db",
    ],
)
def test_open_names_the_accepted_urls_when_the_url_is_bad(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        Ledger.open(url, now)
    assert refused.value.next_step


def test_open_says_unreachable_and_hides_the_password_when_no_server_answers() -> None:
    with pytest.raises(LedgerUnreachable) as refused:
        Ledger.open("postgresql+psycopg://desk:s3cret-word@127.0.0.1:1/desk", now)
    assert "s3cret-word" not in str(refused.value)
    assert refused.value.retry_after_seconds


@pytest.mark.peer("postgresql")
def test_open_says_what_to_check_when_the_database_does_not_exist(postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(LedgerUnusable, match="does not exist"):
        Ledger.open(postgresql_server.url("nowhere"), now)


def test_open_refuses_when_the_file_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is a diary, not a database. " * 100)
    with pytest.raises(LedgerUnusable, match="not a database"):
        Ledger.open(f"sqlite:///{path}", now)


def test_writer_gets_ledger_busy_when_another_process_holds_the_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.upgrade(url)
    with Ledger.open(url, now, busy_seconds=0.05) as ledger, closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy) as busy:
            ledger.switches.freeze("*", "wei", "")
        assert busy.value.retry_after_seconds
        assert ledger.switches.is_frozen("prod") is None
        other.rollback()
        ledger.switches.freeze("*", "wei", "")
        assert ledger.switches.is_frozen("prod")


@pytest.mark.peer("postgresql")
def test_writer_gets_ledger_busy_when_another_session_holds_the_row(postgresql_server: PostgresqlServer) -> None:
    name = postgresql_server.database()
    url = postgresql_server.url(name)
    Ledger.upgrade(url)
    with Ledger.open(url, now, busy_seconds=0.1) as ledger:
        ledger.principals.add("wei", [Role.ADMIN], Scope())
        engine = create_engine(url)
        with engine.begin() as other:
            other.execute(text("UPDATE principal SET kind = kind"))
            with pytest.raises(LedgerBusy):
                ledger.principals.disable("wei")
        engine.dispose()
        ledger.principals.disable("wei")
    postgresql_server.drop(name)


def test_sqlite_ledger_is_durable_by_its_pragmas(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.upgrade(url)
    with Ledger.open(url, now) as ledger, ledger._store.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_new_sqlite_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.upgrade(url)
    with Ledger.open(url, now) as ledger:
        ledger.switches.freeze("*", "wei", "")
        modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.glob("ledger.db*")}
    assert "ledger.db-wal" in modes
    assert set(modes.values()) == {0}


def test_backup_is_a_whole_ledger_when_the_desk_is_at_work(tmp_path: Path, clock: TestClock) -> None:
    url, copy = f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "copy.db"
    Ledger.upgrade(url)
    with Ledger.open(url, clock) as ledger:
        ledger.principals.add("wei", [Role.ADMIN], Scope())
        Ledger.backup(url, copy)
        ledger.principals.add("li", [Role.VIEWER], Scope())
    assert copy.stat().st_mode & 0o077 == 0
    with Ledger.open(f"sqlite:///{copy}", clock) as restored:
        assert [principal.id for principal in restored.principals.list()] == ["wei"]
        assert restored.audit.verify() == (1, None)


def test_backup_refuses_when_the_target_exists_or_cannot_be(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.upgrade(url)
    (tmp_path / "there").write_text("precious")
    with pytest.raises(BadInput, match="exists"):
        Ledger.backup(url, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"
    with pytest.raises(BadInput, match="does not exist"):
        Ledger.backup(url, tmp_path / "no" / "copy.db")
    with pytest.raises(LedgerUnusable, match="no ledger"):
        Ledger.backup(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


@pytest.mark.peer("postgresql")
def test_backup_of_postgresql_is_a_dump_that_restores(
    postgresql_server: PostgresqlServer, tmp_path: Path, clock: TestClock
) -> None:
    name, fresh = postgresql_server.database(), postgresql_server.database()
    url = postgresql_server.url(name)
    Ledger.upgrade(url)
    with Ledger.open(url, clock) as ledger:
        ledger.principals.add("wei", [Role.ADMIN], Scope())
    Ledger.backup(url, tmp_path / "ledger.dump")
    target = f"--dbname=host={postgresql_server.folder} user=opsdesk dbname={fresh}"
    subprocess.run(["pg_restore", target, tmp_path / "ledger.dump"], check=True, capture_output=True)
    with Ledger.open(postgresql_server.url(fresh), clock) as restored:
        assert restored.principals.by_id("wei").roles == {Role.ADMIN}


@pytest.mark.peer("postgresql")
def test_backup_of_postgresql_says_what_to_run_when_pg_dump_is_missing(
    postgresql_server: PostgresqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LedgerUnusable) as refused:
        Ledger.backup(postgresql_server.url("postgres"), tmp_path / "ledger.dump")
    assert "pg_dump --format=custom" in refused.value.next_step
