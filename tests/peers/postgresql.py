"""A private PostgreSQL for the run: its own cluster in a temporary folder, reached by a unix socket only."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.peers.programs import postgresql_programs

USER = "opsdesk"


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """``folder`` holds the socket. Make databases with :meth:`database`; they die with the server."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def database(self, template: str = "template1") -> str:
        """The name of a new database."""
        name = "t" + secrets.token_hex(8)
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self._dsn(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _dsn(self, database: str) -> str:
        return f"host={self.folder} user={USER} dbname={database}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """One server for the run. Tests that ask for it are marked ``peer("postgresql")``, which skips where it is missing."""
    with running_postgresql() as server:
        yield server


@contextmanager
def running_postgresql(*options: str) -> Iterator[PostgresqlServer]:
    """A fresh server; ``options`` are further ``postgres`` arguments. PostgreSQL refuses root, so root lends it a user."""
    programs = postgresql_programs()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="opsdesk-pg-"))
    identity = _identity(folder)
    try:
        made = ["--username", USER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(
            [programs / "initdb", *made, "-D", folder / "data"], check=True, capture_output=True, cwd=folder, **identity
        )
        quick = ["-c", "fsync=off", "-c", "max_connections=150", "-c", "listen_addresses="]
        arguments = [programs / "postgres", "-D", folder / "data", "-k", folder, *(options or quick)]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder, **identity) as process,
        ):
            server = PostgresqlServer(folder)
            try:
                _await(server, process)
                yield server
            finally:
                process.send_signal(signal.SIGINT)  # the fast shutdown: sessions are ended
                process.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _identity(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _await(server: PostgresqlServer, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            server.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((server.folder / "log").read_text()) from None
            time.sleep(0.05)
