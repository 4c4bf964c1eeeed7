"""What `opsdesk doctor` says of notices: each channel greeted without telling anybody anything, and what did not get through."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from api.bootstrap import open_ledger, utc_now
from api.health import Check
from api.notices.channels import open_channels
from api.notices.contract import Channel
from api.settings import Settings
from knowledge.errors import OpsdeskError
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.outbox_values import NoticeState

LATE = timedelta(minutes=5)
GREETING_SECONDS = 30.0


async def check_notices(settings: Settings) -> list[Check]:
    """Bounded, and raises nothing of the desk's own."""
    try:
        return await _checked(settings)
    except OpsdeskError as error:
        return [Check("notices", "broken", error.message, error.next_step)]


async def _checked(settings: Settings) -> list[Check]:
    ledger = await asyncio.to_thread(open_ledger, settings)
    try:
        channels = open_channels(settings, ledger, utc_now)
        found = await asyncio.gather(*(_greeted(channel) for channel in channels.values()))
        standing = await asyncio.to_thread(_standing, ledger)
    finally:
        await asyncio.to_thread(ledger.close)
    routes = settings.notices.routes
    wanted = {place.channel for route in routes for place in route.to} - {"any", *channels}
    missing = [
        Check(
            f"notices {name}",
            "broken",
            "a route tells by it, but it is not set up",
            f"set up {name}, or change the route",
        )
        for name in sorted(wanted)
    ]
    if not channels:
        said = "no channel is set up: nobody is told anything by the desk itself"
        return [Check("notices", "off", said, "set up notices.email, notices.webhooks or slack"), *standing]
    if not routes:
        said = f"channels: {', '.join(channels)}; no route tells anybody anything"
        missing.append(Check("notices routes", "warning", said, "add notices.routes to the settings file"))
    return [*found, *missing, *standing]


async def _greeted(channel: Channel) -> Check:
    name = f"notices {channel.name}"
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            return Check(name, "ok", await channel.greet())
    except OpsdeskError as error:
        return Check(name, "broken", error.message, error.next_step)
    except TimeoutError:
        return Check(name, "broken", f"no greeting within {GREETING_SECONDS:g} s", "check its address")


def _standing(ledger: Ledger) -> list[Check]:
    found = []
    given_up = ledger.outbox.counts()[NoticeState.GIVEN_UP]
    if given_up:
        step = "opsdesk notices list --state given_up, mend it, then: opsdesk notices retry --all"
        found.append(Check("notices", "warning", f"{given_up} did not get through and were given up", step))
    late = ledger.outbox.overdue_since()
    if late is not None and utc_now() - late > LATE:
        said = f"one should have gone since {late:%Y-%m-%d %H:%M} UTC"
        found.append(Check("notices", "warning", said, "is `opsdesk serve` running? its log names the trouble"))
    waiting = ledger.outbox.happenings(1)
    if waiting and utc_now() - waiting[0].at > LATE:
        said = f"nobody has looked at what happened since {waiting[0].at:%Y-%m-%d %H:%M} UTC"
        found.append(Check("notices", "warning", said, "start `opsdesk serve`; its log names the trouble"))
    return found
