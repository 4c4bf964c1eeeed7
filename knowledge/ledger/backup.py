"""A consistent copy of a ledger in use: SQLite's online backup, or PostgreSQL's own pg_dump."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from knowledge.errors import BadInput, LedgerUnusable
from knowledge.ledger.connection import shown


def back_up(url: URL, target: Path) -> None:
    """Writes ``target``, readable by its owner only. An existing file is never overwritten; a failed try leaves none."""
    if target.exists():
        raise BadInput(f"{target} exists already", next_step="name a new file: a backup overwrites nothing")
    if not target.parent.is_dir():
        raise BadInput(f"the folder {target.parent} does not exist", next_step=f"mkdir -p {target.parent}")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o600)
        if url.drivername == "sqlite":
            _copy_sqlite(url, partial)
        else:
            _dump_postgresql(url, partial)
        partial.rename(target)
    except OSError as error:
        raise BadInput(f"{target} cannot be written: {error.strerror}", next_step="choose another folder") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy_sqlite(url: URL, partial: Path) -> None:
    source = Path(url.database or "")
    if not source.is_file():
        raise LedgerUnusable(f"there is no ledger at {source}", next_step="check the ledger's URL")
    try:
        read_only = f"{source.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(read_only, uri=True)) as reader, closing(sqlite3.connect(partial)) as writer:
            reader.backup(writer)
            (verdict,) = writer.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise LedgerUnusable(
            f"the ledger {shown(url)} cannot be copied: {error}", next_step="check disk and file"
        ) from error
    if verdict != "ok":
        raise LedgerUnusable(f"the copy of {shown(url)} is damaged: {verdict}", next_step="restore an older backup")


def _dump_postgresql(url: URL, partial: Path) -> None:
    libpq = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    program = shutil.which("pg_dump")
    if program is None:
        raise LedgerUnusable(
            "pg_dump is not installed here",
            next_step=f"where it is, run: pg_dump --format=custom --file={partial.with_suffix('')} '{shown(url)}'",
        )
    environment = {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(  # noqa: S603 - a fixed program, its arguments are ours
        [program, "--format=custom", f"--file={partial}", f"--dbname={libpq}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LedgerUnusable(
            f"pg_dump of {shown(url)} failed: {done.stderr.strip()[:500]}",
            next_step="check server, rights and pg_dump's version",
        )
