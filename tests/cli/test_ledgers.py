"""A ledger or a home that cannot be used is told with its next step, and is left as it was."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from knowledge.ledger.ledger import Ledger
from tests.cli.conftest import Run


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_folder_in_the_ledgers_place_is_told(run: Run, home: Path) -> None:
    (home / "ledger.db").mkdir(parents=True)
    run("user", "list").told(1, "ledger unusable", "unable to open")


def test_a_file_that_is_no_database_is_told_and_kept(run: Run, home: Path) -> None:
    home.mkdir()
    text = b"shopping list: milk, eggs, " * 100
    (home / "ledger.db").write_bytes(text)
    for words in (("user", "list"), ("upgrade",), ("backup", str(home / "copy.db"))):
        run(*words).told(1, "not a database")
    assert (home / "ledger.db").read_bytes() == text
    assert not (home / "copy.db").exists()


def test_a_newer_schema_is_refused_by_every_command(run: Run, home: Path) -> None:
    assert run("upgrade").code == 0
    execute(home / "ledger.db", "UPDATE alembic_version SET version_num = 'of-tomorrow'")
    for words in (("user", "list"), ("upgrade",), ("serve", "--port", "0")):
        run(*words).told(1, "newer schema (of-tomorrow)")


def test_a_ledger_without_schema_asks_for_the_upgrade_which_then_works_twice(run: Run, home: Path) -> None:
    home.mkdir()
    execute(home / "ledger.db", "CREATE TABLE of_someone_else (id INTEGER)")
    run("user", "list").told(1, "opsdesk upgrade")
    assert [run("upgrade").code, run("upgrade").code] == [0, 0]
    assert run("user", "list").code == 0


def test_a_locked_ledger_is_temporary_and_takes_nothing_in_by_halves(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Ledger.open.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "busy_seconds", 0.2)
    assert run("upgrade").code == 0
    with closing(sqlite3.connect(home / "ledger.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = run("user", "add", "carol", "--role", "viewer")
    assert done.code == 75
    assert "ledger busy" in done.err
    assert "carol" not in run("user", "list").out


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("postgresql://ops:hush-hush@127.0.0.1:1/opsdesk", 75, "no answer from PostgreSQL"),
        ("mysql://ops:hush-hush@127.0.0.1/opsdesk", 1, "cannot live in 'mysql'"),
        ("hush-hush", 1, "cannot be read"),
        ("sqlite:////nowhere/at/all/ledger.db", 1, "does not exist"),
    ],
)
def test_a_ledger_url_that_does_not_work_is_told_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, code: int, says: str
) -> None:
    monkeypatch.setenv("OPSDESK_LEDGER_URL", url)
    done = run("user", "list")
    done.told(code, says)
    assert "hush-hush" not in done.err + done.out


def test_postgresql_without_its_driver_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_LEDGER_URL", "postgresql://ops@127.0.0.1:1/opsdesk")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    run("user", "list").told(1, "psycopg", "pip install")


@pytest.mark.parametrize("words", [("user", "list"), ("upgrade",), ("serve", "--port", "0"), ("kb", "check")])
def test_a_home_that_is_no_folder_is_told(run: Run, home: Path, words: tuple[str, ...]) -> None:
    home.write_text("a file")
    run(*words).told(1, str(home), "OPSDESK_HOME")


def test_doctor_tells_of_a_home_that_is_no_folder_and_goes_on(run: Run, home: Path) -> None:
    home.write_text("a file")
    done = run("doctor")
    assert done.code == 1
    assert "broken  home: " in done.out
    assert "clusters: none is configured" in done.out


def test_a_home_that_cannot_be_written_is_told(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    granted = os.access
    monkeypatch.setattr("api.bootstrap.os.access", lambda path, mode: path != home and granted(path, mode))
    run("user", "list").told(1, "cannot be written")


def test_two_first_starts_at_once_both_find_a_whole_ledger(home: Path) -> None:
    command = [sys.executable, "-m", "api.cli", "user", "list"]
    environment = {**os.environ, "OPSDESK_HOME": str(home)}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs


def test_a_backup_overwrites_nothing(run: Run, home: Path) -> None:
    assert run("upgrade").code == 0
    assert run("backup", str(home / "copy.db")).code == 0
    before = (home / "copy.db").read_bytes()
    run("backup", str(home / "copy.db")).told(1, "exists already")
    run("backup", str(home / "no" / "copy.db")).told(1, "does not exist")
    assert (home / "copy.db").read_bytes() == before
