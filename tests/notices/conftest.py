"""Notices are tested on a real ledger, with a clock that stands still until a test moves it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.notices.contract import Address, Notice
from knowledge.errors import OpsdeskError
from knowledge.ledger.ledger import Ledger


class TestClock:
    __test__ = False

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def advance(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


class RecordingChannel:
    """Takes everything, or raises what the test puts into ``trouble``."""

    def __init__(self, name: str, *, people: tuple[str, ...] = (), origins: bool = False) -> None:
        self._name, self._people, self._origins = name, people, origins
        self.sent: list[tuple[Notice, Address]] = []
        self.trouble: OpsdeskError | Exception | None = None
        self.tries = 0

    @property
    def name(self) -> str:
        return self._name

    async def send(self, notice: Notice, address: Address) -> None:
        self.tries += 1
        if self.trouble is not None:
            raise self.trouble
        self.sent.append((notice, address))

    async def knows(self, address: Address) -> bool:
        if address.kind == "person":
            return address.to in self._people
        return self._origins if address.kind == "origin" else True

    async def greet(self) -> str:
        return self._name


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session")
def ledger_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notices") / "template.db"
    Ledger.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def url(ledger_template: Path, tmp_path: Path) -> str:
    shutil.copy(ledger_template, tmp_path / "ledger.db")
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str, clock: TestClock) -> Iterator[Ledger]:
    with Ledger.open(url, clock.now) as opened:
        yield opened
