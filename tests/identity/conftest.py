"""The desk of ``tests.web``, with passwords that are cheap to hash and a ledger whose clock a test moves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr

from agent.deps import Deps
from api.bootstrap import Desk
from api.identity.options import GroupGrant, OidcSettings, SignInSettings
from api.settings import ClusterSettings, Settings
from api.web.app import create_app
from knowledge.ledger.ledger import Ledger
from knowledge.library import Library
from knowledge.vocabulary import AuditEntry, Role, Scope
from tests.fakes.openid_provider import CLIENT, SECRET, OpenIdProvider, openid_provider
from tests.ledger.conftest import (
    empty_url,
    engine,
    own_url,
    postgresql_shared,
    postgresql_template,
    sqlite_template,
    url,
)
from tests.library.stand_ins import WordEmbedder
from tests.web.conftest import Nudges, Rig
from tools.redaction import redact_text
from tools.safety.policy import Policy

__all__ = ["empty_url", "engine", "own_url", "postgresql_shared", "postgresql_template", "sqlite_template", "url"]

CHEAP = SignInSettings(hash_passes=1, hash_memory_kib=8)
ADA = "velvet onion trapdoor"
HTML = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


GRANTS = (
    GroupGrant(group="sre-approvers", roles=(Role.APPROVER, Role.VIEWER), namespaces=("prod",)),
    GroupGrant(group="sre", roles=(Role.RESPONDER, Role.VIEWER)),
    GroupGrant(group="everyone", roles=(Role.VIEWER,)),
)


class MovedClock:
    """The present, moved on by what a test says: what expires is a matter of the ledger's clock alone."""

    def __init__(self) -> None:
        self.by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by

    def advance(self, **by: float) -> None:
        self.by += timedelta(**by)


@dataclass
class Door(Rig):
    """A rig with a clock, browsers and the audit."""

    clock: MovedClock | None = None

    def advance(self, **by: float) -> None:
        assert self.clock is not None
        self.clock.advance(**by)

    def browser(self, address: str = "10.1.1.1", **options: Any) -> Browser:
        return Browser(self, address, **options)

    def set_password(self, name: str, password: str) -> None:
        hashed = self.app.state.face.door.passwords.hash(password)
        self.ledger.credentials.set_password(name, hashed, actor="test")

    def audited(self, *verbs: str) -> list[AuditEntry]:
        return [one for one in self.ledger.audit.export() if one.verb in verbs]


class Browser:
    """Keeps cookies, and fills forms as a person does: loads the page first."""

    def __init__(self, door: Door, address: str, base: str = "http://desk.test", **headers: str) -> None:
        transport = httpx.ASGITransport(app=door.app, raise_app_exceptions=False, client=(address, 4711))
        self.client = httpx.AsyncClient(transport=transport, base_url=base, headers=HTML | headers)
        self.csrf = ""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        answer = await self.client.get(path, **more)
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer

    async def post(self, path: str, data: dict[str, str], **more: Any) -> httpx.Response:
        return await self.client.post(path, data={"csrf": self.csrf} | data, **more)

    async def submit(self, path: str, data: dict[str, str]) -> httpx.Response:
        await self.get(path)
        return await self.post(path, data)

    async def sign_in(self, name: str, password: str, after: str = "/account") -> httpx.Response:
        return await self.submit("/sign-in", {"name": name, "password": password, "next": after})

    async def with_token(self, token: str) -> httpx.Response:
        return await self.submit("/sign-in", {"token": token, "next": "/account"})

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.client.cookies.jar}

    async def is_signed_in(self) -> bool:
        return (await self.client.get("/api/v1/me")).status_code == 200


@pytest.fixture(scope="session")
def ledger_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identity") / "template.db"
    Ledger.upgrade(f"sqlite:///{path}")
    return path


PROGRAM = """
import sys, oidc_provider_mock
with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A process of its own, until its standard input ends."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as program:
        assert program.stdout is not None
        port = int(program.stdout.readline())
        yield f"http://localhost:{port}"
        program.communicate("", timeout=10)


def known_there(issuer: str, sub: str, **claims: object) -> None:
    httpx.put(f"{issuer}/users/{sub}", json=claims, trust_env=False).raise_for_status()


@pytest.fixture
def corp() -> Iterator[OpenIdProvider]:
    with openid_provider() as provider:
        provider.users["u-1"] = {"preferred_username": "noor", "groups": ["sre"]}
        provider.users["u-2"] = {"preferred_username": "guest", "groups": ["visitors"]}
        yield provider


@pytest.fixture
def oidc(corp: OpenIdProvider) -> OidcSettings:
    return OidcSettings(
        name="corp",
        title="Corp",
        issuer=corp.issuer,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        groups=GRANTS,
        creates_principals=True,
    )


@pytest.fixture
def providers() -> tuple[OidcSettings, ...]:
    """A module that signs in elsewhere gives ``oidc``."""
    return ()


@pytest.fixture
def settings(tmp_path: Path, providers: tuple[OidcSettings, ...]) -> Settings:
    return Settings(home=tmp_path / "home", clusters=(ClusterSettings(name="prod"),), sign_in=CHEAP, oidc=providers)


@pytest.fixture
def empty(settings: Settings, ledger_template: Path, tmp_path: Path) -> Iterator[Door]:
    """A desk on its first start: nobody is known."""
    path, clock = tmp_path / "ledger.db", MovedClock()
    path.write_bytes(ledger_template.read_bytes())
    with Ledger.open(f"sqlite:///{path}", clock, redact=redact_text) as ledger:
        library = Library.open(ledger.library_store, tmp_path / "index", WordEmbedder())
        deps = SimpleNamespace(library=library, policy=Policy.load(None), detectors=SimpleNamespace(by_id={}))
        nudges = Nudges()
        desk = Desk(settings, ledger, cast("Deps", deps), nudges)
        yield Door(desk, create_app(desk), nudges, clock=clock)
        library.close()


@pytest.fixture
def door(empty: Door) -> Door:
    """A desk with an admin who has a password, and a viewer who has one and a token."""
    empty.ledger.principals.add("ada", (Role.ADMIN, Role.VIEWER), Scope())
    empty.set_password("ada", ADA)
    empty.person("vera", Role.VIEWER)
    empty.set_password("vera", "seven wet umbrellas")
    return empty
