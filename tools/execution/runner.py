"""Runs the frozen steps of one review, in order, each write once.

Before a write comes its intent, recorded under a step key. A write without an answer is told by re-reading its target; what
still cannot be told stops everything and a person is called. A step that fails stops the plan, and what was done before is
taken back in reverse order, each only while its target still holds what we wrote. What an earlier process had intended is
told first of all, whatever comes next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from knowledge.errors import (
    LeaseLost,
    OpsdeskError,
    PlanChangedAfterApproval,
    Temporary,
    WriteRejected,
    WriteUnanswered,
)
from knowledge.vocabulary import (
    ApiRequest,
    ExecutionStatus,
    FrozenStep,
    Json,
    ReversalKind,
    Review,
    StepOutcome,
    StepResult,
)
from tools.actions.contract import CREATED_UID
from tools.contracts import Redact
from tools.execution.book import LOOK, UNDO, Ending, StepBook, StepLog
from tools.execution.left import changed_since
from tools.execution.reading import Stopped, read_step, waits
from tools.execution.sending import StepWrites
from tools.execution.standing import Standing, holds, mismatch, read_object, target_path
from tools.ports import Clock, ClusterReader, ClusterWriter

__all__ = ["Ending", "StepLog", "StepRunner"]

OUTPUT_CHARACTERS = 20_000
VERIFY_TRIES, VERIFY_SECONDS = 5, 2.0


@dataclass
class StepRunner:
    """One execution. ``known`` are the results of an earlier process, so that a restart goes on where it was."""

    execution_id: str
    review: Review
    reader: ClusterReader
    writer: ClusterWriter
    log: StepLog
    clock: Clock
    redact: Redact
    user_agent: str
    known: Sequence[StepResult] = ()
    _book: StepBook = field(init=False)
    _writes: StepWrites = field(init=False)

    def __post_init__(self) -> None:
        self._book = StepBook(self.log, self.clock, {result.step_key: result for result in self.known})
        self._writes = StepWrites(self._book, self.reader, self.writer, self.user_agent)

    def key(self, step: FrozenStep, number: int, *, is_inverse: bool = False) -> str:
        return f"{self.execution_id}/{step.step.index}/{number}" + (UNDO if is_inverse else "")

    async def run(self) -> Ending:
        """All steps, or the undo of those that were done. An earlier process's undo is gone on with, never its plan."""
        if self._book.has_undo():
            return await self.undo()
        try:
            await self._tell_open()
        except WriteUnanswered as error:
            return Ending(ExecutionStatus.UNKNOWN, error.message)
        ending = await self._steps()
        if not self._writes.unseen:
            return ending
        late = await self._writes.landed_late()
        return Ending(ExecutionStatus.UNKNOWN, f"{ending.message}; {late}") if late else ending

    async def _steps(self) -> Ending:
        has_failed = any(
            self._has_failed(step) for step in self.review.steps
        )  # an earlier process saw it: it is undone
        for step in self.review.steps:
            reason = "" if has_failed else await self._book.stop_reason()
            if reason:
                await self._drop_open(reason)
                return Ending(ExecutionStatus.CANCELLED, f"stopped before step {step.step.index}: {reason}")
            try:
                await self._do(step)
            except LeaseLost:
                raise  # another executor goes on with it: nothing more is sent from here
            except Stopped as stopped:
                await self._drop_open(str(stopped))
                return Ending(ExecutionStatus.CANCELLED, f"stopped in step {step.step.index}: {stopped}")
            except WriteUnanswered as error:
                return Ending(ExecutionStatus.UNKNOWN, f"step {step.step.index}: {error.message}")
            except OpsdeskError as error:
                return await self._failed(step, error)
        return Ending(ExecutionStatus.DONE, "")

    async def _failed(self, step: FrozenStep, error: OpsdeskError) -> Ending:
        why = f"step {step.step.index}: {error.title}: {error.message}" + (
            f" ({error.next_step})" if error.next_step else ""
        )
        if not any(self._was_done(other) for other in self.review.steps):
            return Ending(ExecutionStatus.FAILED, why)
        undone = await self.undo()
        return Ending(undone.status, f"{why}; {undone.message}")

    async def stop(self, reason: str, *, is_undo: bool = False) -> Ending:
        """Ends it without sending anything. What an earlier process had intended is told all the same."""
        try:
            await self._tell_open()
        except WriteUnanswered as error:
            status = ExecutionStatus.UNDO_FAILED if is_undo else ExecutionStatus.UNKNOWN
            return Ending(status, f"{error.message}; {reason}: nothing is written")
        await self._drop_open(reason)
        status = ExecutionStatus.UNDO_FAILED if is_undo else ExecutionStatus.CANCELLED
        return Ending(status, f"{reason}: nothing is written")

    async def undo(self) -> Ending:
        """Takes back every step that was done, last first. Stops at the first that cannot be."""
        try:
            await self._tell_open(is_undo=True)
        except WriteUnanswered as error:
            return Ending(ExecutionStatus.UNDO_FAILED, f"what is not known cannot be taken back: {error.message}")
        await self._drop_open("its undo was begun")
        kept: list[str] = []
        for step in reversed(self.review.steps):
            if not step.is_change or not self._was_done(step):
                continue
            name = f"step {step.step.index}"
            if step.reversal is ReversalKind.NONE:
                return Ending(ExecutionStatus.UNDO_FAILED, f"{name} cannot be taken back")
            if step.reversal is ReversalKind.SELF_HEALS:
                kept.append(f"{name} is put right by its controller")
                continue
            reason = await self._book.stop_reason()
            if reason:
                return Ending(ExecutionStatus.UNDO_FAILED, f"stopped before the undo of {name}: {reason}")
            try:
                await self._take_back(step)
            except LeaseLost:
                raise
            except (OpsdeskError, Stopped) as error:
                title = f"{error.title}: " if isinstance(error, OpsdeskError) else "stopped: "
                return Ending(ExecutionStatus.UNDO_FAILED, f"undo of {name}: {title}{error}")
        return Ending(ExecutionStatus.UNDONE, "; ".join(["what was done was undone", *kept]))

    def _keys(self, step: FrozenStep) -> list[str]:
        return [self.key(step, number) for number in range(max(1, len(step.requests)))]

    def _was_done(self, step: FrozenStep) -> bool:
        return step.is_change and self._book.any_is(self._keys(step), StepOutcome.DONE)

    def _has_failed(self, step: FrozenStep) -> bool:
        return step.is_change and self._book.any_is(self._keys(step), StepOutcome.FAILED)

    # --- what an earlier process left open ------------------------------------------------------------------------

    def _open(self, *outcomes: StepOutcome) -> Iterator[tuple[FrozenStep, ApiRequest, str]]:
        for step in self.review.steps:
            for number, request in enumerate(step.requests if step.is_change else ()):
                if self._book.outcome(self.key(step, number)) in outcomes:
                    yield step, request, self.key(step, number)

    async def _tell_open(self, *, is_undo: bool = False) -> None:
        """Finds out what became of writes that were intended, and of unknown ones before an undo. Raises WriteUnanswered
        when a target cannot tell."""
        wanted = {StepOutcome.INTENDED, *({StepOutcome.UNKNOWN} if is_undo else ())}
        for step, request, key in list(self._open(*wanted)):
            try:
                await self._writes.found_after_restart(step, request, key, is_inverse=False)
            except WriteUnanswered as error:
                raise WriteUnanswered(f"step {step.step.index}: {error.message}", next_step=LOOK) from error

    async def _drop_open(self, reason: str) -> None:
        """What was seen not to be done will not be sent any more."""
        for step, _, key in list(self._open(StepOutcome.INTENDED, StepOutcome.UNKNOWN)):
            if key in self._writes.resent:
                await self._book.reject(step, key, f"it was not done, and is not sent again: {reason}")

    # --- one step -------------------------------------------------------------------------------------------------

    async def _do(self, step: FrozenStep) -> None:
        if step.step.is_read:
            await self._read(step)
            return
        self._raise_if_ended(step, self._keys(step))
        pending = [n for n in range(len(step.requests)) if not self._book.is_settled(self.key(step, n))]
        fresh = len(pending) == len(step.requests) and not any(self._book.get(self.key(step, n)) for n in pending)
        if fresh and step.requests:
            await self._check_before(step)
        if not step.requests and not self._book.is_settled(self.key(step, 0)):
            nothing = "it already is as the step would make it"
            await self._book.record(step, self.key(step, 0), StepOutcome.SKIPPED, nothing)
        for number in pending:
            if number != pending[0] and (reason := await self._book.stop_reason()):
                raise Stopped(reason)  # a drain has many requests: what is not asked for yet is not asked for any more
            await self._writes.write(step, step.requests[number], self.key(step, number), is_inverse=False)

    def _raise_if_ended(self, step: FrozenStep, keys: Sequence[str]) -> None:
        """What an earlier process saw fail has failed: nothing after it may begin."""
        for known in (self._book.results[key] for key in keys if self._book.get(key)):
            if known.outcome in {StepOutcome.FAILED, StepOutcome.UNDO_FAILED}:
                raise WriteRejected(known.message or f"step {step.step.index} failed", status=0, reason="Earlier")
            if known.outcome is StepOutcome.UNKNOWN:
                raise WriteUnanswered(known.message, next_step=LOOK)

    async def _check_before(self, step: FrozenStep) -> None:
        """The target has to be the very object that was reviewed, its fields as they were."""
        if step.target is None or target_path(step) is None:
            return
        item = await self._target(step)
        uid = step.target.uid
        if uid and (item is None or item["metadata"].get("uid") != uid):
            raise PlanChangedAfterApproval(f"{step.target.key} is not the object that was reviewed")
        earlier = [one for one in self.review.steps if one.step.index < step.step.index and one.is_change]
        is_first = not any(one.target is not None and one.target.key == step.target.key for one in earlier)
        changed = mismatch(item, step.before, is_exact=is_first)
        if changed:
            raise PlanChangedAfterApproval(f"{step.target.key}: {changed}", next_step="have the plan reviewed again")
        done = [one for one in self.review.steps if one.step.index < step.step.index and self._was_done(one)]
        changed = await changed_since(step, done, self.reader)
        if changed:
            raise PlanChangedAfterApproval(changed, next_step="have the plan reviewed again")

    async def _target(self, step: FrozenStep) -> Json | None:
        path = target_path(step)
        return None if path is None else await read_object(self.reader, path)

    async def _read(self, step: FrozenStep) -> None:
        """A read that fails is said and changes nothing; one that was to wait for something fails the plan."""
        key = self.key(step, 0)
        known = self._book.get(key)
        if self._book.is_settled(key):
            if known is not None and known.outcome is StepOutcome.FAILED and waits(step):
                raise WriteRejected(known.message, status=0, reason="Timeout")
            return
        started = self.clock.now()
        outcome, message, output = StepOutcome.DONE, "", ""
        try:
            output, message = await read_step(step, self.reader, self.clock, self._book.stop_reason)
        except LeaseLost:
            raise
        except OpsdeskError as error:
            message = error.message
        if message:
            outcome = StepOutcome.FAILED
        text = self.redact(output)[:OUTPUT_CHARACTERS]
        await self._book.record(step, key, outcome, message, text, started_at=started)
        if message and waits(step):
            raise WriteRejected(message, status=0, reason="Timeout")

    async def _take_back(self, step: FrozenStep) -> None:
        keys = [self.key(step, number, is_inverse=True) for number in range(len(step.inverse))]
        self._raise_if_ended(step, keys)
        for number, inverse in enumerate(step.inverse):
            key = self.key(step, number, is_inverse=True)
            if self._book.is_settled(key):
                continue
            known, request = self._book.get(key), self._with_uid(inverse, step)
            if known is None:
                await self._check_ours(step)
            elif await self._writes.found_after_restart(step, request, key, is_inverse=True) is Standing.DONE:
                continue
            await self._writes.write(step, request, key, is_inverse=True)
        await self._check_restored(step)

    async def _check_ours(self, step: FrozenStep) -> None:
        changed = mismatch(await self._target(step), step.after)
        if changed:
            raise PlanChangedAfterApproval(
                f"somebody has changed it since: {changed}", next_step="take it back by hand if it has to be"
            )

    async def _check_restored(self, step: FrozenStep) -> None:
        """The undo is believed when the target shows it. A server that is away for a moment is asked again."""
        for left in reversed(range(VERIFY_TRIES)):
            try:
                item = await self._target(step)
                break
            except Temporary:
                if not left:
                    raise
                await self.clock.sleep(VERIFY_SECONDS)
        wanted = [state for state in step.before if not (_was_deleted(step) and state.path == "/metadata/uid")]
        if not holds(item, wanted) and not (item and item["metadata"].get("deletionTimestamp")):
            raise WriteRejected(
                f"taken back, but the target is not as it was before: {mismatch(item, wanted)}", status=200
            )

    def _with_uid(self, inverse: ApiRequest, step: FrozenStep) -> ApiRequest:
        """Deletes only the very object that this execution created."""
        text = orjson.dumps(inverse.body)
        if CREATED_UID.encode() not in text:
            return inverse
        known = self._book.get(self.key(step, 0))
        uid = known.output.removeprefix("uid=") if known and known.output.startswith("uid=") else ""
        if not uid:
            raise PlanChangedAfterApproval(
                "the created object is not known for certain", next_step="take it back by hand"
            )
        return inverse.model_copy(update={"body": orjson.loads(text.replace(CREATED_UID.encode(), uid.encode()))})


def _was_deleted(step: FrozenStep) -> bool:
    """Whether the step took its target away: what its undo makes again is the same in everything but its uid."""
    return any(state.path == "" and state.is_absent for state in step.after)
