"""Socket Mode: Slack's requests over a connection that the desk opens, for a desk that Slack cannot reach."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import structlog

from api.slack.face import SlackFace, open_client

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

PING_SECONDS = 10.0
WATCH_SECONDS = 30.0

log = structlog.get_logger("opsdesk.slack")


async def keep_connected(app: AsyncApp, face: SlackFace, *, ping_seconds: float = PING_SECONDS) -> None:
    """Until it is cancelled. The SDK connects again by itself, for as long as it takes; a change of state is logged here."""
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

    token = face.settings.app_token
    assert token is not None
    quiet = logging.getLogger("opsdesk.slack.socket")
    quiet.setLevel(
        logging.CRITICAL
    )  # its errors name the connection's address, which is a secret for as long as it holds
    handler = AsyncSocketModeHandler(
        app,
        token.get_secret_value(),
        logger=quiet,
        web_client=open_client(face.settings, token.get_secret_value()),
        ping_interval=ping_seconds,
    )
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    was_connected: bool | None = None
    try:
        while True:
            is_connected = connecting.done() and await handler.client.is_connected()
            if is_connected != was_connected:
                log.info("slack_socket", connected=is_connected)
                was_connected = is_connected
            await asyncio.sleep(WATCH_SECONDS if is_connected else min(1.0, ping_seconds))
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await handler.close_async()  # type: ignore[no-untyped-call]
