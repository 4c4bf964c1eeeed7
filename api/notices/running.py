"""The dispatcher of a running desk."""

from __future__ import annotations

from api.bootstrap import Desk
from api.notices.channels import open_channels
from api.notices.dispatching import Dispatcher


async def carry_notices(desk: Desk) -> None:
    """Until it is cancelled. It runs beside every worker: what happened is taken once, whoever looks first."""
    clock = desk.deps.clock
    channels = open_channels(desk.settings, desk.ledger, clock.now)
    await Dispatcher(desk.ledger, desk.settings.notices, channels, clock, desk.settings.web.public_url).run()
