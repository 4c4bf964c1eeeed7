"""Fresh PostgreSQL ledgers for the crash matrix: copies of one migrated database, made per point and dropped at the end."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from knowledge.ledger.ledger import Ledger


class PostgresDatabases:
    """``url`` names a database of which nothing else is using: it is migrated, and serves as the template of the others."""

    def __init__(self, url: str) -> None:
        Ledger.upgrade(url)
        self._url = urlsplit(url)
        self._template = self._url.path.removeprefix("/")
        self._numbers = itertools.count(1)
        self._made: list[str] = []
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:  # a template may be copied by one at a time
            name = f"{self._template}_{os.getpid()}_{next(self._numbers)}"
            self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
            self._made.append(name)
        return urlunsplit(self._url._replace(path=f"/{name}"))

    def drop_all(self) -> None:
        for name in self._made:
            self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        import psycopg

        plain = urlunsplit(self._url._replace(scheme="postgresql", path="/postgres"))
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgres_databases(url: str) -> Iterator[PostgresDatabases]:
    made = PostgresDatabases(url)
    try:
        yield made
    finally:
        with suppress(OSError):
            made.drop_all()
