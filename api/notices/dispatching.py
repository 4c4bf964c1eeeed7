"""Carries what happened to whom it concerns. The outbox remembers; this only looks, composes, and hands to the channels.

Any number of processes may run one: happenings are taken once, batches are leased. One that dies in the middle loses nothing;
at worst a message that was sent, and whose sending was not yet kept, comes twice, under the same id.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from api.notices.composing import Composer
from api.notices.contract import Address, Channel, Notice
from api.notices.digests import together
from api.notices.options import NoticesSettings
from api.notices.routing import NOWHERE, Router
from knowledge.errors import OpsdeskError, Temporary
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.outbox_values import Batch, Outgoing, Pace
from knowledge.vocabulary import ApprovalRequest, Scope
from tools.ports import Clock

IDLE_SECONDS = 1.0
WATCH_EVERY_SECONDS = 15.0
SWEEP_EVERY_SECONDS = 3_600.0
SEND_SECONDS = 90.0
LEASE_SECONDS = 180.0
"""Longer than a sending may take: while one process sends, no other one does."""
AT_ONCE = 8
MOST_WAITING = 1_000
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 15.0, 900.0

log = structlog.get_logger("opsdesk.notices")


class Dispatcher:
    """``public_url``: how people reach the desk, empty when nobody said so."""

    def __init__(
        self,
        ledger: Ledger,
        settings: NoticesSettings,
        channels: Mapping[str, Channel],
        clock: Clock,
        public_url: str = "",
    ) -> None:
        self._ledger, self._settings, self._channels, self._clock = ledger, settings, channels, clock
        self._composer = Composer(ledger, public_url)
        self._router = Router(settings, channels, ledger)
        self._incidents_page = f"{public_url.rstrip('/')}/incidents" if public_url else ""
        self._holder = f"notices-{uuid.uuid4().hex[:12]}"
        self._pace = Pace(burst=settings.burst)
        self._sending: set[asyncio.Task[None]] = set()
        self._escalated: set[tuple[str, str, int]] = set()
        self._paged: set[str] = set()
        self._watched_at: datetime | None = None
        self._swept_at: datetime | None = None

    async def run(self) -> None:
        """Until it is cancelled. A ledger that is away for a while is waited for, and no bug of a notice stops the others."""
        try:
            while True:
                try:
                    await self.turn()
                except OpsdeskError as error:
                    log.warning("notices_wait", reason=error.message)
                except Exception:  # telling people must outlive whatever one notice brings along
                    log.exception("notices_bug")
                await self._clock.sleep(IDLE_SECONDS)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def turn(self) -> None:
        """One look at everything: what happened, what waits too long, what is due to be sent."""
        await self.compose()
        now = self._clock.now()
        if self._watched_at is None or (now - self._watched_at).total_seconds() >= WATCH_EVERY_SECONDS:
            self._watched_at = now
            await self.escalate()
            await self.watch_executors()
        if self._swept_at is None or (now - self._swept_at).total_seconds() >= SWEEP_EVERY_SECONDS:
            self._swept_at = now
            await asyncio.to_thread(self._ledger.outbox.sweep, now - timedelta(days=self._settings.keep_days))
        await self.send()

    async def compose(self) -> int:
        """Turns happenings into notices. Returns how many notices were kept."""
        happenings = await asyncio.to_thread(self._ledger.outbox.happenings)
        composed: list[tuple[str, Sequence[Outgoing]]] = []
        for happening in happenings:
            try:
                notice = await asyncio.to_thread(self._composer.notice, happening)
                composed.append((happening.id, await self._router.outgoing(notice) if notice else []))
            except Exception:  # one that cannot be told stays, is seen by the doctor, and does not silence the others
                log.exception("happening_untold", happening=happening.id, kind=happening.kind)
        return await asyncio.to_thread(self._ledger.outbox.take, composed) if composed else 0

    async def escalate(self) -> int:
        """Tells more people of approvals that wait. It reads what waits now: a decision ends it by itself."""
        if not any(route.escalation for route in self._settings.routes):
            return 0
        waiting = await asyncio.to_thread(self._ledger.approvals.waiting, Scope(), MOST_WAITING)
        self._escalated &= {(one.id, name, number) for one in waiting for _, name, number in self._escalated}
        return sum([await self._escalate_one(request) for request in waiting])

    async def _escalate_one(self, request: ApprovalRequest) -> int:
        now, kept = self._clock.now(), 0
        incident = await asyncio.to_thread(self._ledger.incidents.get, request.incident_id)
        for number, route in self._router.steps_due(request, incident, now):
            step = (request.id, route.name, number)
            if step in self._escalated:  # the ledger knows it, too: this only saves asking it again
                continue
            minutes = int((now - request.asked_at).total_seconds() / 60)
            name = f"{request.id}.{route.name}.{number + 1}"
            notice = await asyncio.to_thread(self._composer.still_waiting, request, incident, minutes, name, now)
            outgoing = await self._router.escalated(notice, route, number, now)
            kept += await asyncio.to_thread(self._ledger.outbox.put, outgoing)
            if outgoing:
                self._escalated.add(step)
        return kept

    async def watch_executors(self) -> int:
        """Pages somebody when an executor died in the middle and no other one took over."""
        silence = self._settings.executor_silence_seconds
        kept = 0
        for one in await asyncio.to_thread(self._ledger.outbox.silent_executions, silence):
            name = f"{one.execution_id}.silent.{one.token}"
            if name in self._paged:
                continue
            notice = await asyncio.to_thread(
                self._composer.executor_silent, one.incident_id, one.execution_id, one.holder, name
            )
            outgoing = await self._router.outgoing(notice) if notice else []
            kept += await asyncio.to_thread(self._ledger.outbox.put, outgoing)
            self._paged.add(name)
        return kept

    async def send(self) -> None:
        """Begins to send what is due; a slow channel holds up nobody else's."""
        room = AT_ONCE - len(self._sending)
        if room <= 0:
            return
        for batch in await asyncio.to_thread(self._ledger.outbox.claim, self._holder, LEASE_SECONDS, self._pace, room):
            task = asyncio.create_task(self._carry(batch))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def settled(self) -> None:
        """When everything that is being sent has come to an end."""
        while self._sending:
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _carry(self, batch: Batch) -> None:
        try:
            error = await self._sent(batch)
            await asyncio.to_thread(self._settle, batch, error)
        except OpsdeskError as trouble:  # the lease ends, and the batch comes again
            log.warning("notice_unsettled", batch=batch.id, reason=trouble.message)

    async def _sent(self, batch: Batch) -> OpsdeskError | None:
        """None: delivered. What a channel raises beyond the tree of errors is a bug of it: tried again, and given up in time."""
        channel = self._channels.get(batch.channel)
        if channel is None:
            said = batch.address.get("error") or f"no channel named {batch.channel} is configured"
            gone = OpsdeskError(str(said), next_step="see the settings under `notices`")
            return gone if batch.channel == NOWHERE else Temporary(gone.message, next_step=gone.next_step)
        notices = [Notice.model_validate(one) for one in batch.notices]
        notice = together(notices, batch.id, self._incidents_page)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await channel.send(notice, Address.model_validate(batch.address))
        except OpsdeskError as error:
            return error
        except TimeoutError:
            return Temporary(f"{batch.channel} took longer than {SEND_SECONDS:g} s")
        except Exception as error:
            log.exception("channel_bug", channel=batch.channel)
            return Temporary(f"{batch.channel} failed unexpectedly ({type(error).__name__})")
        return None

    def _settle(self, batch: Batch, error: OpsdeskError | None) -> None:
        outbox, now = self._ledger.outbox, self._clock.now()
        if error is None:
            outbox.sent(batch.id, self._holder)
            return
        told = error.message + (f" ({error.next_step})" if error.next_step else "")
        again_at = now + timedelta(seconds=_patience(batch.attempts, error))
        is_over = again_at - batch.began_at > timedelta(hours=self._settings.give_up_hours)
        if isinstance(error, Temporary) and not is_over:
            log.warning("notice_again", channel=batch.channel, batch=batch.id, attempts=batch.attempts + 1, reason=told)
            outbox.postpone(batch.id, self._holder, told, again_at)
            return
        log.error("notice_given_up", channel=batch.channel, batch=batch.id, reason=told)
        outbox.give_up(batch.id, self._holder, told)


def _patience(attempts: int, error: OpsdeskError) -> float:
    """Seconds until the next try: twice as long each time, within bounds, and never less than the other side asks for."""
    usual = min(FIRST_RETRY_SECONDS * 2.0 ** min(attempts, 10), LONGEST_RETRY_SECONDS)
    return max(usual, error.retry_after_seconds or 0.0)
