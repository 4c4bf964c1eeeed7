"""The executor: a process of its own, the only holder of write rights. It is given a plan id and believes nothing else.

It reviews plans with its own identity when the worker asks, and executes what the ledger says was approved: it parses and
reviews the plan once more, and runs it only when the digest is the one that people agreed to.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from agent.limits import with_limits
from api.bootstrap import load_policy, open_clock, open_ledger
from api.grounds import check_grounds
from api.hands import Hands, only_fit, open_hands, with_site
from api.logs import configure_logging
from api.settings import Settings
from knowledge.errors import (
    BreakGlassRefused,
    LeaseLost,
    LedgerBusy,
    LedgerUnreachable,
    LedgerUnusable,
    OpsdeskError,
    PlanChangedAfterApproval,
    Temporary,
    UnknownCluster,
)
from knowledge.ledger.break_glass import what_stays
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.rehearsals import Rehearsal
from knowledge.vocabulary import Execution, ExecutionStatus, Mode, Review, StepResult
from tools.execution.book import NotRecorded
from tools.execution.runner import Ending, StepRunner
from tools.ports import Clock
from tools.redaction import redact_text
from tools.review import review_plan
from tools.safety.policy import Policy

IDLE_SECONDS = 0.2
REVIEW_TRIES = 3
LEDGER_AWAY = (LedgerBusy, LedgerUnreachable, LedgerUnusable)
"""No outcome of an execution: it stays as the ledger knows it, and is gone on with when its lease has lapsed."""

log = structlog.get_logger("opsdesk.executor")


@dataclass
class LedgerStepLog:
    """The ledger's executions as the runner's log, under one fencing token."""

    ledger: Ledger
    execution: Execution
    token: int
    lease_seconds: float

    async def stop_reason(self) -> str:
        return await asyncio.to_thread(self._stop_reason)

    def _stop_reason(self) -> str:
        self.ledger.executions.renew(self.execution.id, self.token, self.lease_seconds)
        if self.ledger.executions.is_cancelled(self.execution.id):
            return "cancelled"
        frozen = self.ledger.switches.is_frozen(self.execution.cluster)
        return f"frozen: {frozen}" if frozen else ""

    async def intend(self, step: int, step_key: str, request_digest: str) -> None:
        await asyncio.to_thread(
            self.ledger.executions.record_intent, self.execution.id, self.token, step, step_key, request_digest
        )

    async def record(self, result: StepResult) -> None:
        await asyncio.to_thread(self.ledger.executions.record_result, self.execution.id, self.token, result)


@dataclass
class Executor:
    ledger: Ledger
    hands: dict[str, Hands]
    policy: Policy
    clock: Clock
    lease_seconds: float = 20.0
    name: str = field(default_factory=lambda: f"executor-{uuid.uuid4().hex[:12]}")

    async def serve(self, stop: asyncio.Event) -> None:
        """Until ``stop``. The step at hand is always finished."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.announce)
                if not await self.work():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), IDLE_SECONDS)
            except OpsdeskError as error:
                log.warning("executor_waits", reason=error.message)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 2.0)
        await asyncio.to_thread(self._release_leases)

    async def work(self) -> bool:
        """One rehearsal or one execution; False when nothing waits."""
        clusters = sorted(self.hands)
        rehearsal = await asyncio.to_thread(self.ledger.rehearsals.claim_next, clusters, self.lease_seconds)
        if rehearsal is not None:
            await self._rehearse(*rehearsal)
            return True
        claimed = await asyncio.to_thread(self.ledger.executions.claim_next, self.name, self.lease_seconds, clusters)
        if claimed is not None:
            await self._execute(*claimed)
            return True
        return False

    # --- presence -------------------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Says "an executor is here" for each cluster; several may run, one of them holds the word."""
        for name, hands in self.hands.items():
            try:
                if hands.lease is None:
                    hands.lease = self.ledger.leases.acquire(f"executor:{name}", self.name, self.lease_seconds)
                else:
                    self.ledger.leases.renew(f"executor:{name}", hands.lease, self.lease_seconds)
            except LeaseLost:
                hands.lease = None

    def _release_leases(self) -> None:
        for name, hands in self.hands.items():
            if hands.lease is not None:
                with contextlib.suppress(OpsdeskError):
                    self.ledger.leases.release(f"executor:{name}", hands.lease)

    # --- review ---------------------------------------------------------------------------------------------------

    async def _rehearse(self, rehearsal: Rehearsal, token: int) -> None:
        """Reviews a plan, however long that takes: a dry run of a hundred requests outlasts a lease."""
        beat = asyncio.create_task(self._beat(partial(self.ledger.rehearsals.renew, rehearsal.plan_id, token)))
        try:
            await self._rehearsed(rehearsal, token)
        except LeaseLost:
            log.warning("rehearsal_lease_lost", plan_id=rehearsal.plan_id)
        finally:
            beat.cancel()

    async def _rehearsed(self, rehearsal: Rehearsal, token: int) -> None:
        try:
            review = await self._review(rehearsal.plan_id)
            await asyncio.to_thread(self.ledger.reviews.put, review)
        except LeaseLost:
            raise
        except OpsdeskError as error:
            log.warning("rehearsal_failed", plan_id=rehearsal.plan_id, reason=error.message)
            said = f"{error.title}: {error.message}"
            await asyncio.to_thread(self.ledger.rehearsals.finish, rehearsal.plan_id, token, error=said)
            return
        except Exception as error:  # a bug on one plan must not take the executor down again and again
            log.exception("rehearsal_bug", plan_id=rehearsal.plan_id)
            said = f"a bug in opsdesk: {type(error).__name__}"
            await asyncio.to_thread(self.ledger.rehearsals.finish, rehearsal.plan_id, token, error=said)
            return
        await asyncio.to_thread(self.ledger.rehearsals.finish, rehearsal.plan_id, token, review_id=review.id)

    async def _review(self, plan_id: str, execution_id: str = "") -> Review:
        plan = await asyncio.to_thread(self.ledger.plans.get, plan_id)
        hands = self._hands(plan.cluster)
        review = await review_plan(
            plan,
            reader=hands.reader,
            writer=hands.writer,
            policy=self.policy,
            clock=self.clock,
            topology_keys=None if plan.topology_keys is None else frozenset(plan.topology_keys),
        )
        review = await with_limits(review, plan, self.ledger, self.policy, self.clock.now(), execution_id=execution_id)
        await hands.fit(self.policy, self.clock.now())
        return with_site(review, hands)

    def _hands(self, cluster: str) -> Hands:
        try:
            return self.hands[cluster]
        except KeyError:
            raise UnknownCluster(f"this executor has no hands in cluster {cluster!r}") from None

    # --- execution ------------------------------------------------------------------------------------------------

    async def _execute(self, execution: Execution, token: int) -> None:
        beat = asyncio.create_task(self._beat(partial(self.ledger.executions.renew, execution.id, token)))
        try:
            ending = await self._ending(execution, token)
            await asyncio.to_thread(self.ledger.executions.finish, execution.id, token, ending.status, ending.message)
            log.info("execution_ended", execution_id=execution.id, status=ending.status, message=ending.message)
        except LeaseLost:
            log.warning("execution_lease_lost", execution_id=execution.id)
        except (NotRecorded, *LEDGER_AWAY) as error:
            log.warning("execution_left", execution_id=execution.id, reason=str(error))
        finally:
            beat.cancel()

    async def _ending(self, execution: Execution, token: int) -> Ending:
        """Runs or undoes it. What stops before the first write ends as failed; a bug ends as unknown, for a human."""
        try:
            hands = self._hands(execution.cluster)
            approved = await asyncio.to_thread(self.ledger.reviews.get, execution.review_id)
            await asyncio.to_thread(check_grounds, execution, approved, self.ledger)
            runner = StepRunner(
                execution_id=execution.id,
                review=approved,
                reader=hands.reader,
                writer=hands.writer,
                log=LedgerStepLog(self.ledger, execution, token, self.lease_seconds),
                clock=self.clock,
                redact=redact_text,
                user_agent=f"opsdesk-executor (approved by {', '.join(execution.approvers) or 'rule'})",
                known=execution.results,
            )
            is_undo = execution.status in {ExecutionStatus.UNDO_REQUESTED, ExecutionStatus.UNDOING}
            if hands.settings.mode is not Mode.EXECUTE:
                return await runner.stop(f"the mode of {execution.cluster} is {hands.settings.mode}", is_undo=is_undo)
            if is_undo:
                return await runner.undo()
            if not _has_begun(execution, approved):
                await self._check_same(execution, approved)
            fitness = await hands.fit(self.policy, self.clock.now())
            if fitness.because:
                return await runner.stop(f"the executor refuses: {fitness.because}")
            return await runner.run()
        except (LeaseLost, NotRecorded, *LEDGER_AWAY):
            raise
        except OpsdeskError as error:
            status = ExecutionStatus.UNKNOWN if execution.results else ExecutionStatus.FAILED
            return Ending(status, f"{error.title}: {error.message}")
        except Exception as error:
            log.exception("executor_bug", execution_id=execution.id)
            return Ending(ExecutionStatus.UNKNOWN, f"a bug in opsdesk: {type(error).__name__}: {error}")

    async def _check_same(self, execution: Execution, approved: Review) -> None:
        """What runs is exactly what was reviewed: reviewed again now, the plan must come to the same digest and ruling."""
        fresh = await self._reviewed_again(execution)
        if approved.digest != execution.digest or fresh.digest != approved.digest:
            raise PlanChangedAfterApproval(
                "reviewed again, the plan comes to other requests than were approved: the cluster has changed",
                next_step="reopen the incident for a new review",
            )
        if fresh.ruling.strictness > approved.ruling.strictness:
            why = "; ".join(one.message.en for one in fresh.verdicts if one.ruling is fresh.ruling)
            raise PlanChangedAfterApproval(
                f"reviewed again, the plan is {fresh.ruling}, approved as {approved.ruling}: {why}",
                next_step="reopen the incident for a new review",
            )
        await self._check_glass(execution, fresh)

    async def _check_glass(self, execution: Execution, fresh: Review) -> None:
        """What one person alone approved runs only where the policy allows that, and only if all of it can be restored."""
        if not execution.approval_id:
            return
        approval = await asyncio.to_thread(self.ledger.approvals.get, execution.approval_id)
        if not approval.is_glass_broken:
            return
        lasting = what_stays(fresh)
        if self.policy.break_glass == "never" or lasting:
            raise BreakGlassRefused(
                lasting or "the policy lets nobody approve alone", next_step="ask for approval again"
            )

    async def _reviewed_again(self, execution: Execution) -> Review:
        """Nothing has been written yet: a cluster that does not answer for a moment is asked again."""
        for _ in range(REVIEW_TRIES - 1):
            try:
                return await self._review(execution.plan_id, execution.id)
            except Temporary as error:
                log.warning("review_again", plan_id=execution.plan_id, reason=error.message)
                await self.clock.sleep(1.0)
        return await self._review(execution.plan_id, execution.id)

    async def _beat(self, renew: Callable[[float], None]) -> None:
        """Keeps the work at hand and the word "an executor is here", each for itself, while a step or a review takes long."""
        while True:
            await asyncio.sleep(self.lease_seconds / 4)
            with contextlib.suppress(OpsdeskError):
                await asyncio.to_thread(renew, self.lease_seconds)
            with contextlib.suppress(OpsdeskError):
                await asyncio.to_thread(self.announce)


def _has_begun(execution: Execution, approved: Review) -> bool:
    """Whether a write was intended: then the cluster is no longer as it was reviewed, and each step is held to its own review.
    What an earlier process only read binds nothing."""
    changes = {step.step.index for step in approved.steps if step.is_change}
    return any(result.step in changes for result in execution.results)


async def run_executor(settings: Settings, *, once: bool = False, stop_with_stdin: bool = False) -> int:
    """The process. With ``stop_with_stdin`` it ends when its standard input does: the parent died."""
    configure_logging()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if stop_with_stdin:
        await _watch_stdin(stop)
    with open_ledger(settings) as ledger:
        policy, clock = load_policy(settings), open_clock()
        hands = await only_fit(open_hands(settings), policy, clock.now())
        executor = Executor(ledger, hands, policy, clock, settings.desk.lease_seconds)
        if not executor.hands:
            log.error("nothing_to_do", reason="no cluster is in mode `execute` with an executor identity")
            return 1
        log.info("executor_ready", clusters=sorted(executor.hands))
        if once:
            while await executor.work():
                pass
            return 0
        await executor.serve(stop)
    return 0


async def _watch_stdin(stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def watch() -> None:
        await reader.read()
        stop.set()

    task = asyncio.create_task(watch())
    stop_tasks.add(task)
    task.add_done_callback(stop_tasks.discard)


stop_tasks: set[asyncio.Task[None]] = set()
"""Keeps the watcher from being collected while it waits."""


if __name__ == "__main__":
    raise SystemExit(asyncio.run(run_executor(Settings.load(), stop_with_stdin=True)))
