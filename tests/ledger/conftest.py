"""The ledger's tests run on SQLite and on a real PostgreSQL: one fixture, two engines, the same assertions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.ledger.ledger import Ledger
from knowledge.ledger.rows.every import metadata
from tests.peers.postgresql import PostgresqlServer

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))]


class TestClock:
    """Stands still until a test moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file; each test gets a copy."""
    path = tmp_path_factory.mktemp("ledger") / "template.db"
    Ledger.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresqlServer) -> str:
    name = postgresql_server.database()
    Ledger.upgrade(postgresql_server.url(name))
    return name


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without any schema."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name = server.database()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def own_url(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with the current schema that a test may spoil."""
    if engine == "sqlite":
        path = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name = server.database(template=request.getfixturevalue("postgresql_template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture(scope="session")
def postgresql_shared(postgresql_server: PostgresqlServer, postgresql_template: str) -> str:
    return postgresql_server.database(template=postgresql_template)


@pytest.fixture
def url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with the current schema and nothing in it. PostgreSQL's is shared and emptied: it is slow to make."""
    if engine == "sqlite":
        yield request.getfixturevalue("own_url")
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name: str = request.getfixturevalue("postgresql_shared")
    yield server.url(name)
    tables = ", ".join(f'"{table.name}"' for table in reversed(metadata.sorted_tables))
    server.execute(f"TRUNCATE {tables}", database=name)


@pytest.fixture
def ledger(url: str, clock: TestClock) -> Iterator[Ledger]:
    with Ledger.open(url, clock) as opened:
        yield opened
