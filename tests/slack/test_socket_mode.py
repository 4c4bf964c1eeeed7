"""Socket Mode: the same requests over a connection of the desk's own, which comes back whenever Slack lets go of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.slack.listening import build_app
from api.slack.socket_mode import keep_connected
from knowledge.errors import LedgerBusy
from tests.fakes.slack_server import APP_TOKEN
from tests.fakes.slack_workspace import command, event, mention
from tests.slack.conftest import OPS, SlackRig


@asynccontextmanager
async def connected(rig: SlackRig) -> AsyncIterator[None]:
    job = asyncio.create_task(keep_connected(build_app(rig.face), rig.face, ping_seconds=0.3))
    try:
        await rig.slack.sockets.connected()
        yield
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def test_question_over_the_socket_is_acknowledged_and_answered(rig: SlackRig) -> None:
    rig.start()
    async with connected(rig):
        ts = rig.slack.write(OPS, "U1RUI", "why")
        await rig.slack.sockets.send("events_api", mention("U1RUI", OPS, "why is it slow", ts=ts))
        await rig.slack.until(lambda: "You said: why is it slow" in rig.slack.read(OPS, ts))


async def test_command_is_acknowledged_with_its_word(rig: SlackRig) -> None:
    rig.start()
    async with connected(rig):
        told = await rig.slack.sockets.send(
            "slash_commands", command("U1RUI", "what changed", trigger=rig.slack.trigger())
        )
        assert told["response_type"] == "ephemeral"
        await rig.slack.until(lambda: "You said: what changed" in rig.slack.read("DU1RUI"))


async def test_envelope_that_comes_again_is_answered_once(rig: SlackRig) -> None:
    rig.start()
    async with connected(rig):
        payload = mention("U1RUI", OPS, "why is it slow", ts=rig.slack.write(OPS, "U1RUI", "why"))
        for _ in range(3):
            await rig.slack.sockets.send("events_api", payload)
        await rig.slack.until(lambda: "You said" in rig.slack.read(OPS))
        await asyncio.sleep(0.05)
        assert len(rig.engine.asked) == 1


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled", "warning"])
async def test_connection_comes_back_when_slack_lets_go_of_it(rig: SlackRig, reason: str) -> None:
    rig.start()
    async with connected(rig):
        await rig.slack.sockets.disconnect(reason)
        await rig.slack.until(lambda: rig.slack.sockets.connections >= 2 and rig.slack.sockets.open)
        ts = rig.slack.write(OPS, "U1RUI", "why")
        await rig.slack.sockets.send("events_api", mention("U1RUI", OPS, "why is it slow", ts=ts))
        await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))


async def test_connection_is_made_when_slack_was_away_at_the_start(rig: SlackRig) -> None:
    rig.slack.trouble.is_away = True
    job = asyncio.create_task(keep_connected(build_app(rig.face), rig.face, ping_seconds=0.1))
    try:
        await rig.slack.until(lambda: rig.slack.count("apps.connections.open") >= 2)
        rig.slack.trouble.is_away = False
        await rig.slack.sockets.connected()
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def test_envelope_is_not_acknowledged_when_it_could_not_be_kept(
    rig: SlackRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise LedgerBusy("another process holds the ledger's lock")

    async with connected(rig):
        payload = mention("U1RUI", OPS, "why is it slow", ts=rig.slack.write(OPS, "U1RUI", "why"))
        with monkeypatch.context() as patched:
            patched.setattr(rig.ledger.messenger_inbox, "take_in", away)
            with pytest.raises(TimeoutError):
                await rig.slack.sockets.send("events_api", payload, seconds=0.5)
        await rig.slack.sockets.send("events_api", payload)


async def test_envelope_of_another_workspace_is_refused(rig: SlackRig) -> None:
    inner = {"type": "app_mention", "user": "U1RUI", "channel": OPS, "text": "why", "ts": "1.1"}
    async with connected(rig):
        with pytest.raises(TimeoutError):
            await rig.slack.sockets.send("events_api", event(inner, team="T9OTHER"), seconds=0.5)
    assert rig.engine.asked == []


async def test_tokens_are_in_no_log(rig: SlackRig, capfd: pytest.CaptureFixture[str]) -> None:
    async with connected(rig):
        await rig.slack.sockets.disconnect()
        await rig.slack.until(lambda: rig.slack.sockets.connections >= 2)
    told = capfd.readouterr()
    assert APP_TOKEN not in told.out + told.err
    assert "/socket/" not in told.out + told.err
