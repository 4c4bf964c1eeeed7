"""Puts Slack on the application, and keeps it going beside the server. Nothing of it is loaded where no bot token is set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI

from api.bootstrap import Desk
from api.web.routes.slack import router

if TYPE_CHECKING:
    from agent.chat.reply import Chart
    from api.chat import Chat
    from api.messengers.message import Picture
    from knowledge.vocabulary import Language

AGAIN_SECONDS = 5.0

log = structlog.get_logger("opsdesk.slack")


def mount_slack(app: FastAPI, desk: Desk, chat: Chat) -> None:
    """``app.state.slack_face``: None without Slack. Requests over HTTP are heard only with a signing secret."""
    app.include_router(router)
    app.state.slack_face = app.state.slack = None
    settings = desk.settings.slack
    if not settings.is_on:
        return
    from api.slack.face import SlackFace
    from api.slack.listening import build_app

    face = app.state.slack_face = SlackFace(desk, chat.say, draw=draw_chart)
    if settings.signing_secret is not None:
        app.state.slack = build_app(face)


async def carry_slack(app: FastAPI) -> None:
    """Until it is cancelled: answers, keeps messages up to date, and holds the connection of Socket Mode."""
    face = app.state.slack_face
    if face is None:
        return
    from api.slack.listening import build_app
    from api.slack.socket_mode import keep_connected

    while True:
        jobs = [face.run()]
        if face.settings.app_token is not None:
            jobs.append(keep_connected(app.state.slack or build_app(face), face))
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(job)
        except* Exception:
            log.exception("slack_stopped", again_in_seconds=AGAIN_SECONDS)
        await asyncio.sleep(AGAIN_SECONDS)


def draw_chart(chart: Chart, language: Language) -> Picture:
    """Blocking."""
    from api.figures.pictures import picture
    from api.messengers.message import Picture
    from api.web.words import word

    alt = word("messengers.chart_note", language, title=chart.title, query=chart.query)
    return Picture(png=picture(chart, language=language), title=chart.title, alt=alt)
