"""A desk with Slack as its face, over a real ledger and a server that speaks Slack's protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import httpx
import pytest
from fastapi import FastAPI

from agent.chat.reply import Answered, Begun, Ended, Part, Progress, Said
from agent.deps import Deps
from api.bootstrap import Desk
from api.chat_text import Attachment
from api.messengers import following, showing
from api.settings import ClusterSettings, Settings, WebSettings
from api.slack.face import SlackFace
from api.slack.listening import build_app
from api.slack.options import SlackChannelSettings, SlackSettings
from api.web.routes.slack import router
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Language, Principal, Role, Scope
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM, FakeSlack, running_slack
from tests.fakes.slack_workspace import body_of, signed
from tools.safety.policy import Policy

OPS = "C0OPS"
CONSOLE = "https://desk.test"


@dataclass
class Engine:
    """A chat engine that says what the test wants, and remembers what it was asked."""

    ledger: Ledger
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: Callable[[str], list[Part]] | None = None
    error: Exception | None = None
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.goes_on.set()

    async def say(
        self,
        principal: Principal,
        text: str,
        *,
        conversation_id: str = "",
        incident_id: str = "",
        language: Language | None = None,
        attachments: Sequence[Attachment] = (),
        zone: str = "",
        channel: Literal["slack"] = "slack",
    ) -> AsyncIterator[Part]:
        conversation = conversation_id or self.ledger.conversations.open(principal.id, text, channel, incident_id).id
        self.asked.append(
            {
                "principal": principal.id,
                "conversation": conversation,
                "incident": incident_id,
                "text": text,
                "language": language,
                "files": {one.name: one.text for one in attachments},
                "zone": zone,
            }
        )
        yield Begun(conversation_id=conversation)
        yield Progress(text="reading the metrics")
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        for part in self.answers(text) if self.answers else [Answered(answer=Said(text=f"You said: {text}"))]:
            yield part
        yield Ended(message_id="msg-1", understood_as="question")


@dataclass
class SlackRig:
    slack: FakeSlack
    desk: Desk
    engine: Engine
    face: SlackFace
    app: FastAPI
    jobs: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    def person(self, name: str, *roles: Role, account: str = "", scope: Scope | None = None, **more: Any) -> Principal:
        principal = self.ledger.principals.add(name, roles or (Role.VIEWER,), scope or Scope(), **more)
        if account:
            self.slack.user(account)
            self.ledger.linked_identities.link(f"slack:{TEAM}", account, principal.id, actor="test")
        return principal

    async def send(
        self, payload: dict[str, Any], *, headers: dict[str, str] | None = None, **how: Any
    ) -> httpx.Response:
        """As Slack sends it over HTTP."""
        body, kind = body_of(payload)
        proof = signed(body, **how) if headers is None else headers
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
            return await client.post(
                "/api/v1/slack/events", content=body.encode(), headers={"Content-Type": kind, **proof}
            )

    def start(self) -> None:
        self.jobs.append(asyncio.create_task(self.face.run()))

    @property
    def everything(self) -> Scope:
        return Scope()

    def tops(self, channel: str = OPS) -> list[dict[str, Any]]:
        """The channel's own messages, without those of threads."""
        return [one for one in self.slack.said(channel) if "thread_ts" not in one]

    async def follow_from_now(self) -> None:
        """What changed before does not count as news."""
        self.ledger.messenger_inbox.follow_from("slack", datetime.now(UTC) + following.OVERLAP)

    async def settle(self, rounds: int = 40) -> None:
        """Looks and delivers until nothing is due any more; waits out what is put off for its pace."""
        for _ in range(rounds):
            await self.face.following.look()
            sent = await self.face.following.deliver()
            if not sent and not self.ledger.messenger_posts.waiting("slack"):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"still due: {self.ledger.messenger_posts.waiting('slack')}")

    async def stop(self) -> None:
        for job in self.jobs:
            job.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)
        self.jobs.clear()


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paces that Slack asks for, in hundredths: they are specified in a test of their own."""
    monkeypatch.setattr(showing, "POST_GAP_SECONDS", 0.01)
    monkeypatch.setattr(showing, "UPDATE_GAP_SECONDS", 0.01)
    monkeypatch.setattr(showing, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(following, "STORY_SECONDS", 0.0)


@pytest.fixture(scope="session")
def ledger_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slack") / "template.db"
    Ledger.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with running_slack() as slack:
        slack.channel(OPS)
        yield slack


def settings_for(slack: FakeSlack, home: Path, **more: Any) -> Settings:
    options: dict[str, Any] = {
        "bot_token": BOT_TOKEN,
        "signing_secret": SIGNING_SECRET,
        "app_token": APP_TOKEN,
        "channels": (SlackChannelSettings(channel=OPS),),
        "api_url": f"{slack.url}/api/",
        "file_hosts": (slack.url.removeprefix("http://"),),
    }
    return Settings(
        home=home,
        web=WebSettings(public_url=CONSOLE),
        clusters=(ClusterSettings(name="prod"),),
        slack=SlackSettings(**options | more),
    )


def ledger_url(template: Path, folder: Path) -> str:
    """Of a ledger in the folder; an earlier one that is there goes on."""
    path = folder / "ledger.db"
    if not path.exists():
        path.write_bytes(template.read_bytes())
    return f"sqlite:///{path}"


@contextlib.asynccontextmanager
async def slack_rig(slack: FakeSlack, ledger_template: Path, folder: Path, **more: Any) -> AsyncIterator[SlackRig]:
    with Ledger.open(ledger_url(ledger_template, folder), lambda: datetime.now(UTC)) as ledger:
        deps = SimpleNamespace(policy=Policy.load(None), detectors=SimpleNamespace(by_id={}), clusters={})
        desk = Desk(settings_for(slack, folder / "home", **more), ledger, cast("Deps", deps))
        engine = Engine(ledger)
        face = SlackFace(desk, engine.say)
        app = FastAPI()
        app.include_router(router)
        app.state.slack_face, app.state.slack = face, build_app(face)
        rig = SlackRig(slack, desk, engine, face, app)
        try:
            yield rig
        finally:
            await rig.stop()


@pytest.fixture
async def rig(slack: FakeSlack, ledger_template: Path, tmp_path: Path) -> AsyncIterator[SlackRig]:
    async with slack_rig(slack, ledger_template, tmp_path) as rig:
        rig.person("rui", Role.VIEWER, Role.RESPONDER, account="U1RUI")
        yield rig
