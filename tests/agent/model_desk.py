"""The small desk with the real chat-model adapter, over HTTP to a server that says what a test scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knowledge.vocabulary import Diagnosis, Json
from tests.agent.small_desk import (
    BAD,
    NAME,
    NAMESPACE,
    SmallDesk,
    ago,
    heals_with_the_good_image,
    sick_pod,
    small_desk,
)
from tests.fakes.memory_cluster import MemoryCluster, deployment, replica_set
from tests.fakes.openai_server import OpenAIServer
from tools.adapters.chat_model import ModelProfile, OpenAICompatibleModel

POD = "web-hash2-aaaaa"
SILENT: Json = {"ranking": [], "claims": [], "requests": [], "explanation": ""}


def reading(**parts: Any) -> Json:
    """A second reading of the right shape."""
    return {**SILENT, **parts}


@contextmanager
def desk_with(
    folder: Path,
    server: OpenAIServer,
    cluster: MemoryCluster | None = None,
    *,
    timeout_seconds: float = 5.0,
    price: float = 0.0,
    **options: Any,
) -> Iterator[SmallDesk]:
    profile = ModelProfile(
        name="scripted",
        base_url=server.base_url,
        model="scripted-1",
        timeout_seconds=timeout_seconds,
        input_price_per_million=price,
        output_price_per_million=price,
    )
    # A busy machine may take its time until the recovery is seen: no test here is about that.
    patient = {"recovery_seconds": 20.0, **options}
    with small_desk(folder, cluster, model=OpenAICompatibleModel(profile), **patient) as place:
        yield place


def diagnosis_of(place: SmallDesk, incident_id: str) -> Diagnosis:
    diagnosis = place.ledger.diagnoses.latest(incident_id)
    assert diagnosis is not None, place.story(incident_id)
    return diagnosis


async def run(place: SmallDesk, incident_id: str) -> Diagnosis:
    """To the first point where a person is asked, or the end."""
    await place.advance(incident_id)
    await place.settle(incident_id)
    return diagnosis_of(place, incident_id)


def data_of(place: SmallDesk, incident_id: str, stage: str) -> Json:
    """What the last entry of a stage carries."""
    return [entry for entry in place.ledger.timeline.for_incident(incident_id) if entry.stage == stage][-1].data


def asked(server: OpenAIServer, number: int = -1) -> str:
    """Everything that one question to the model said."""
    return "\n".join(str(message["content"]) for message in server.requests[number]["messages"])


def is_for_script(request: Json) -> bool:
    return "remediation scripts" in json.dumps(request)


def saying(script: str, why: str = "it puts the cause right", **parts: Any) -> Callable[[Json], Json]:
    """A model that agrees with the diagnosis and, where a script is wanted, writes this one."""
    return lambda request: {"script": script, "why": why} if is_for_script(request) else reading(**parts)


def without_remedy() -> MemoryCluster:
    """The shop's first release has the wrong tag: there is nothing to roll back to, so no script is known offline."""
    cluster = MemoryCluster(name="lab")
    web = cluster.put(deployment(NAME, NAMESPACE, image=BAD, creationTimestamp=ago(600)))
    cluster.at("Deployment", NAME)["status"] = {"replicas": 2, "updatedReplicas": 2}
    sets = cluster.put(replica_set(web, 1, BAD))
    pod = cluster.put(sick_pod(sets, POD))
    heals_with_the_good_image(cluster, [pod])
    cluster.put(deployment("other", "elsewhere", image="registry.example.com/other:1"))
    return cluster


def api_beside(cluster: MemoryCluster) -> MemoryCluster:
    """A second Deployment whose pod cannot get its image either: two causes that a reader may order."""
    api = cluster.put(deployment("api", NAMESPACE, image=BAD, creationTimestamp=ago(600)))
    cluster.at("Deployment", "api")["status"] = {"replicas": 2, "updatedReplicas": 2}
    pod = sick_pod(cluster.put(replica_set(api, 1, BAD)), "api-hash1-bbbbb")
    cluster.put(pod)
    return cluster
