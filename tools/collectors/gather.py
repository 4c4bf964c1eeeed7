"""Gathers once per incident: all collectors, side by side as their needs allow, within a deadline. Never raises for what
could not be read: each failure is a gap that the diagnosis shows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from knowledge.errors import BadInput, OpsdeskError
from knowledge.vocabulary import Alert, Focus, Gap, Json
from tools.collectors.reading import gap_of
from tools.collectors.unreachable import UnreachableReader
from tools.contracts import Collector, Gathered
from tools.cycle_rest import keep_apart
from tools.ports import Clock, Cluster
from tools.snapshot import ClusterSnapshot

_log = structlog.get_logger(__name__)

LARGE_SNAPSHOT = 2_000
"""From so many objects on, the interpreter's cycle collector is kept off them."""


@dataclass(frozen=True, slots=True)
class GatherLimits:
    deadline_seconds: float = 30.0
    concurrency: int = 8
    """Collectors at a time; each keeps its own bounds on requests, objects and bytes."""
    probe_seconds: float = 6.0
    """How long the cluster may take to say its version before it counts as unreachable."""


async def gather(
    cluster: Cluster,
    focus: Focus,
    clock: Clock,
    collectors: Sequence[Collector],
    limits: GatherLimits,
    *,
    alerts: Sequence[Alert] = (),
) -> ClusterSnapshot:
    """One look at the cluster. ``alerts`` (the incident's own) stand in the snapshot beside what was read."""
    taken_at = clock.now()
    cluster, probe_gaps = await _probed(cluster, limits)
    run = _Run(cluster, focus, clock, {collector.id: collector for collector in collectors}, limits)
    await run.all()
    gaps = _distinct([gap for part in run.parts.values() for gap in part.gaps], probe_gaps)
    snapshot = ClusterSnapshot(
        cluster.name,
        focus,
        taken_at,
        objects=[item for part in run.parts.values() for item in part.objects],
        logs=[log for part in run.parts.values() for log in part.logs],
        metrics=[metric for part in run.parts.values() for metric in part.metrics],
        alerts=alerts,
        gaps=gaps,
    )
    if snapshot.size >= LARGE_SNAPSHOT:
        keep_apart(snapshot)
    return snapshot


async def _probed(cluster: Cluster, limits: GatherLimits) -> tuple[Cluster, list[Gap]]:
    """One cheap question first, so that a dead cluster costs seconds and tells one gap, not one for each list."""
    try:
        async with asyncio.timeout(limits.probe_seconds):
            await cluster.reader.version()
    except (OpsdeskError, TimeoutError) as error:
        gap = gap_of("cluster", f"reach cluster {cluster.name}", error)
        return replace(cluster, reader=UnreachableReader(cluster.name, gap)), [gap]
    return cluster, []


class _Run:
    def __init__(
        self, cluster: Cluster, focus: Focus, clock: Clock, collectors: Mapping[str, Collector], limits: GatherLimits
    ) -> None:
        for collector in collectors.values():
            if missing := [need for need in collector.needs if need not in collectors]:
                raise BadInput(f"collector {collector.id} needs {', '.join(missing)}, which is not enabled")
        self.parts: dict[str, Gathered] = {}
        self._cluster = cluster
        self._focus = focus
        self._clock = clock
        self._collectors = collectors
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._done = {name: asyncio.Event() for name in collectors}

    async def all(self) -> None:
        until = asyncio.get_running_loop().time() + self._limits.deadline_seconds
        await asyncio.gather(*(self._one(collector, until) for collector in self._collectors.values()))
        self.parts = {name: self.parts[name] for name in self._collectors}

    async def _one(self, collector: Collector, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                for need in collector.needs:
                    await self._done[need].wait()
                async with self._slots:
                    so_far: list[Json] = [item for need in collector.needs for item in self.parts[need].objects]
                    self.parts[collector.id] = await collector.collect(self._cluster, self._focus, so_far, self._clock)
        except TimeoutError:
            reason = f"not finished within {self._limits.deadline_seconds:g} seconds"
            self._fail(collector, Gap(source=collector.id, query="all", reason=reason, next_step="look again"))
        except OpsdeskError as error:
            self._fail(collector, gap_of(collector.id, "all", error))
        except Exception as error:  # noqa: BLE001 - a broken plug-in must not take the diagnosis with it; it is logged and shown
            _log.exception("collector_failed", collector=collector.id, cluster=self._cluster.name)
            reason = f"the collector failed: {type(error).__name__}: {error}"
            self._fail(collector, Gap(source=collector.id, query="all", reason=reason, next_step="see the desk's log"))
        finally:
            self._done[collector.id].set()

    def _fail(self, collector: Collector, gap: Gap) -> None:
        self.parts[collector.id] = Gathered(gaps=[gap])


def _distinct(gaps: Sequence[Gap], probed: Sequence[Gap]) -> list[Gap]:
    """Each gap once; of a cluster that is down the one gap says everything."""
    down = {gap.reason for gap in probed}
    return [*probed, *dict.fromkeys(gap for gap in gaps if gap.reason not in down)]
