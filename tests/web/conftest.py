"""A desk without worker or cluster over a real ledger, its application, and people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from agent.deps import Deps
from api.bootstrap import Desk, utc_now
from api.settings import ClusterSettings, Settings, WebSettings
from api.web.app import create_app
from knowledge.ledger.ledger import Ledger
from knowledge.library import Library
from knowledge.vocabulary import Principal, Role, Scope
from tests.library.stand_ins import WordEmbedder
from tools.safety.policy import Policy

BODY_BYTES = 100_000
BEARER_SECRET = "a-secret-of-the-alertmanager"
HMAC_SECRET = "a-secret-that-only-signs-bodies"
READER = frozenset({Role.VIEWER})
EVERYTHING = frozenset({Role.VIEWER, Role.RESPONDER, Role.APPROVER, Role.ADMIN})


@dataclass
class Nudges:
    count: int = 0

    def __call__(self) -> None:
        self.count += 1


@dataclass
class Rig:
    """The desk and what a test needs to act on it."""

    desk: Desk
    app: FastAPI
    nudges: Nudges
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    def person(self, name: str, *roles: Role, scope: Scope | None = None, **more: Any) -> Principal:
        principal = self.ledger.principals.add(name, roles or (Role.VIEWER,), scope or Scope(), **more)
        self.tokens[name] = self.ledger.principals.issue_token(principal.id, "test")
        return principal

    def as_(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    def client(self, name: str = "", **options: Any) -> httpx.AsyncClient:
        """A client with the person's token; without a name, a browser that has no session yet."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        headers = self.as_(name) if name else {}
        return httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers=headers, **options)


@pytest.fixture(scope="session")
def ledger_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("web") / "template.db"
    Ledger.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    web = WebSettings(maximum_body_bytes=BODY_BYTES)
    return Settings(home=tmp_path / "home", web=web, clusters=(ClusterSettings(name="prod"),))


@pytest.fixture
def rig(settings: Settings, ledger_template: Path, tmp_path: Path) -> Iterator[Rig]:
    path = tmp_path / "ledger.db"
    path.write_bytes(ledger_template.read_bytes())
    with Ledger.open(f"sqlite:///{path}", utc_now) as ledger:
        library = Library.open(ledger.library_store, tmp_path / "index", WordEmbedder())
        deps = SimpleNamespace(
            library=library, policy=Policy.load(None), detectors=SimpleNamespace(by_id={}), clusters={}
        )
        nudges = Nudges()
        desk = Desk(settings, ledger, cast("Deps", deps), nudges)
        ledger.sources.add("alertmanager", "alertmanager", "bearer", BEARER_SECRET)
        ledger.sources.add("signed", "generic", "hmac", HMAC_SECRET)
        rig = Rig(desk, create_app(desk), nudges)
        rig.person("vera", Role.VIEWER)
        rig.person("rui", Role.VIEWER, Role.RESPONDER)
        rig.person("ana", Role.VIEWER, Role.APPROVER)
        rig.person("ada", Role.ADMIN)
        yield rig
        library.close()


@pytest.fixture
async def web(rig: Rig) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with rig.client() as client:
        yield client
