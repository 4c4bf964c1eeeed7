"""What people send from a chat platform: kept durably, acknowledged, then worked on, as often as it takes and answered once."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import ValidationError

from agent.reasoning.triage import split_paste
from api.bootstrap import Desk
from api.messengers.contract import Asked
from api.messengers.talk import Talk
from knowledge.errors import AccessDenied, LeaseLost, OpsdeskError, Temporary
from knowledge.ledger.messengers import Received
from knowledge.vocabulary import Json
from tools.redaction import redact_text

LEASE_SECONDS = 15.0
IDLE_SECONDS = 1.0
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0
GIVEN_UP_AFTER = timedelta(hours=24)
BUGS_MOST = 3
SWEEP_SECONDS = 3_600.0

log = structlog.get_logger("opsdesk.messengers")


class Receiving:
    """``take_in`` before the acknowledgement; ``run`` does the work, ``width`` at a time."""

    def __init__(self, desk: Desk, talk: Talk, *, width: int = 4, lease_seconds: float = LEASE_SECONDS) -> None:
        self._desk, self._talk, self._width, self._lease_seconds = desk, talk, width, lease_seconds
        self._provider = talk.messenger.name
        self._holder = f"receiving-{uuid.uuid4().hex[:12]}"
        self._came = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()

    async def take_in(self, asked: Asked) -> bool:
        """False when it had come before."""
        inbox = self._desk.ledger.messenger_inbox
        payload = await asyncio.to_thread(_kept, asked)
        is_fresh = await asyncio.to_thread(inbox.take_in, self._provider, asked.id, payload)
        self._came.set()
        return is_fresh

    async def is_fresh(self, id: str) -> bool:
        """Remembers a request that is worked on at once. False when it had come before."""
        return await asyncio.to_thread(self._desk.ledger.messenger_inbox.take_in, self._provider, id, None)

    async def run(self) -> None:
        """For ever. A ledger that is away is waited for."""
        sweep = asyncio.create_task(self._sweep())
        try:
            while True:
                try:
                    received = await self._claim()
                except OpsdeskError as error:
                    log.warning("messenger_inbox_unavailable", reason=error.message)
                    await asyncio.sleep(2.0)
                    continue
                if received is None:
                    await self._wait()
                    continue
                task = asyncio.create_task(self._work(received))
                self._busy.add(task)
                task.add_done_callback(self._freed)
        finally:
            sweep.cancel()
            for task in self._busy:
                task.cancel()
            await asyncio.gather(sweep, *self._busy, return_exceptions=True)

    async def _claim(self) -> Received | None:
        if len(self._busy) >= self._width:
            return None
        inbox = self._desk.ledger.messenger_inbox
        return await asyncio.to_thread(inbox.claim, self._provider, self._holder, self._lease_seconds)

    async def _wait(self) -> None:
        self._came.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), IDLE_SECONDS)

    def _freed(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        self._came.set()

    async def _work(self, received: Received) -> None:
        inbox = self._desk.ledger.messenger_inbox
        beat = asyncio.create_task(self._keep(received))
        try:
            failure, wait = await self._outcome(received)
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        with contextlib.suppress(LeaseLost):
            if wait is None:
                await asyncio.to_thread(inbox.finish, received, failure)
            else:
                await asyncio.to_thread(inbox.again, received, wait, failure)

    async def _outcome(self, received: Received) -> tuple[str, float | None]:
        """Why it failed (empty: it did not), and after how many seconds it is to be tried again (None: never)."""
        try:
            await self._talk.answer(Asked.model_validate(received.payload), received)
        except (
            Temporary,
            AccessDenied,
        ) as error:  # a token that was revoked is mended by a person: what was asked waits
            log.info("messenger_put_off", id=received.id, attempts=received.attempts, reason=error.message)
            is_old = datetime.now(UTC) - received.received_at > GIVEN_UP_AFTER
            waits = min(FIRST_WAIT_SECONDS * 2 ** min(received.attempts - 1, 10), LONGEST_WAIT_SECONDS)
            return error.message, None if is_old else max(waits, error.retry_after_seconds or 0.0)
        except (OpsdeskError, ValidationError) as error:
            log.warning("messenger_not_answered", id=received.id, reason=str(error))
            return str(error), None
        except Exception:
            log.exception("messenger_bug", id=received.id)
            return "a bug", FIRST_WAIT_SECONDS if received.attempts < BUGS_MOST else None
        return "", None

    async def _keep(self, received: Received) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            with contextlib.suppress(OpsdeskError):
                await asyncio.to_thread(self._desk.ledger.messenger_inbox.keep, received, self._lease_seconds)

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(OpsdeskError):
                await asyncio.to_thread(self._desk.ledger.messenger_inbox.forget_old)
            await asyncio.sleep(SWEEP_SECONDS)


def _kept(asked: Asked) -> Json:
    """The words as they are; what was pasted below them, or pointed at, without secrets: it is kept until it is answered."""
    words, pasted = split_paste(asked.text)
    text = f"{words}\n{redact_text(pasted)}" if pasted else asked.text
    kept: Json = asked.model_copy(update={"text": text, "quoted": redact_text(asked.quoted)}).model_dump(mode="json")
    return kept
