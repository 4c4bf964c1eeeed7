"""Keeps what a page shows true while somebody looks at it: sections are drawn again when what they show has moved on.

A look costs one small question to the ledger; a page is drawn again at most once a round, however much has happened, so that a
storm of incidents is one change a second and not two hundred. A page whose session has ended shows nothing more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Protocol

import structlog
from nicegui import ui
from starlette.concurrency import run_in_threadpool

from api.web.console.visit import Visit, sign_in_address
from knowledge.errors import NotAuthenticated, NotFound, OpsdeskError

ROUND_SECONDS = 1.0
UNSTAMPED_SECONDS = 10.0
RECHECK_SECONDS = 10.0

Stamp = Callable[[], Hashable]
"""Blocking. Something that differs when what a section shows may differ."""

log = structlog.get_logger("opsdesk.console")


class Drawn(Protocol):
    """What can be drawn again; False when it is as it was."""

    async def refresh(self) -> bool: ...


class Following:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._stamped: list[tuple[Drawn, Stamp]] = []
        self._others: list[Drawn] = []
        self._seen: dict[int, Hashable] = {}
        self._checked = self._drawn = time.monotonic()
        self._is_busy = False

    def add(self, section: Drawn, stamp: Stamp | None) -> None:
        """Draws ``section`` again when ``stamp`` says something else than before; without one, every ten seconds."""
        if stamp is None:
            self._others.append(section)
        else:
            self._stamped.append((section, stamp))

    def start(self) -> None:
        ui.timer(ROUND_SECONDS, self._round, immediate=False)

    async def now(self) -> None:
        """Draws everything again at once: after the reader did something."""
        for section in [*self._others, *(one for one, _ in self._stamped)]:
            await section.refresh()

    async def _round(self) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        try:
            await self._look()
        except NotAuthenticated:
            ui.navigate.to(sign_in_address(self._visit.request))
        except NotFound:  # it is gone, or outside the reader's scope by now: the page itself says so
            ui.navigate.reload()
        except OpsdeskError as error:  # the ledger is away, or what was shown is: the next round asks again
            log.info("page_not_refreshed", reason=error.message)
        finally:
            self._is_busy = False

    async def _look(self) -> None:
        now = time.monotonic()
        if now - self._checked >= RECHECK_SECONDS:
            await run_in_threadpool(self._visit.still_signed_in)
            self._checked = now
        said: dict[Stamp, Hashable] = {}
        for number, (section, stamp) in enumerate(self._stamped):
            if stamp not in said:
                said[stamp] = await run_in_threadpool(stamp)
            if self._seen.get(number) != said[stamp]:
                await section.refresh()
                self._seen[number] = said[stamp]
        if now - self._drawn >= UNSTAMPED_SECONDS:
            self._drawn = now
            for section in self._others:
                await section.refresh()
