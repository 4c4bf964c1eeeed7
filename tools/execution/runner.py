"""Runs the frozen steps of one review, in order, each write once.

Before a write comes its intent, recorded under a step key. A write without an answer is told by re-reading its target; what
still cannot be told stops everything and a person is called. A step that fails stops the plan, and what was done before is
taken back in reverse order, each only while its target still holds what we wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

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
    digest_of,
)
from tools.actions.contract import CREATED_UID
from tools.contracts import Redact
from tools.execution.left import changed_since
from tools.execution.mark import carries_mark, is_apply, tested_version, with_mark
from tools.execution.reading import Stopped, read_step, waits
from tools.execution.standing import (
    Standing,
    holds,
    mismatch,
    object_path,
    read_object,
    standing_of,
    target_path,
)
from tools.ports import ApiAnswer, Clock, ClusterReader, ClusterWriter

OUTPUT_CHARACTERS = 20_000
WRITE_SECONDS = 15
"""The API server gives a write up after this time, so that none can land later without our seeing it."""
REREADS, REREAD_SECONDS = 17, 1.0
EVICTION_TRIES, EVICTION_SECONDS = 24, 5.0
VERSION_TRIES = 4


class StepLog(Protocol):
    """The ledger's side of an execution. Every call raises LeaseLost when another executor holds it now: nothing is sent
    after that."""

    async def stop_reason(self) -> str:
        """Why no further step may begin (cancelled, frozen); empty to go on."""

    async def intend(self, step: int, step_key: str, request_digest: str) -> None: ...

    async def record(self, result: StepResult) -> None: ...


@dataclass(frozen=True, slots=True)
class Ending:
    status: ExecutionStatus
    message: str


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
    _outcomes: dict[str, StepResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._outcomes = {result.step_key: result for result in self.known}

    def key(self, step: FrozenStep, number: int, *, is_inverse: bool = False) -> str:
        return f"{self.execution_id}/{step.step.index}/{number}" + ("/undo" if is_inverse else "")

    async def run(self) -> Ending:
        """All steps, or the undo of those that were done. An earlier process's undo is gone on with, never its plan."""
        if any(key.endswith("/undo") for key in self._outcomes):
            return await self.undo()
        for step in self.review.steps:
            reason = await self.log.stop_reason()
            if reason:
                return Ending(ExecutionStatus.CANCELLED, f"stopped before step {step.step.index}: {reason}")
            try:
                await self._do(step)
            except LeaseLost:
                raise  # another executor goes on with it: nothing more is sent from here
            except Stopped as stopped:
                return Ending(ExecutionStatus.CANCELLED, f"stopped in step {step.step.index}: {stopped}")
            except WriteUnanswered as error:
                return Ending(ExecutionStatus.UNKNOWN, f"step {step.step.index}: {error.message}")
            except OpsdeskError as error:
                return await self._failed(step, error)
        return Ending(ExecutionStatus.DONE, "")

    async def _failed(self, step: FrozenStep, error: OpsdeskError) -> Ending:
        why = f"step {step.step.index}: {error.title}: {error.message}"
        if not any(self._was_done(other) for other in self.review.steps):
            return Ending(ExecutionStatus.FAILED, why)
        undone = await self.undo()
        return Ending(undone.status, f"{why}; {undone.message}")

    async def undo(self) -> Ending:
        """Takes back every step that was done, last first. Stops at the first that cannot be."""
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
            reason = await self.log.stop_reason()
            if reason:
                return Ending(ExecutionStatus.UNDO_FAILED, f"stopped before the undo of {name}: {reason}")
            try:
                await self._take_back(step)
            except LeaseLost:
                raise
            except OpsdeskError as error:
                return Ending(ExecutionStatus.UNDO_FAILED, f"undo of {name}: {error.title}: {error.message}")
        return Ending(ExecutionStatus.UNDONE, "; ".join(["what was done was undone", *kept]))

    def _was_done(self, step: FrozenStep) -> bool:
        return step.is_change and any(
            (known := self._outcomes.get(self.key(step, number))) is not None and known.outcome is StepOutcome.DONE
            for number in range(len(step.requests))
        )

    # --- one step -------------------------------------------------------------------------------------------------

    async def _do(self, step: FrozenStep) -> None:
        if step.step.is_read:
            await self._read(step)
            return
        self._raise_if_ended(step, [self.key(step, number) for number in range(len(step.requests))])
        pending = [n for n in range(len(step.requests)) if not self._is_settled(self.key(step, n))]
        fresh = len(pending) == len(step.requests) and not any(self.key(step, n) in self._outcomes for n in pending)
        if fresh and step.requests:
            await self._check_before(step)
        if not step.requests and not self._is_settled(self.key(step, 0)):
            nothing = "it already is as the step would make it"
            await self._record(step, self.key(step, 0), StepOutcome.SKIPPED, nothing)
        for number in pending:
            await self._write(step, step.requests[number], self.key(step, number), is_inverse=False)

    def _raise_if_ended(self, step: FrozenStep, keys: Sequence[str]) -> None:
        """What an earlier process saw fail has failed: nothing after it may begin."""
        for known in (self._outcomes[key] for key in keys if key in self._outcomes):
            if known.outcome in {StepOutcome.FAILED, StepOutcome.UNDO_FAILED}:
                raise WriteRejected(known.message or f"step {step.step.index} failed", status=0, reason="Earlier")
            if known.outcome is StepOutcome.UNKNOWN:
                raise WriteUnanswered(known.message, next_step="look at the target and decide by hand")

    def _is_settled(self, key: str) -> bool:
        known = self._outcomes.get(key)
        return known is not None and known.outcome not in {StepOutcome.PENDING, StepOutcome.INTENDED}

    async def _check_before(self, step: FrozenStep) -> None:
        """The target has to be the very object that was reviewed, its fields as they were."""
        if step.target is None or target_path(step) is None:
            return
        item = await self._target(step)
        uid = step.target.uid
        if uid and (item is None or item["metadata"].get("uid") != uid):
            raise PlanChangedAfterApproval(f"{step.target.key} is not the object that was reviewed")
        changed = mismatch(item, step.before)
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
        known = self._outcomes.get(key)
        if self._is_settled(key):
            if known is not None and known.outcome is StepOutcome.FAILED and waits(step):
                raise WriteRejected(known.message, status=0, reason="Timeout")
            return
        started = self.clock.now()
        outcome, message, output = StepOutcome.DONE, "", ""
        try:
            output, message = await read_step(step, self.reader, self.clock, self.log.stop_reason)
        except OpsdeskError as error:
            message = error.message
        if message:
            outcome = StepOutcome.FAILED
        text = self.redact(output)[:OUTPUT_CHARACTERS]
        await self._record(step, key, outcome, message, text, started_at=started)
        if message and waits(step):
            raise WriteRejected(message, status=0, reason="Timeout")

    async def _take_back(self, step: FrozenStep) -> None:
        keys = [self.key(step, number, is_inverse=True) for number in range(len(step.inverse))]
        self._raise_if_ended(step, keys)
        for number, inverse in enumerate(step.inverse):
            key = self.key(step, number, is_inverse=True)
            if self._is_settled(key):
                continue
            if self._outcomes.get(key) is None:
                item = await self._target(step)
                changed = mismatch(item, step.after)
                if changed:
                    raise PlanChangedAfterApproval(
                        f"somebody has changed it since: {changed}", next_step="take it back by hand if it has to be"
                    )
            await self._write(step, self._with_uid(inverse, step), key, is_inverse=True)
        item = await self._target(step)
        if not holds(item, step.before) and not (item and item["metadata"].get("deletionTimestamp")):
            raise WriteRejected("the target is not as it was before", status=200, reason=mismatch(item, step.before))

    def _with_uid(self, inverse: ApiRequest, step: FrozenStep) -> ApiRequest:
        """Deletes only the very object that this execution created."""
        text = orjson.dumps(inverse.body)
        if CREATED_UID.encode() not in text:
            return inverse
        known = self._outcomes.get(self.key(step, 0))
        uid = known.output.removeprefix("uid=") if known and known.output.startswith("uid=") else ""
        if not uid:
            raise PlanChangedAfterApproval(
                "the created object is not known for certain", next_step="take it back by hand"
            )
        return inverse.model_copy(update={"body": orjson.loads(text.replace(CREATED_UID.encode(), uid.encode()))})

    # --- one write ------------------------------------------------------------------------------------------------

    async def _write(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> None:
        """Sends one request once, or finds out what became of it. Raises WriteRejected, WriteUnanswered."""
        started = self.clock.now()
        known = self._outcomes.get(key)
        if known is not None and known.outcome is StepOutcome.INTENDED:
            standing = await self._standing(step, request, key, is_inverse=is_inverse)
            if standing is Standing.DONE:
                await self._settle(step, key, is_inverse, "found done after a restart")
                return
            if standing is Standing.UNKNOWN:
                await self._unknown(step, key, "after a restart the target is neither as before nor as intended")
        await self.log.intend(step.step.index, key, digest_of(request.model_dump(mode="json")))
        self._outcomes[key] = StepResult(
            step=step.step.index, step_key=key, outcome=StepOutcome.INTENDED, started_at=started
        )
        try:
            answer = await self._send(step, request, key)
        except WriteUnanswered:
            await self._resolve(step, request, key, is_inverse=is_inverse)
            return
        except (Temporary, PlanChangedAfterApproval, Stopped) as error:
            await self._reject(step, key, str(error))
            raise
        was_intended = known is not None and known.outcome is StepOutcome.INTENDED
        if (
            was_intended
            and answer.status in {409, 422}
            and await self._landed(step, request, key, is_inverse=is_inverse)
        ):
            await self._settle(step, key, is_inverse, "found done after a restart")
            return
        await self._take(step, request, key, answer, is_inverse=is_inverse)

    async def _take(
        self, step: FrozenStep, request: ApiRequest, key: str, answer: ApiAnswer, *, is_inverse: bool
    ) -> None:
        if answer.is_ok or (answer.status == 404 and request.method == "DELETE"):
            await self._settle(step, key, is_inverse, "", answer)
            return
        if answer.status >= 500 or answer.status == 408:
            # The server broke in the middle: the write may stand all the same.
            await self._resolve(step, request, key, is_inverse=is_inverse)
            return
        status = answer.body if isinstance(answer.body, dict) else {}
        message = str(status.get("message", ""))[:1_000] or f"HTTP {answer.status}"
        await self._reject(step, key, message)
        raise WriteRejected(message, status=answer.status, reason=str(status.get("reason", "")))

    async def _resolve(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> None:
        """No answer came: the target tells. That nothing was done is believed only when a late write cannot land any more."""
        for _ in range(REREADS):
            await self.clock.sleep(REREAD_SECONDS)
            standing = await self._standing(step, request, key, is_inverse=is_inverse)
            if standing is Standing.DONE:
                await self._settle(step, key, is_inverse, "no answer came; the target shows that it was done")
                return
        if standing is Standing.NOT_DONE:
            await self._reject(step, key, "no answer came; the target shows that it was not done")
            raise WriteRejected("no answer came, and the target is unchanged", status=0, reason="Unanswered")
        await self._unknown(step, key, "no answer came, and the target is neither as before nor as intended")

    async def _send(self, step: FrozenStep, request: ApiRequest, key: str) -> ApiAnswer:
        """The frozen request with our mark on it. An eviction that a budget holds up was refused for certain, and is asked
        for again until it is let through or its time is up."""
        path = object_path(request, step)
        reads = carries_mark(request) and request.method == "PATCH"
        for _ in range(EVICTION_TRIES if request.path.endswith("/eviction") else VERSION_TRIES):
            item = await read_object(self.reader, path) if reads else None
            if is_apply(request) and (changed := mismatch(item, step.before)):
                raise PlanChangedAfterApproval(f"{path}: {changed}", next_step="have the plan reviewed again")
            marked = with_mark(request, item, key, self.user_agent)
            bounded = marked.model_copy(update={"query": {**marked.query, "timeout": f"{WRITE_SECONDS}s"}})
            answer = await self.writer.send(bounded, user_agent=self.user_agent, timeout_seconds=WRITE_SECONDS + 5.0)
            if answer.status == 429 and request.path.endswith("/eviction"):
                await self._pause_eviction()
            elif not (answer.status in {409, 422} and await self._has_moved(path, tested_version(marked))):
                break
        return answer

    async def _pause_eviction(self) -> None:
        """A budget may hold a drain up for minutes: who cancels or freezes meanwhile is heard."""
        reason = await self.log.stop_reason()
        if reason:
            raise Stopped(reason)
        await self.clock.sleep(EVICTION_SECONDS)

    async def _has_moved(self, path: str, version: str) -> bool:
        """Whether a write was refused for the version alone that it insisted on: then it may be asked for again."""
        item = await read_object(self.reader, path) if version else None
        return item is not None and item["metadata"].get("resourceVersion") != version

    async def _landed(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> bool:
        """Whether the write of the process before us landed after we had looked."""
        return await self._standing(step, request, key, is_inverse=is_inverse) is Standing.DONE

    async def _standing(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> Standing:
        try:
            return await standing_of(request, step, self.reader, key, is_inverse=is_inverse)
        except OpsdeskError:
            return Standing.UNKNOWN  # what cannot be read cannot be told

    async def _settle(
        self, step: FrozenStep, key: str, is_inverse: bool, message: str, answer: ApiAnswer | None = None
    ) -> None:
        body = answer.body if answer is not None and isinstance(answer.body, dict) else {}
        uid = body.get("metadata", {}).get("uid", "") if body.get("kind") != "Status" else ""
        if not uid and step.requests[0].method == "POST":
            item = await read_object(self.reader, object_path(step.requests[0], step))
            uid = item["metadata"].get("uid", "") if item else ""
        outcome = StepOutcome.UNDONE if is_inverse else StepOutcome.DONE
        told = "; ".join([message, *(answer.warnings if answer else ())]).strip("; ")
        await self._record(step, key, outcome, told, f"uid={uid}" if uid else "")

    async def _reject(self, step: FrozenStep, key: str, message: str) -> None:
        outcome = StepOutcome.UNDO_FAILED if key.endswith("/undo") else StepOutcome.FAILED
        await self._record(step, key, outcome, message)

    async def _unknown(self, step: FrozenStep, key: str, message: str) -> None:
        await self._record(step, key, StepOutcome.UNKNOWN, message)
        raise WriteUnanswered(message, next_step="look at the target and decide by hand")

    async def _record(
        self,
        step: FrozenStep,
        key: str,
        outcome: StepOutcome,
        message: str,
        output: str = "",
        started_at: datetime | None = None,
    ) -> None:
        known = self._outcomes.get(key)
        result = StepResult(
            step=step.step.index,
            step_key=key,
            outcome=outcome,
            message=message,
            output=output,
            started_at=started_at or (known.started_at if known else None),
            finished_at=self.clock.now(),
        )
        await self.log.record(result)
        self._outcomes[key] = result
