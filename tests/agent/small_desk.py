"""A whole desk in one process: real ledger, graph, detectors, review and executor over a cluster in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from agent.deps import Deps, Options
from agent.graph import Graph, build_graph
from api.bootstrap import open_collectors
from api.executor import Executor
from api.hands import Hands
from api.settings import ClusterSettings
from api.worker import advance
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Alert,
    ApiRequest,
    Case,
    Decision,
    Incident,
    Json,
    Language,
    Mode,
    Passage,
    Principal,
    RecalledCase,
    Role,
    Scope,
    Severity,
    Ticket,
)
from tests.fakes.memory_cluster import MemoryCluster, deployment, owned_by, replica_set
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary
from tools.ports import ChatModel, Clock, Cluster
from tools.safety.policy import Policy

NAMESPACE, NAME = "shop", "web"
READY = {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 2}
GOOD, BAD = "registry.example.com/shop/web:1", "registry.example.com/shop/web:2-typo"


class RunningClock:
    """The real time, and sleeps that only let others run."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


@dataclass
class NoLibrary:
    """Knows what it is given: a stand-in for the search, not for the cases."""

    recalled: list[RecalledCase] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    found: list[RecalledCase | Passage] = field(default_factory=list)

    def recall(self, faults: Sequence[str], alerts: Sequence[str], services: Sequence[str]) -> list[RecalledCase]:
        del faults, alerts, services
        return self.recalled

    def case(self, case_id: str) -> Case | None:
        return self.cases.get(case_id)

    def search(
        self, text: str, *, limit: int = 10, collections: Sequence[str] = ("cases", "documents")
    ) -> list[RecalledCase | Passage]:
        del text, collections
        return self.found[:limit]


def ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def sick_pod(owner: Json, name: str) -> Json:
    """A pod of a new release whose image does not exist."""
    message = f'Back-off pulling image "{BAD}": ErrImagePull: manifest for {BAD} not found: manifest unknown'
    waiting = {"reason": "ImagePullBackOff", "message": message}
    status = {
        "name": "app",
        "ready": False,
        "restartCount": 0,
        "image": BAD,
        "imageID": "",
        "state": {"waiting": waiting},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"app": NAME},
            "creationTimestamp": ago(3),
            "ownerReferences": owned_by(owner),
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": BAD}]},
        "status": {"phase": "Pending", "startTime": ago(3), "containerStatuses": [status]},
    }


def shop(*, is_sick: bool = True) -> MemoryCluster:
    """A Deployment whose second revision has a wrong image tag. A rollback heals it, as a controller would."""
    cluster = MemoryCluster(name="lab")
    web = cluster.put(deployment(NAME, NAMESPACE, image=BAD if is_sick else GOOD, creationTimestamp=ago(600)))
    sets = [cluster.put(replica_set(web, 1, GOOD))]
    cluster.at("Deployment", NAME, NAMESPACE)["status"] = {**READY, "readyReplicas": 1} if is_sick else READY
    if is_sick:
        sets.append(cluster.put(replica_set(web, 2, BAD)))
        sets[-1]["metadata"]["creationTimestamp"] = ago(4)
        pods = [cluster.put(sick_pod(sets[-1], "web-hash2-aaaaa"))]

        heals_with_the_good_image(cluster, pods)
    return cluster


def heals_with_the_good_image(cluster: MemoryCluster, pods: Sequence[Json]) -> None:
    """What a controller would do once the template names the image that exists: the sick pods go, the workload is ready."""

    def heal(request: ApiRequest, number: int) -> str:
        del number
        if request.path.endswith(f"/deployments/{NAME}") and GOOD in str(request.body):
            for one in pods:
                cluster.objects.pop(f"/api/v1/namespaces/{NAMESPACE}/pods/{one['metadata']['name']}", None)
            cluster.at("Deployment", NAME, NAMESPACE)["status"] = READY
        return ""

    cluster.mischief = heal


@dataclass
class SmallDesk:
    cluster: MemoryCluster
    ledger: Ledger
    deps: Deps
    graph: Graph
    executor: Executor
    people: dict[str, Principal]

    def alert(self, name: str = "KubePodImagePullFailing", status: str = "firing") -> str:
        one = Alert(
            source="alertmanager",
            fingerprint=f"fp-{name}",
            status=status,  # type: ignore[arg-type]
            name=name,
            severity=Severity.HIGH,
            cluster="lab",
            namespace=NAMESPACE,
            service=NAME,
            starts_at=datetime.now(UTC),
        )
        return self.ledger.alerts.receive(uuid.uuid4().hex, "alertmanager", b"{}", [one])[0].incident_id

    def ticket(self, text: str, who: str = "bob") -> str:
        ticket = Ticket(
            id=uuid.uuid4().hex,
            requester=self.people[who].id,
            text=text,
            language=Language.EN,
            cluster="lab",
            opened_at=datetime.now(UTC),
        )
        return self.ledger.tickets.open(ticket, text[:80], Severity.MEDIUM).id

    async def advance(self, incident_id: str, reason: str = "opened") -> Incident:
        await advance(self.graph, self.deps, incident_id, reason)
        return self.ledger.incidents.get(incident_id)

    async def settle(self, incident_id: str) -> Incident:
        """Lets executor and graph go on until nothing of them can: a person, or the end."""
        while await self.executor.work():
            await self.advance(incident_id, "executor")
        return self.ledger.incidents.get(incident_id)

    def decide(self, incident_id: str, decision: Decision = Decision.APPROVE, who: str = "alice") -> None:
        (waiting,) = [one for one in self.ledger.approvals.waiting(Scope()) if one.incident_id == incident_id]
        self.ledger.approvals.vote(waiting.id, self.people[who], decision, "because", waiting.digest, 900)

    def stages(self, incident_id: str) -> list[str]:
        return [entry.stage for entry in self.ledger.timeline.for_incident(incident_id)]

    def story(self, incident_id: str) -> str:
        return "\n".join(f"{e.stage}: {e.summary.en}" for e in self.ledger.timeline.for_incident(incident_id))


@cache
def empty_ledger() -> bytes:
    """A migrated ledger as a file's content: the migrations themselves are the ledger's own tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.upgrade(f"sqlite:///{path}")
        return path.read_bytes()


@contextmanager
def small_desk(
    folder: Path,
    cluster: MemoryCluster | None = None,
    *,
    model: ChatModel | None = None,
    mode: Mode = Mode.EXECUTE,
    library: NoLibrary | None = None,
    detectors: DetectorLibrary | None = None,
    clock: Clock | None = None,
    **options: Any,
) -> Iterator[SmallDesk]:
    cluster = cluster or shop()
    path = folder / "ledger.db"
    path.write_bytes(empty_ledger())
    url = f"sqlite:///{path}"
    clock = clock or RunningClock()
    with Ledger.open(url, clock.now) as ledger:
        quick = {"soak_seconds": 0.02, "recovery_seconds": 20.0, "verify_every_seconds": 0.01, **options}
        deps = Deps(
            ledger=ledger,
            library=library or NoLibrary(),
            clusters={"lab": Cluster("lab", cluster, None, mode)},
            collectors=open_collectors(),
            detectors=detectors or shared_library(),
            policy=Policy.load(None),
            clock=clock,
            options=Options(**quick),
            model=model,
        )
        settings = ClusterSettings(name="lab", mode=mode)
        executor = Executor(ledger, {"lab": Hands(settings, cluster, cluster)}, deps.policy, clock)
        executor.announce()
        people = {
            "alice": ledger.principals.add("alice", [Role.VIEWER, Role.APPROVER], Scope()),
            "bob": ledger.principals.add("bob", [Role.VIEWER, Role.RESPONDER], Scope()),
        }
        yield SmallDesk(cluster, ledger, deps, build_graph(InMemorySaver()), executor, people)
