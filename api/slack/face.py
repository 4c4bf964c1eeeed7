"""Slack's face of one desk, put together: the Web API, what comes in, and what is kept up to date there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import structlog

from api.bootstrap import Desk
from api.messengers.contract import Say
from api.messengers.deciding import Deciding
from api.messengers.following import Following, Route
from api.messengers.linking import Linking
from api.messengers.links import Links
from api.messengers.receiving import Receiving
from api.messengers.talk import Draw, Talk
from api.slack.calls import CALL_SECONDS, SlackCalls
from api.slack.files import Files
from api.slack.messenger import SlackMessenger
from api.slack.options import SlackSettings
from knowledge.errors import MalformedSettings, OpsdeskError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]

log = structlog.get_logger("opsdesk.slack")


class SlackFace:
    """Everything of Slack that one process holds. ``jobs`` run as long as the process serves."""

    def __init__(self, desk: Desk, say: Say, *, draw: Draw | None = None) -> None:
        self.desk, self.settings = desk, desk.settings.slack
        self.messenger = open_messenger(self.settings)
        self.links = Links(desk.settings.server_url)
        self.linking = Linking(desk, self.links)
        self.talk = Talk(
            desk,
            self.messenger,
            self.linking,
            self.links,
            say,
            draw,
            maximum_file_bytes=self.settings.maximum_file_bytes,
            reach={route.channel: route.scope for route in routes_of(desk)}.get,
        )
        self.receiving = Receiving(desk, self.talk)
        self.following = Following(desk, self.messenger, self.links, routes_of(desk))
        self.deciding = Deciding(desk, self.messenger, self.linking, self.links, nudge=self.following.nudge)
        self._identity: Json = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def identity(self) -> Json:
        """Whose token it is, by Slack's word, asked once. Raises what ``auth.test`` does."""
        if not self._identity:
            self._identity = await self.messenger.identity()
        return self._identity

    async def team(self) -> str:
        """The one workspace whose requests are heard."""
        return self.settings.team or str((await self.identity()).get("team_id", ""))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Goes on after the acknowledgement. What fails is logged: nobody waits for it."""
        task = asyncio.create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self) -> None:
        """Until it is cancelled."""
        jobs = [asyncio.create_task(job) for job in self.jobs()]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in (*jobs, *self._tasks):
                job.cancel()
            await asyncio.gather(*jobs, *self._tasks, return_exceptions=True)

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        return [self.receiving.run(), self.following.run()]


def routes_of(desk: Desk) -> list[Route]:
    """The settings' channels, in their order."""
    language = desk.settings.desk.language
    return [
        Route(channel=one.channel, language=one.language or language, scope=one.scope, severity=one.severity)
        for one in desk.settings.slack.channels
    ]


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except OpsdeskError as error:
        log.warning("slack_work_failed", reason=error.message, next_step=error.next_step)
    except Exception:
        log.exception("slack_bug")


def open_messenger(settings: SlackSettings) -> SlackMessenger:
    """Raises MalformedSettings without a bot token."""
    token = settings.bot_token
    if token is None:
        raise MalformedSettings("slack.bot_token is not set", next_step="set it, then run: opsdesk doctor")
    files = Files(token.get_secret_value, settings.file_hosts, allows_plain=settings.api_url.startswith("http://"))
    return SlackMessenger(SlackCalls(open_client(settings, token.get_secret_value())), files)


def open_client(settings: SlackSettings, token: str | None) -> AsyncWebClient:
    """No proxy of the environment and no retrying of its own: both are decided here."""
    import logging

    from slack_sdk.web.async_client import AsyncWebClient

    quiet = logging.getLogger("opsdesk.slack.sdk")
    quiet.setLevel(logging.WARNING)
    return AsyncWebClient(token=token, base_url=settings.api_url, timeout=CALL_SECONDS, retry_handlers=[], logger=quiet)
