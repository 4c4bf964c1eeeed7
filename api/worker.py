"""Takes wakes from the ledger and moves incidents through the graph. The ledger decides; a wake only says "look again".

One worker at a time holds an incident (a lease with a fencing token, renewed while it works). A worker that dies loses its
lease and its wakes come back; the graph goes on from its last checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from agent.deps import Deps
from agent.graph import Graph
from agent.state import IncidentState
from knowledge.errors import LeaseLost, LedgerBusy, OpsdeskError, Temporary, UnknownThread
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.values import WakeReason
from knowledge.vocabulary import Incident, IncidentStatus, Text

IDLE_SECONDS = 0.25
EXPIRY_EVERY_SECONDS = 5.0
SWEEP_EVERY_SECONDS = 6 * 3600.0
RUNNING = frozenset(
    {
        IncidentStatus.OPEN,
        IncidentStatus.INVESTIGATING,
        IncidentStatus.AWAITING_APPROVAL,
        IncidentStatus.EXECUTING,
        IncidentStatus.VERIFYING,
    }
)

log = structlog.get_logger("opsdesk.worker")


class IncidentLease:
    """A worker's hold on one incident."""

    def __init__(self, ledger: Ledger, incident_id: str, token: int, seconds: float) -> None:
        self._ledger, self._name, self._token, self._seconds = ledger, f"incident:{incident_id}", token, seconds

    def keep(self) -> None:
        self._ledger.leases.renew(self._name, self._token, self._seconds)

    def release(self) -> None:
        self._ledger.leases.release(self._name, self._token)


class Worker:
    """``width`` incidents at a time. ``nudge()`` makes it look at the ledger at once instead of at its next tick."""

    def __init__(self, graph: Graph, deps: Deps, *, width: int = 4, lease_seconds: float = 20.0) -> None:
        self._graph, self._deps, self._width, self._lease_seconds = graph, deps, width, lease_seconds
        self._holder = f"worker-{uuid.uuid4().hex[:12]}"
        self._nudged = asyncio.Event()
        self._stopping = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        self._nudged.set()

    async def run(self) -> None:
        """Until ``stop()``. A ledger that is away for a while is waited for, not died of."""
        expiry = asyncio.create_task(self._expire_approvals())
        sweep = asyncio.create_task(self._sweep())
        try:
            while not self._stopping.is_set():
                try:
                    claimed = await self._claim()
                except OpsdeskError as error:
                    log.warning("ledger_unavailable", reason=error.message)
                    await asyncio.sleep(2.0)
                    continue
                if not claimed:
                    self._nudged.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._nudged.wait(), IDLE_SECONDS)
        finally:
            expiry.cancel()
            sweep.cancel()
            for task in self._busy:
                task.cancel()
            await asyncio.gather(expiry, sweep, *self._busy, return_exceptions=True)

    async def stop(self) -> None:
        self._stopping.set()
        self._nudged.set()

    async def _claim(self) -> bool:
        room = self._width - len(self._busy)
        if room <= 0:
            await asyncio.wait(self._busy, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            return True
        wakes = await asyncio.to_thread(self._deps.ledger.wakes.claim, self._holder, room, self._lease_seconds)
        for wake in wakes:
            task = asyncio.create_task(self._serve(wake.id, wake.incident_id, wake.reason))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        return bool(wakes)

    async def _serve(self, wake_id: str, incident_id: str, reason: str) -> None:
        """One wake. It is marked done only when the graph has come to rest, so that a death in between brings it back."""
        token = await asyncio.to_thread(
            self._deps.ledger.leases.acquire, f"incident:{incident_id}", self._holder, self._lease_seconds
        )
        if token is None:
            return  # another worker is at it; the wake comes back when its claim runs out
        lease = IncidentLease(self._deps.ledger, incident_id, token, self._lease_seconds)
        beat = asyncio.create_task(self._beat(lease, wake_id))
        try:
            await advance(self._graph, replace(self._deps, lease=lease), incident_id, reason)
            await asyncio.to_thread(self._deps.ledger.wakes.done, wake_id, self._holder)
        except LeaseLost:
            log.warning("lease_lost", incident_id=incident_id)
        except Temporary as error:
            log.warning("wake_again", incident_id=incident_id, reason=error.message)
        except OpsdeskError as error:
            log.warning("wake_failed", incident_id=incident_id, reason=error.message)
            await self._give_up(wake_id, incident_id, error)
        except Exception as error:
            log.exception("wake_bug", incident_id=incident_id)
            await self._give_up(wake_id, incident_id, error)
        finally:
            beat.cancel()
            with contextlib.suppress(OpsdeskError):
                await asyncio.to_thread(lease.release)

    async def _give_up(self, wake_id: str, incident_id: str, error: Exception) -> None:
        """What trying again would not mend is handed to a person, once."""
        title = error.title if isinstance(error, OpsdeskError) else f"a bug in opsdesk: {type(error).__name__}"
        step = error.next_step if isinstance(error, OpsdeskError) else "report it"
        told = f"{title}: {error}"[:400] + (f" ({step})" if step else "")
        reason = Text(en=told, zh=f"需要人工处理：{told}")
        ledger = self._deps.ledger
        with contextlib.suppress(OpsdeskError):  # an incident that has ended keeps its end
            await asyncio.to_thread(ledger.incidents.set_status, incident_id, IncidentStatus.HANDED_OVER, reason)
            await asyncio.to_thread(ledger.timeline.add, incident_id, "hand_over", "opsdesk", reason, {})
        with contextlib.suppress(OpsdeskError):
            await asyncio.to_thread(ledger.wakes.done, wake_id, self._holder)

    async def _beat(self, lease: IncidentLease, wake_id: str) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            with contextlib.suppress(LedgerBusy):
                await asyncio.to_thread(lease.keep)
                await asyncio.to_thread(self._deps.ledger.wakes.renew, wake_id, self._holder, self._lease_seconds)

    async def _expire_approvals(self) -> None:
        """Every wait ends: an approval that waited too long is a no, an undo that nobody took is a person's; either wakes its
        incident."""
        while True:
            with contextlib.suppress(OpsdeskError):
                ledger, patience = self._deps.ledger, self._deps.options.executor_wait_seconds
                expired = await asyncio.to_thread(ledger.approvals.expire_due)
                given_up = await asyncio.to_thread(ledger.executions.expire_waits, patience)
                if expired or given_up:
                    self.nudge()
            await asyncio.sleep(EXPIRY_EVERY_SECONDS)

    async def _sweep(self) -> None:
        """Forgets old evidence of ended incidents, raw deliveries and old conversations, as the settings say."""
        while True:
            before = self._deps.clock.now() - timedelta(days=self._deps.options.evidence_days)
            with contextlib.suppress(OpsdeskError):
                await asyncio.to_thread(self._deps.ledger.evidence.sweep, before)
                await asyncio.to_thread(self._deps.ledger.alerts.sweep_deliveries, before)
                await asyncio.to_thread(self._deps.ledger.conversations.sweep, before)
            await asyncio.sleep(SWEEP_EVERY_SECONDS)


async def advance(graph: Graph, deps: Deps, incident_id: str, reason: str) -> None:
    """Moves one incident as far as it goes now: a fresh run, a resume from an interrupt, or on from a crash.

    A run that has ended is not started again by a mere wake; reopening starts the next run in a thread of its own.
    """
    incident = await asyncio.to_thread(deps.ledger.incidents.get, incident_id)
    if incident.status in {IncidentStatus.CLOSED, IncidentStatus.MERGED}:
        return
    run = await asyncio.to_thread(current_run, deps.ledger, incident_id)
    config: Any = {"configurable": {"thread_id": f"{incident_id}:{run}"}, "recursion_limit": 60}
    state = await graph.aget_state(config)
    if not state.values and not state.next:
        await _start(graph, deps, incident, run, config)
    elif state.interrupts:
        from langgraph.types import Command

        await graph.ainvoke(Command(resume=reason), config, context=deps, durability="sync")
    elif state.tasks:
        # Not `state.next`: it leaves out a node that had finished when the process died before the checkpoint behind it.
        await graph.ainvoke(None, config, context=deps, durability="sync")
    elif reason == WakeReason.ALERTS_RESOLVED and deps.options.closes_when_resolved:
        await _close(deps, incident)


async def _close(deps: Deps, incident: Incident) -> None:
    """The source says that it is over, and so do we: nobody has to tidy up. What a person has in hand is theirs."""
    if incident.status in {IncidentStatus.RESOLVED, IncidentStatus.ANSWERED}:
        await asyncio.to_thread(deps.ledger.incidents.close, incident.id, "opsdesk", "every alert of it is resolved")


async def _start(graph: Graph, deps: Deps, incident: Incident, run: int, config: Any) -> None:
    """Begins a run of an incident that waits for one. One that had begun and whose thread is gone is an error, not a
    new run: what it had done, nobody could tell."""
    if incident.status is not IncidentStatus.OPEN:
        raise UnknownThread(
            f"incident {incident.id} is {incident.status.value}, and its checkpoints are gone",
            next_step="look at its timeline, then reopen it to begin again",
        )
    start: IncidentState = {"incident_id": incident.id, "run": run}
    await graph.ainvoke(start, config, context=deps, durability="sync")


def current_run(ledger: Ledger, incident_id: str) -> int:
    """1, and one more for each time the incident was reopened: read from its timeline, the one record of both."""
    return 1 + ledger.timeline.count(incident_id, "reopen")
