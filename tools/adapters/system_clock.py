"""The present and waiting, as the machine has them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """Fills the Clock port."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
