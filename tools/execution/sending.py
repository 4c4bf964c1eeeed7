"""One write: sent once under its intent, and when no answer came, told by its target.

An answer is what an API server says: a 2xx whose body is no object of Kubernetes came from somewhere else or broke off on
its way, and counts as none. What was refused for certain (429, a version that had moved) may be asked for again; what may
have been carried out never is, until its target has been watched for longer than the server may take over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.errors import (
    AnswerTooLarge,
    LeaseLost,
    OpsdeskError,
    PlanChangedAfterApproval,
    WriteRejected,
    WriteUnanswered,
)
from knowledge.vocabulary import ApiRequest, FieldState, FrozenStep, StepOutcome, digest_of
from tools.execution.book import StepBook
from tools.execution.mark import carries_mark, is_apply, tested_version, with_mark
from tools.execution.reading import Stopped
from tools.execution.standing import Standing, mismatch, object_path, read_object, standing_of
from tools.ports import ApiAnswer, ClusterReader, ClusterWriter

WRITE_SECONDS = 15
"""The API server is told to give a write up after this time, so that none can land later without our seeing it."""
ANSWER_SECONDS = WRITE_SECONDS + 5.0
"""How long its answer is waited for: longer, so that a server that gave up can say so."""
REREADS, REREAD_SECONDS = 17, 1.0
"""A target is watched so long after a lost answer: what has not shown by then was given up by the server."""
EVICTION_TRIES, EVICTION_SECONDS = 24, 5.0
VERSION_TRIES = 4
BUSY_TRIES, BUSY_SECONDS, LONGEST_BUSY_SECONDS = 5, 1.0, 10.0
NOTHING_CAME = f"no answer came, and the target was unchanged for {REREADS * REREAD_SECONDS:.0f} s"
BY_HAND = "should it change later all the same, take it back by hand"


@dataclass
class StepWrites:
    """The writes of one execution. ``unseen`` are those that were not seen to land although no answer came."""

    book: StepBook
    reader: ClusterReader
    writer: ClusterWriter
    user_agent: str
    resent: set[str] = field(default_factory=set)
    unseen: dict[str, tuple[FrozenStep, ApiRequest]] = field(default_factory=dict)

    async def write(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> None:
        """Sends one request once. Raises WriteRejected, WriteUnanswered, and whatever kept it from being sent."""
        try:
            answer = await self._sent(step, request, key, is_inverse=is_inverse)
        except WriteUnanswered:
            await self._resolve(step, request, key, is_inverse=is_inverse)
            return
        except LeaseLost:
            raise  # another executor goes on with it: nothing more is sent, or said, from here
        except (OpsdeskError, Stopped) as error:
            if not self.book.is_settled(key):
                await self.book.reject(step, key, str(error))
            raise
        if key in self.resent and answer.status in {409, 422} and await self._landed(step, request, key, is_inverse):
            await self.settle(step, request, key, is_inverse=is_inverse, message="found done after a restart")
            return
        await self._take(step, request, key, answer, is_inverse=is_inverse)

    async def found_after_restart(
        self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool
    ) -> Standing:
        """What became of a write that an earlier process had intended. Not done: it may be sent again."""
        standing = await self._watched(step, request, key, is_inverse=is_inverse)
        if standing is Standing.DONE:
            told = "found done after a restart"
            await self.settle(step, request, key, is_inverse=is_inverse, message=told)
        elif standing is Standing.UNKNOWN:
            told = "after a restart the target is neither as before nor as intended"
            raise await self.book.unknown(step, key, told)
        else:
            self.resent.add(key)
        return standing

    async def landed_late(self) -> str:
        """Which of the writes that nobody answered stand now after all; empty when none does."""
        landed = []
        for key, (step, request) in self.unseen.items():
            if await self._standing(step, request, key, is_inverse=key.endswith("/undo")) is Standing.DONE:
                told = "no answer came; it landed late, and was not taken back"
                await self.book.record(step, key, StepOutcome.UNKNOWN, told)
                landed.append(f"step {step.step.index} landed late after all: {told}")
        return "; ".join(landed)

    # --- sending --------------------------------------------------------------------------------------------------

    async def _sent(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> ApiAnswer:
        """The frozen request with our mark on it. What was refused for certain is asked for again until it is let through
        or its time is up: an eviction that a budget holds up, a busy server, a version that moved under us."""
        path = object_path(request, step)
        evicts = request.path.endswith("/eviction")
        versions, busy, held, is_intended = VERSION_TRIES, BUSY_TRIES, EVICTION_TRIES, False
        while True:
            marked = await self._marked(step, request, key, is_inverse=is_inverse)
            if not is_intended:
                await self.book.intend(step, key, digest_of(request.model_dump(mode="json")))
                is_intended = True
            answer = await self._answered(marked)
            if answer.status == 429 and evicts and held > 1:
                held -= 1
                await self._pause(EVICTION_SECONDS)
            elif answer.status == 429 and not evicts and busy > 1:
                busy -= 1
                await self._pause(min(answer.retry_after_seconds or BUSY_SECONDS, LONGEST_BUSY_SECONDS))
            elif answer.status in {409, 422} and versions > 1 and await self._has_moved(path, tested_version(marked)):
                versions -= 1
                await self._pause(0.0)  # who moved it may be another executor, which has our lease by now
            else:
                return answer

    async def _marked(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> ApiRequest:
        """The request as it goes out. Where it insists on a version, the fields at that version are held to the review."""
        path = object_path(request, step)
        reads = carries_mark(request) and request.method == "PATCH"
        item = await read_object(self.reader, path) if reads else None
        marked = with_mark(request, item, key, self.user_agent)
        if is_apply(request):
            changed = mismatch(item, step.before)
        elif tested_version(marked):
            changed = mismatch(item, _written(request, step.after if is_inverse else step.before))
        else:
            changed = ""
        if changed:
            raise PlanChangedAfterApproval(f"{path}: {changed}", next_step="have the plan reviewed again")
        return marked.model_copy(update={"query": {**marked.query, "timeout": f"{WRITE_SECONDS}s"}})

    async def _answered(self, marked: ApiRequest) -> ApiAnswer:
        try:
            answer = await self.writer.send(marked, user_agent=self.user_agent, timeout_seconds=ANSWER_SECONDS)
        except AnswerTooLarge as error:
            raise WriteUnanswered(error.message) from error  # it was carried out, or not: the target tells
        if answer.status in {408, 404} or answer.status >= 500 or answer.is_ok:
            return _checked(answer, marked)
        return answer

    async def _pause(self, seconds: float) -> None:
        """A budget may hold a drain up for minutes: who cancels or freezes meanwhile is heard."""
        reason = await self.book.stop_reason()
        if reason:
            raise Stopped(reason)
        await self.book.clock.sleep(seconds)

    async def _has_moved(self, path: str, version: str) -> bool:
        """Whether a write was refused for the version alone that it insisted on: then it may be asked for again."""
        item = await read_object(self.reader, path) if version else None
        return item is not None and item["metadata"].get("resourceVersion") != version

    # --- what came of it ------------------------------------------------------------------------------------------

    async def _take(
        self, step: FrozenStep, request: ApiRequest, key: str, answer: ApiAnswer, *, is_inverse: bool
    ) -> None:
        is_gone = answer.status == 404 and (request.method == "DELETE" or request.path.endswith("/eviction"))
        if answer.is_ok or is_gone:
            await self.settle(step, request, key, is_inverse=is_inverse, answer=answer)
            return
        status = answer.body if isinstance(answer.body, dict) else {}
        message = str(status.get("message", ""))[:1_000] or f"HTTP {answer.status}"
        await self.book.reject(step, key, message)
        raise WriteRejected(message, status=answer.status, reason=str(status.get("reason", "")))

    async def _resolve(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> None:
        """No answer came: the target tells. That nothing was done is believed only when a late write cannot land any more."""
        await self.book.clock.sleep(REREAD_SECONDS)
        standing = await self._watched(step, request, key, is_inverse=is_inverse)
        if standing is Standing.DONE:
            told = "no answer came; the target shows that it was done"
            await self.settle(step, request, key, is_inverse=is_inverse, message=told)
            return
        if standing is Standing.NOT_DONE:
            self.unseen[key] = (step, request)
            await self.book.reject(step, key, f"{NOTHING_CAME}: it was not done; {BY_HAND}")
            raise WriteRejected(NOTHING_CAME, status=0, reason="Unanswered", next_step=BY_HAND)
        raise await self.book.unknown(step, key, "no answer came, and the target is neither as before nor as intended")

    async def _watched(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> Standing:
        """Looks until the write shows, or for as long as the server may still come to it."""
        for left in reversed(range(REREADS)):
            standing = await self._standing(step, request, key, is_inverse=is_inverse)
            if standing is Standing.DONE or not left:
                return standing
            await self.book.clock.sleep(REREAD_SECONDS)
        raise AssertionError("unreachable: the last look returns")

    async def _landed(self, step: FrozenStep, request: ApiRequest, key: str, is_inverse: bool) -> bool:
        """Whether the write of the process before us landed after we had looked."""
        return await self._standing(step, request, key, is_inverse=is_inverse) is Standing.DONE

    async def _standing(self, step: FrozenStep, request: ApiRequest, key: str, *, is_inverse: bool) -> Standing:
        try:
            return await standing_of(request, step, self.reader, key, is_inverse=is_inverse)
        except OpsdeskError:
            return Standing.UNKNOWN  # what cannot be read cannot be told

    async def settle(
        self,
        step: FrozenStep,
        request: ApiRequest,
        key: str,
        *,
        is_inverse: bool,
        message: str = "",
        answer: ApiAnswer | None = None,
    ) -> None:
        """Takes down that it was done, with the uid of what it made: only that is taken back."""
        uid = _uid_in(answer)
        if not uid and request.method == "POST" and not request.path.endswith("/eviction"):
            uid = await self._uid_of(object_path(request, step))
        outcome = StepOutcome.UNDONE if is_inverse else StepOutcome.DONE
        told = "; ".join([message, *(answer.warnings if answer else ())]).strip("; ")
        await self.book.record(step, key, outcome, told, f"uid={uid}" if uid else "")

    async def _uid_of(self, path: str) -> str:
        try:
            item = await read_object(self.reader, path)
        except OpsdeskError:
            return ""  # it was made all the same; its undo will say that it is not known for certain
        return str(item["metadata"].get("uid", "")) if item else ""


def _written(request: ApiRequest, states: Sequence[FieldState]) -> list[FieldState]:
    """Those of the fields that a JSON Patch writes."""
    paths = {operation["path"] for operation in request.body if operation["op"] != "test"}
    return [state for state in states if state.path in paths]


def _uid_in(answer: ApiAnswer | None) -> str:
    body = answer.body if answer is not None and isinstance(answer.body, dict) else {}
    return str(body.get("metadata", {}).get("uid", "")) if body.get("kind") != "Status" else ""


def _checked(answer: ApiAnswer, request: ApiRequest) -> ApiAnswer:
    """The answer, if it tells whether the write was carried out. A server that broke in the middle may have done it all the
    same; a success or an absence that is not worded as the API server words it was said by somebody else."""
    is_worded = isinstance(answer.body, dict) and bool(answer.body.get("kind"))
    if answer.status >= 500 or answer.status == 408:
        raise WriteUnanswered(f"{request.method} {request.path} was answered {answer.status}")
    if (answer.is_ok or request.method == "DELETE" or request.path.endswith("/eviction")) and not is_worded:
        raise WriteUnanswered(f"{request.method} {request.path} was answered {answer.status} without an object")
    return answer
