"""What the nodes are given: one frozen value of ports and rules, the LangGraph context. Built by ``api.bootstrap``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from knowledge.errors import UnknownCluster
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Case, Language, Mode, Passage, RecalledCase
from tools.collectors.gather import GatherLimits
from tools.contracts import Collector
from tools.detectors.library import DetectorLibrary
from tools.ports import ChatModel, Clock, Cluster
from tools.safety.policy import Policy
from tools.snapshot import ClusterSnapshot


class Recall(Protocol):
    """The library, as the graph uses it."""

    def recall(self, faults: Sequence[str], alerts: Sequence[str], services: Sequence[str]) -> list[RecalledCase]: ...

    def case(self, case_id: str) -> Case | None: ...

    def search(
        self, text: str, *, limit: int = 10, collections: Sequence[str] = ("cases", "documents")
    ) -> list[RecalledCase | Passage]: ...


class Lease(Protocol):
    """The worker's hold on the incident. ``keep`` raises LeaseLost when another worker has it now."""

    def keep(self) -> None: ...


@dataclass(frozen=True)
class Options:
    """Times and bounds of a run. The defaults suit production; the demo and the tests shorten the waits."""

    language: Language = Language.EN
    """Of incidents that alerts opened."""
    closes_when_resolved: bool = True
    """A resolved or answered incident is closed when every alert of it is resolved. What a person has in hand stays."""
    node_timeout_seconds: float = 120.0
    soak_seconds: float = 60.0
    """How long a symptom has to stay gone before the recovery counts."""
    recovery_seconds: float = 300.0
    """How long a symptom may take to go away after the execution."""
    verify_every_seconds: float = 5.0
    approval_wait_seconds: float = 4 * 3600
    approval_hold_seconds: float = 15 * 60
    executor_wait_seconds: float = 15 * 60
    """How long an execution may wait for an executor, at its beginning and in its middle, before a human is told."""
    manual_steps_wait_seconds: float = 24 * 3600
    """How long after the last tick the next manual step may wait for its own."""
    window_seconds: float = 3600.0
    """How far before the alert the evidence reaches."""
    evidence_days: float = 90.0
    maximum_rounds: int = 3
    model_token_budget: int = 60_000
    model_cost_budget: float = 1.0
    limits: GatherLimits = field(default_factory=GatherLimits)


class SnapshotShelf:
    """The last few snapshots, so that detect judges what collect gathered. Losing one only means gathering again."""

    def __init__(self, capacity: int = 8) -> None:
        self._kept: OrderedDict[str, ClusterSnapshot] = OrderedDict()
        self._capacity = capacity

    def put(self, incident_id: str, snapshot: ClusterSnapshot) -> None:
        self._kept[incident_id] = snapshot
        self._kept.move_to_end(incident_id)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def get(self, incident_id: str) -> ClusterSnapshot | None:
        return self._kept.get(incident_id)

    def drop(self, incident_id: str) -> None:
        self._kept.pop(incident_id, None)


@dataclass(frozen=True)
class Deps:
    """Ports, rules and bounds. ``lease`` is the one of the incident at hand; the worker fills it in."""

    ledger: Ledger
    library: Recall
    clusters: Mapping[str, Cluster]
    collectors: Sequence[Collector]
    detectors: DetectorLibrary
    policy: Policy
    clock: Clock
    options: Options = field(default_factory=Options)
    model: ChatModel | None = None
    snapshots: SnapshotShelf = field(default_factory=SnapshotShelf)
    lease: Lease | None = None

    def cluster(self, name: str) -> Cluster:
        try:
            return self.clusters[name]
        except KeyError:
            known = ", ".join(sorted(self.clusters)) or "none"
            raise UnknownCluster(
                f"no cluster named {name!r} is configured (configured: {known})",
                next_step="add it under `clusters` in the settings, or correct the alert's `cluster` label",
            ) from None

    def mode(self, name: str) -> Mode:
        return self.cluster(name).mode
