"""What is known of each write of one execution: kept in memory, and taken down in the ledger before and after."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from knowledge.errors import LeaseLost, OpsdeskError, Temporary, WriteUnanswered
from knowledge.vocabulary import ExecutionStatus, FrozenStep, StepOutcome, StepResult
from tools.ports import Clock

RECORD_TRIES, RECORD_SECONDS = 5, 1.0
UNDO = "/undo"
LOOK = "look at the target and decide by hand"

T = TypeVar("T")


class StepLog(Protocol):
    """The ledger's side of an execution. Every call raises LeaseLost when another executor holds it now: nothing is sent
    after that."""

    async def stop_reason(self) -> str:
        """Why no further step may begin (cancelled, frozen); empty to go on."""

    async def intend(self, step: int, step_key: str, request_digest: str) -> None: ...

    async def record(self, result: StepResult) -> None: ...


class NotRecorded(Exception):
    """The ledger cannot take down what is about to be done, or what was done. It is no outcome of the step: nothing more is
    sent, the execution stays as the ledger knows it, and whoever takes it up next finds out from the intent."""


@dataclass(frozen=True, slots=True)
class Ending:
    status: ExecutionStatus
    message: str


@dataclass
class StepBook:
    """The results of one execution by step key. What the ledger did not take is not known here either."""

    log: StepLog
    clock: Clock
    results: dict[str, StepResult] = field(default_factory=dict)

    def get(self, key: str) -> StepResult | None:
        return self.results.get(key)

    def outcome(self, key: str) -> StepOutcome | None:
        known = self.results.get(key)
        return known.outcome if known is not None else None

    def is_settled(self, key: str) -> bool:
        return self.outcome(key) not in {None, StepOutcome.PENDING, StepOutcome.INTENDED}

    def has_undo(self) -> bool:
        return any(key.endswith(UNDO) for key in self.results)

    def any_is(self, keys: Iterable[str], *outcomes: StepOutcome) -> bool:
        return any(self.outcome(key) in outcomes for key in keys)

    async def stop_reason(self) -> str:
        return await _taken(self.log.stop_reason())

    async def intend(self, step: FrozenStep, key: str, digest: str) -> None:
        """Write-ahead. Raises NotRecorded: then nothing may be sent."""
        await _taken(self.log.intend(step.step.index, key, digest))
        if key not in self.results:
            self.results[key] = StepResult(
                step=step.step.index, step_key=key, outcome=StepOutcome.INTENDED, started_at=self.clock.now()
            )

    async def record(
        self,
        step: FrozenStep,
        key: str,
        outcome: StepOutcome,
        message: str,
        output: str = "",
        started_at: datetime | None = None,
    ) -> None:
        """A ledger that is busy for a moment is asked again: what was done has to be known."""
        known = self.results.get(key)
        result = StepResult(
            step=step.step.index,
            step_key=key,
            outcome=outcome,
            message=message,
            output=output,
            started_at=started_at or (known.started_at if known else None),
            finished_at=self.clock.now(),
        )
        for left in reversed(range(RECORD_TRIES)):
            try:
                await _taken(self.log.record(result))
                break
            except NotRecorded as error:
                if not left or not isinstance(error.__cause__, Temporary):
                    raise
                await self.clock.sleep(RECORD_SECONDS)
        self.results[key] = result

    async def reject(self, step: FrozenStep, key: str, message: str) -> None:
        outcome = StepOutcome.UNDO_FAILED if key.endswith(UNDO) else StepOutcome.FAILED
        await self.record(step, key, outcome, message)

    async def unknown(self, step: FrozenStep, key: str, message: str) -> WriteUnanswered:
        """Takes it down and gives the error to raise: everything stops, and a person is called."""
        await self.record(step, key, StepOutcome.UNKNOWN, message)
        return WriteUnanswered(message, next_step=LOOK)


async def _taken(call: Awaitable[T]) -> T:
    try:
        return await call
    except LeaseLost:
        raise
    except OpsdeskError as error:
        raise NotRecorded(f"{error.title}: {error.message}") from error
