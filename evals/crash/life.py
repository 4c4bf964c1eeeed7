"""One life of a desk: opened from what lies on the disk, worker and executor together, until its incident has come to rest.

The ledger, the checkpoints, the graph, the executor and the API client are the real ones. Only time is driven: a wait is
stepped over, and every life begins long after the lease of the one before has lapsed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evals.crash.fuse import Fuse, Fused
from evals.crash.wire import fuse_the_wire
from knowledge.errors import OpsdeskError
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Case,
    Decision,
    ExecutionStatus,
    IncidentStatus,
    Json,
    Language,
    Mode,
    Passage,
    RecalledCase,
    Role,
    Scope,
    Severity,
    Ticket,
)

CLUSTER = "practice"
TICKET = "tkt-crash"
LIFE_SECONDS = 25.0
LEASE_SECONDS, LATER_SECONDS = 1_000.0, 5_000.0
"""A successor begins so much later that every lease of the dead has lapsed."""
AT_REST = frozenset(
    {IncidentStatus.RESOLVED, IncidentStatus.HANDED_OVER, IncidentStatus.ANSWERED, IncidentStatus.CLOSED}
)
RUNNING = frozenset(
    {ExecutionStatus.REQUESTED, ExecutionStatus.RUNNING, ExecutionStatus.UNDO_REQUESTED, ExecutionStatus.UNDOING}
)


@dataclass(frozen=True)
class Order:
    """What one life is told. ``folder`` holds the ledger, the checkpoints and the kubeconfig; ``at`` is where it dies."""

    folder: Path
    script: str
    number: int
    at: int
    ledger_url: str = ""
    name: str = ""
    nth: int = 0

    @property
    def url(self) -> str:
        return self.ledger_url or f"sqlite:///{self.folder / 'ledger.db'}"

    @property
    def told(self) -> Path:
        return self.folder / f"moments-{self.number}"

    @property
    def outcome(self) -> Path:
        return self.folder / "outcome.json"


class DrivenClock:
    """The real time, and what was slept on top of it."""

    def __init__(self, ahead_seconds: float) -> None:
        self._ahead = timedelta(seconds=ahead_seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def sleep(self, seconds: float) -> None:
        brief = min(seconds, 0.01)
        await asyncio.sleep(brief)
        self._ahead += timedelta(seconds=seconds - brief)


class NoLibrary:
    """A plan that a person ordered needs no case."""

    def recall(self, faults: Sequence[str], alerts: Sequence[str], services: Sequence[str]) -> list[RecalledCase]:
        del faults, alerts, services
        return []

    def case(self, case_id: str) -> Case | None:
        del case_id
        return None

    def search(
        self, text: str, *, limit: int = 10, collections: Sequence[str] = ("cases", "documents")
    ) -> list[RecalledCase | Passage]:
        del text, limit, collections
        return []


async def live(order: Order) -> None:
    """Lives until the incident rests, and writes down what became of it. Dies before that where the fuse is set."""
    fuse = Fuse(order.at, order.told, order.name, order.nth)
    clock = DrivenClock(order.number * LATER_SECONDS)
    with Ledger.open(order.url, clock.now, busy_seconds=30.0) as ledger:
        _open_ticket(ledger, order.script, clock.now())
        _fuse_ledger(ledger, fuse)
        async with _running(order, ledger, clock, fuse):
            await asyncio.wait_for(_until_rest(ledger, clock.now), LIFE_SECONDS)
            order.outcome.write_text(json.dumps(_told(ledger)), encoding="utf-8")
            os._exit(0)  # nothing is left to do: whatever the end of a process would still do must not matter


def _open_ticket(ledger: Ledger, script: str, at: datetime) -> None:
    for name, roles in (("alice", (Role.APPROVER,)), ("carol", (Role.APPROVER,)), ("bob", (Role.RESPONDER,))):
        with contextlib.suppress(OpsdeskError):
            ledger.principals.add(name, [Role.VIEWER, *roles], Scope())
    ticket = Ticket(
        id=TICKET, requester="bob", text=f"please run this:\n```\n{script}```", language=Language.EN,
        cluster=CLUSTER, opened_at=at,
    )  # fmt: skip
    ledger.tickets.open(ticket, "a change", Severity.MEDIUM)


def _fuse_ledger(ledger: Ledger, fuse: Fuse) -> None:
    parts: Any = ledger
    claims, wakes = ledger.executions.claim_next, ledger.wakes.claim
    parts.executions = Fused(ledger.executions, fuse, "request", "record_intent", "record_result", "finish")
    parts.approvals = Fused(ledger.approvals, fuse, "ask", "vote")
    parts.plans = Fused(ledger.plans, fuse, "put")
    parts.reviews = Fused(ledger.reviews, fuse, "put")
    parts.rehearsals = Fused(ledger.rehearsals, fuse, "finish")
    parts.wakes = Fused(ledger.wakes, fuse, "done")
    parts.verifications = Fused(ledger.verifications, fuse, "put")
    parts.leases = Fused(ledger.leases, fuse, "acquire")
    parts.executions.claim_next = _only_when_claimed("claim_next", claims, fuse)
    parts.wakes.claim = _only_when_claimed("claim", wakes, fuse)


def _only_when_claimed(name: str, claims: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    """Who looks for work and finds none has no moment: how often that is, is chance."""

    def claim(*given: Any, **more: Any) -> Any:
        claimed = claims(*given, **more)
        if claimed:
            fuse.moment(f"after {name}")
        return claimed

    return claim


@asynccontextmanager
async def _running(order: Order, ledger: Ledger, clock: DrivenClock, fuse: Fuse) -> AsyncIterator[None]:
    import agent.graph
    from api import bootstrap, executor, worker
    from api.settings import Settings

    executor.IDLE_SECONDS = worker.IDLE_SECONDS = 0.02
    settings = Settings(home=order.folder, ledger_url=order.ledger_url)
    nodes: Any = agent.graph
    guarded = nodes.guarded

    def fused(stage: str, node: Any) -> Any:
        return fuse.around_async(f"node {stage}", guarded(stage, node))

    async with bootstrap.open_checkpointer(settings) as saver:
        keeps: Any = saver
        keeps.aput = fuse.around_async("checkpoint", saver.aput)
        nodes.guarded = _named(fused)
        graph = agent.graph.build_graph(saver)
        hands = _hands(order.folder)
        deps = _deps(ledger, clock, hands)
        fuse_the_wire(fuse)
        works = worker.Worker(graph, deps, width=1, lease_seconds=LEASE_SECONDS)
        executes = executor.Executor(ledger, {CLUSTER: hands}, deps.policy, clock, LEASE_SECONDS)
        executes.announce()
        stop = asyncio.Event()
        tasks = [asyncio.create_task(works.run()), asyncio.create_task(executes.serve(stop))]
        yield
        stop.set()
        await works.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


def _named(fused: Any) -> Any:
    def with_name(stage: str, node: Any) -> Any:
        async def run(state: Any, *, runtime: Any) -> Any:
            return await call(state, runtime=runtime)

        call = fused(stage, node)
        run.__name__ = stage
        return run

    return with_name


def _hands(folder: Path) -> Any:
    from api.bootstrap import open_reader, open_writer
    from api.hands import Hands
    from api.rights import Fitness
    from api.settings import ClusterSettings

    kubeconfig = folder / "kubeconfig"
    one = ClusterSettings(
        name=CLUSTER, kubeconfig=kubeconfig, executor_kubeconfig=kubeconfig, mode=Mode.EXECUTE,
        accept_broad_rights=True, request_timeout_seconds=10.0,
    )  # fmt: skip
    # Rights are looked at in other tests: here a hundred questions would only make every life longer.
    return Hands(
        one, open_reader(one), open_writer(one), fitness=Fitness(), checked_at=datetime.max.replace(tzinfo=UTC)
    )


def _deps(ledger: Ledger, clock: DrivenClock, hands: Any) -> Any:
    from agent.deps import Deps, Options
    from evals.crash.warm import collectors, detectors, policy
    from tools.ports import Cluster

    far = 1e7
    options = Options(
        soak_seconds=0.02, recovery_seconds=2.0, verify_every_seconds=0.01, approval_wait_seconds=far,
        approval_hold_seconds=far, executor_wait_seconds=far,
    )  # fmt: skip
    return Deps(
        ledger=ledger,
        library=NoLibrary(),
        clusters={CLUSTER: Cluster(CLUSTER, hands.reader, None, Mode.EXECUTE)},
        collectors=collectors(),
        detectors=detectors(),
        policy=policy(),
        clock=clock,
        options=options,
    )


async def _until_rest(ledger: Ledger, ledger_now: Callable[[], datetime]) -> None:
    """People decide as soon as they are asked; then it is only looked on."""
    while True:
        incident = (await asyncio.to_thread(ledger.incidents.list, Scope()))[0]
        if incident.status is IncidentStatus.AWAITING_APPROVAL:
            await asyncio.to_thread(_vote, ledger)
        executions = await asyncio.to_thread(ledger.executions.for_incident, incident.id)
        if incident.status in AT_REST and not any(one.status in RUNNING for one in executions):
            wakes = await asyncio.to_thread(ledger.wakes.waiting, incident.id)
            if all(wake.due_at > ledger_now() for wake in wakes):
                return
        await asyncio.sleep(0.01)


def _vote(ledger: Ledger) -> None:
    voters = [one for one in ledger.principals.list() if one.may(Role.APPROVER)]
    for request in ledger.approvals.waiting(Scope()):
        for voter in voters:
            with contextlib.suppress(OpsdeskError):  # has voted in an earlier life, or it is decided
                ledger.approvals.vote(request.id, voter, Decision.APPROVE, "yes", request.digest, 1e7)


def _told(ledger: Ledger) -> Json:
    """What the ledger says of it, for the comparison with the cluster's own log."""
    incident = ledger.incidents.list(Scope())[0]
    executions = ledger.executions.for_incident(incident.id)
    reviews = [ledger.reviews.get(one.review_id) for one in executions]
    return {
        "incident": {"status": incident.status.value, "reason": incident.reason},
        "executions": [one.model_dump(mode="json") for one in executions],
        "steps": [step.model_dump(mode="json") for review in reviews for step in review.steps],
        "timeline": [f"{e.stage}: {e.summary.en}" for e in ledger.timeline.for_incident(incident.id)],
    }
