"""The channels that this site has set up. Slack's is made by its own package; another product's is one more line here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from api.notices.contract import Channel

if TYPE_CHECKING:
    from api.settings import Settings
    from knowledge.ledger.ledger import Ledger


def open_channels(settings: Settings, ledger: Ledger, now: Callable[[], datetime]) -> dict[str, Channel]:
    """By name, in the order in which a person is looked for in them. Nothing is connected yet."""
    channels: list[Channel] = [*_slack(settings, ledger)]
    notices = settings.notices
    if notices.email.host:
        from api.notices.mail import EmailChannel

        channels.append(EmailChannel(notices.email, notices.people, language=settings.desk.language, now=now))
    if notices.webhooks:
        from api.notices.webhook import WebhookChannel

        channels.append(WebhookChannel(notices.webhooks, now=now))
    return {channel.name: channel for channel in channels}


def _slack(settings: Settings, ledger: Ledger) -> list[Channel]:
    if not settings.slack.is_on:
        return []
    from api.slack.face import open_messenger
    from api.slack.notices import SlackNotices

    return [SlackNotices(open_messenger(settings.slack), ledger, settings.desk.language)]
