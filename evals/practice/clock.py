"""Time for the practice cluster, injectable so that a test can move it and a demo can hurry it.

Timestamps that clients see always come from `now()` and are real seconds. Waiting (back-off, deadlines, resync) goes
through `call_later` and `sleep`, which a `rate` above 1 shortens: at rate 10 a back-off of 10 s takes one second.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timer(Protocol):
    """A call that is due later; `cancel()` is safe at any time and more than once."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What the store, the controllers and the kubelet know of time. Used on the server's event loop only."""

    def now(self) -> datetime:
        """The time of day, aware, UTC: for timestamps in objects."""

    def monotonic(self) -> float:
        """Seconds that never go back, in the same unit as the delays below (so already multiplied by the rate)."""

    def call_later(self, delay_seconds: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` on the event loop after the delay; 0 means soon, never at once."""

    async def sleep(self, delay_seconds: float) -> None:
        """Wait for the delay."""


def timestamp(moment: datetime) -> str:
    """The form of metav1.Time: whole seconds, UTC, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(moment: datetime) -> str:
    """The form of metav1.MicroTime (Lease, events.k8s.io): six digits, UTC, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class RealClock:
    """The machine's clock on the running asyncio loop; `rate` > 1 makes every wait shorter by that factor."""

    def __init__(self, rate: float = 1.0) -> None:
        if rate <= 0:
            raise ValueError(f"the clock's rate must be positive, not {rate}")
        self.rate = rate

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() * self.rate

    def call_later(self, delay_seconds: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_seconds / self.rate, callback)

    async def sleep(self, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds / self.rate)


class _ManualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still until a test calls `advance`; due callbacks run inside `advance`, in order of time."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, _ManualTimer]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, delay_seconds: float, callback: Callable[[], None]) -> Timer:
        timer = _ManualTimer(callback)
        heapq.heappush(self._due, (self._elapsed + max(delay_seconds, 0.0), next(self._order), timer))
        return timer

    async def sleep(self, delay_seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call_later(delay_seconds, lambda: None if done.done() else done.set_result(None))
        await done

    def advance(self, seconds: float) -> None:
        """Move time on and run, one after the other, everything that becomes due, also what that schedules."""
        until = self._elapsed + seconds
        while self._due and self._due[0][0] <= until:
            at, _, timer = heapq.heappop(self._due)
            self._elapsed = max(self._elapsed, at)
            if timer.callback is not None:
                timer.callback()
        self._elapsed = until
