"""One look at a cluster without an incident: gather, detect, conclude. What `opsdesk diagnose` does on the spot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from agent.reasoning.diagnosis import conclude
from knowledge.vocabulary import Alert, Diagnosis, Evidence, Finding, Focus
from tools.collectors.gather import GatherLimits, gather
from tools.contracts import Collector
from tools.detectors.library import DetectorLibrary
from tools.ports import Clock, Cluster


@dataclass(frozen=True)
class Look:
    diagnosis: Diagnosis
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]


async def look(
    cluster: Cluster,
    focus: Focus,
    collectors: Sequence[Collector],
    detectors: DetectorLibrary,
    clock: Clock,
    *,
    limits: GatherLimits | None = None,
    alerts: Sequence[Alert] = (),
) -> Look:
    """The offline diagnosis, stored nowhere. ``alerts`` are those that fire, if any are known. Raises ClusterUnreachable or
    AccessDenied when nothing at all can be read."""
    began = time.perf_counter()
    snapshot = await gather(cluster, focus, clock, collectors, limits or GatherLimits(), alerts=alerts)
    findings = await asyncio.to_thread(detectors.detect, snapshot)
    diagnosis = await asyncio.to_thread(conclude, findings, snapshot, detectors, focus=focus)
    seconds = round(time.perf_counter() - began, 3)
    return Look(diagnosis.model_copy(update={"seconds": seconds}), tuple(findings), tuple(snapshot.cited()))
