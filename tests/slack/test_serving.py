"""`opsdesk serve` with Slack, as a process of its own: asked over Socket Mode, told by an alert, killed in the middle of a post."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Role, Scope
from tests.fakes.slack_blocks import seen
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN, TEAM, FakeSlack
from tests.fakes.slack_workspace import mention
from tests.slack.conftest import OPS, ledger_url

SECRET = "a-secret-of-the-alertmanager"
START_SECONDS = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def home(slack: FakeSlack, ledger_template: Path, tmp_path: Path) -> Path:
    """A desk that has one user with a Slack account, one cluster that does not answer, and one channel."""
    slack.user("U1RUI")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with Ledger.open(ledger_url(ledger_template, home), _now) as ledger:
        principal = ledger.principals.add("rui", [Role.VIEWER, Role.RESPONDER], Scope())
        ledger.linked_identities.link(f"slack:{TEAM}", "U1RUI", principal.id, actor="test")
        ledger.sources.add("alertmanager", "generic", "bearer", SECRET)
    kubeconfig = home / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n"
    )
    options = {
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "channels": [{"channel": OPS}],
        "api_url": f"{slack.url}/api/",
    }
    given = {"clusters": [{"name": "prod", "kubeconfig": str(kubeconfig)}], "slack": options}
    (home / "opsdesk.yaml").write_text(json.dumps(given))
    return home


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[tuple[Process, str]]:
    """The process and where it listens."""
    environment = {**os.environ, "OPSDESK_HOME": str(home)}
    command = (sys.executable, "-m", "api.cli", "serve", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=DEVNULL)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            while "opsdesk is at" not in (line := (await process.stdout.readline()).decode()):
                assert line, "it ended before it listened"
        drain = asyncio.create_task(process.stdout.read())
        yield process, line.split()[-1]
        drain.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def alert(url: str, name: str, service: str = "qwen2-7b") -> None:
    told = {
        "name": name,
        "severity": "critical",
        "cluster": "prod",
        "namespace": "serving",
        "service": service,
        "summary": f"{name} fires",
    }
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        answer = await client.post("/api/v1/webhooks/alertmanager", headers=headers, json={"alerts": [told]})
    assert answer.status_code == 202, answer.text


def cards(slack: FakeSlack) -> list[dict[str, object]]:
    return [one for one in slack.said(OPS) if "thread_ts" not in one and one["user"] == "U0BOT"]


async def test_desk_answers_over_the_socket_and_tells_of_an_alert(slack: FakeSlack, home: Path) -> None:
    async with serving(home) as (_, url):
        await slack.sockets.connected(START_SECONDS)
        ts = slack.write(OPS, "U1RUI", "help")
        await slack.sockets.send("events_api", mention("U1RUI", OPS, "help", ts=ts))
        await slack.until(lambda: slack.said(OPS, ts) and "Looking" not in slack.read(OPS, ts), 60)
        assert "bug" not in slack.read(OPS, ts)
        await alert(url, "ModelServerDown")
        await slack.until(lambda: cards(slack), 60)
        assert "ModelServerDown" in seen(cards(slack)[0])
        await slack.until(lambda: "handed over" in seen(cards(slack)[0]), 90)
        assert len(cards(slack)) == 1


async def test_message_stands_once_when_the_desk_is_killed_between_slacks_doing_and_saying(
    slack: FakeSlack, home: Path
) -> None:
    slack.trouble.hangs_after.add("chat.postMessage")
    async with serving(home) as (process, url):
        await slack.sockets.connected(START_SECONDS)
        await alert(url, "ModelServerDown")
        await slack.until(lambda: cards(slack), 60)
        process.kill()
    slack.trouble.hangs_after.clear()
    async with serving(home) as (_, url):
        await alert(url, "SomethingElse", service="bge-m3")
        await slack.until(lambda: any("SomethingElse" in seen(card) for card in cards(slack)), 90)
        assert sum("ModelServerDown" in seen(card) for card in cards(slack)) == 1
        (first, *_) = cards(slack)
        await slack.until(lambda: slack.said(OPS, str(first["ts"])), 30)  # its thread goes on: it is known whose it is


async def test_question_is_answered_once_when_the_desk_is_killed_while_it_answers(slack: FakeSlack, home: Path) -> None:
    slack.trouble.hangs_after.add("chat.postMessage")
    ts = slack.write(OPS, "U1RUI", "help")
    async with serving(home) as (process, _):
        await slack.sockets.connected(START_SECONDS)
        await slack.sockets.send("events_api", mention("U1RUI", OPS, "help", ts=ts))
        await slack.until(lambda: slack.said(OPS, ts), 60)
        process.kill()
    slack.trouble.hangs_after.clear()
    async with serving(home):
        await slack.until(lambda: "Looking" not in slack.read(OPS, ts), 120)
        assert len(slack.said(OPS, ts)) == 1
