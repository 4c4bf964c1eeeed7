"""A model's typed requests for evidence: three rounds, within scope, never a Secret, and no secret in any question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.deps import Deps
from knowledge.vocabulary import Gap, IncidentStatus, Json, Role, Scope
from tests.agent.model_desk import POD, asked, desk_with, reading, run
from tests.agent.small_desk import NAME, NAMESPACE, SmallDesk, ago, shop
from tests.fakes.memory_cluster import MemoryCluster
from tests.fakes.openai_server import OpenAIServer, openai_server
from tools.ports import Cluster, Series

__all__ = ["openai_server"]

PASSWORD = "hunter2-Correct-Horse"
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123"


def want(kind: str, object_kind: str = "", name: str = "", namespace: str = NAMESPACE, **more: Any) -> Json:
    return {"kind": kind, "object_kind": object_kind, "namespace": namespace, "name": name, "why": "to decide", **more}


LOGS, OBJECT = want("logs", name=POD), want("object", "pod", POD)


class TalkingCluster(MemoryCluster):
    """Whose pods have logs; ``asked`` is whose were read."""

    def __init__(self) -> None:
        super().__init__(name="lab")
        self.objects = shop().objects
        self.asked: list[str] = []

    async def logs(self, namespace: str, pod: str, container: str, **options: Any) -> str:
        self.asked.append(f"{namespace}/{pod}")
        return f"starting\nDB_PASSWORD={PASSWORD}\nusing {TOKEN}\nboth are bound by the night watch\n"


def requests_gaps(gaps: Sequence[Gap]) -> list[str]:
    return [gap.reason for gap in gaps if gap.source == "request"]


async def gaps_after(server: OpenAIServer, folder: Path, requests: list[Any], who: str = "", **more: Any) -> list[str]:
    """What a round of these requests leaves open; the incident always goes on to where it would have gone."""
    server.say_json(reading(requests=requests))
    server.answer_with(lambda _: reading())
    with desk_with(folder, server, **more) as place:
        incident_id = place.ticket("web does not start in namespace shop", who) if who else place.alert()
        diagnosis = await run(place, incident_id)
        assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL, place.story(
            incident_id
        )
        assert diagnosis.chosen is not None
        assert diagnosis.chosen.object.name == NAME
        return requests_gaps(diagnosis.gaps)


async def test_what_was_asked_for_is_in_the_next_question(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.say_json(reading(requests=[LOGS, OBJECT]))
    openai_server.say_json(reading())
    with desk_with(tmp_path, openai_server, TalkingCluster()) as place:
        incident_id = place.alert()
        diagnosis = await run(place, incident_id)
        assert "night watch" not in asked(openai_server, 0)
        assert "night watch" in asked(openai_server, 1)
        assert requests_gaps(diagnosis.gaps) == []
        assert "The model asks for 2 more pieces of evidence" in place.story(incident_id)
        assert "Round 2: 2 requested pieces of evidence" in place.story(incident_id)
        stored = {item.query for item in place.ledger.evidence.for_incident(incident_id)}
        assert f"logs {NAMESPACE}/{POD}" in stored, "what a model was shown can be looked up"


async def test_three_rounds_are_served_and_a_fourth_is_not(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.answer_with(lambda _: reading(requests=[LOGS]))
    cluster = TalkingCluster()
    with desk_with(tmp_path, openai_server, cluster) as place:
        incident_id = place.alert()
        await run(place, incident_id)
        assert len(openai_server.requests) == 4
        assert "No further evidence can be had" not in asked(openai_server, 2)
        assert "No further evidence can be had" in asked(openai_server, 3)
        assert "Round 4: 1" in place.story(incident_id)
        assert "Round 5" not in place.story(incident_id)
        assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL


async def test_events_of_a_gone_object_can_be_read(openai_server: OpenAIServer, tmp_path: Path) -> None:
    cluster = shop()
    about = {"kind": "Pod", "name": "web-gone", "namespace": NAMESPACE}
    cluster.put(
        {
            "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Evicted", "involvedObject": about,
            "message": "the node was low on tapestry", "lastTimestamp": ago(2),
            "metadata": {"name": "e1", "namespace": NAMESPACE},
        }
    )  # fmt: skip
    openai_server.say_json(reading(requests=[want("events", "Pod", "web-gone")]))
    openai_server.answer_with(lambda _: reading())
    with desk_with(tmp_path, openai_server, cluster) as place:
        assert requests_gaps((await run(place, place.alert())).gaps) == []
        assert "low on tapestry" in asked(openai_server)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (want("object", "secret", "db"), "Secrets are never read"),
        (want("events", "secrets", "db"), "Secrets are never read"),
        (want("object", "Unicorn", "u"), "the cluster knows no kind 'Unicorn'"),
        (want("object", "pod", "no-such-pod"), "not found"),
        (want("object", "pod", "x/../../secrets/db"), "is no name"),
        (want("object", "node", "n1/proxy/logs", namespace=""), "is no name"),
        (want("logs", name=POD, namespace="shop/pods/x?y="), "is no namespace"),
        (want("object", "pod", POD, namespace=""), "names no namespace"),
        (want("logs"), "the request names no name"),
        (want("metric", query="up"), "has no metrics configured"),
        (want("metric", query="x" * 2_000), "at most 1000 printable characters"),
        (want("exec", name=POD), "no evidence of the kind 'exec'"),
        ({**OBJECT, "namespace": ["shop"]}, "is no namespace"),
        ({"kind": 7, "name": {"a": 1}}, "no evidence of the kind '7'"),
        ({}, "no evidence of the kind ''"),
        ({"approve": True}, "no evidence of the kind ''"),
    ],
)
async def test_a_request_that_cannot_be_served_is_a_gap(
    request_: Json, reason: str, openai_server: OpenAIServer, tmp_path: Path
) -> None:
    cluster = shop()
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": NAMESPACE},
            "data": {"p": PASSWORD},
        }
    )
    (gap,) = await gaps_after(openai_server, tmp_path, [request_], cluster=cluster)
    assert reason in gap
    assert PASSWORD not in str(openai_server.requests)


async def test_the_sixth_request_of_a_round_is_a_gap(openai_server: OpenAIServer, tmp_path: Path) -> None:
    cluster = TalkingCluster()
    (gap,) = await gaps_after(openai_server, tmp_path, [LOGS] * 9, cluster=cluster)
    assert gap == "a round serves 5 requests"


class SomeMetrics:
    def __init__(self) -> None:
        self.queries: list[str] = []

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]:
        self.queries.append(query)
        return [Series({"namespace": "elsewhere", "job": "payroll"}, ((1.0, 7.0),))]

    async def range(self, query: str, *_: Any, **__: Any) -> Sequence[Series]:
        return []

    async def targets(self) -> Sequence[Mapping[str, Any]]:
        return []


def with_metrics(place: SmallDesk, metrics: SomeMetrics) -> Deps:
    one = place.deps.clusters["lab"]
    place.deps.clusters["lab"] = Cluster("lab", one.reader, metrics, one.mode)  # type: ignore[index, arg-type]
    return place.deps


@pytest.mark.parametrize(
    "request_",
    [
        want("logs", name="payroll-1", namespace="elsewhere"),
        want("object", "deployment", "other", namespace="elsewhere"),
        want("object", "namespace", "elsewhere", namespace=""),
        want("metric", query='label_replace(up{namespace="elsewhere"}, "namespace", "shop", "", "")'),
    ],
    ids=["logs", "object", "namespace", "metric"],
)
async def test_what_lies_outside_the_asker_s_scope_is_a_gap(
    request_: Json, openai_server: OpenAIServer, tmp_path: Path
) -> None:
    openai_server.say_json(reading(requests=[request_]))
    openai_server.answer_with(lambda _: reading())
    cluster, metrics = TalkingCluster(), SomeMetrics()
    with desk_with(tmp_path, openai_server, cluster) as place:
        with_metrics(place, metrics)
        carol = place.ledger.principals.add("carol", [Role.VIEWER, Role.RESPONDER], Scope(namespaces=(NAMESPACE,)))
        place.people["carol"] = carol
        diagnosis = await run(place, place.ticket("web does not start in namespace shop", "carol"))
        (gap,) = requests_gaps(diagnosis.gaps)
        assert "outside the asker's scope" in gap
        assert all(name.startswith(f"{NAMESPACE}/") for name in cluster.asked)
        assert not any("elsewhere" in query for query in metrics.queries)
        assert "payroll" not in asked(openai_server).replace(str(request_["name"]), "")


async def test_a_metric_is_served_to_one_who_may_see_everything(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.say_json(reading(requests=[want("metric", query="sum(vllm_queue)")]))
    openai_server.answer_with(lambda _: reading())
    with desk_with(tmp_path, openai_server) as place:
        with_metrics(place, metrics := SomeMetrics())
        assert requests_gaps((await run(place, place.alert())).gaps) == []
        assert "sum(vllm_queue)" in metrics.queries
        assert "payroll" in asked(openai_server)


async def test_no_question_holds_a_secret(openai_server: OpenAIServer, tmp_path: Path) -> None:
    cluster = TalkingCluster()
    settings = {"app.ini": f"[db]\npassword={PASSWORD}\n", "HF_TOKEN": TOKEN}
    cluster.put(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg", "namespace": NAMESPACE}, "data": settings}
    )
    pod = cluster.at("Pod", POD)
    pod["spec"]["containers"][0] |= {
        "env": [{"name": "DB_PASSWORD", "value": PASSWORD}],
        "args": [f"--api-key={TOKEN}"],
    }
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"] += (
        f" (https://bot:{PASSWORD}@registry.example.com)"
    )
    cluster.put(pod)
    openai_server.say_json(reading(requests=[LOGS, OBJECT, want("object", "configmap", "cfg")]))
    openai_server.answer_with(lambda _: reading())
    with desk_with(tmp_path, openai_server, cluster) as place:
        incident_id = place.ticket(f"web does not start in namespace shop, the password is {PASSWORD}, token {TOKEN}")
        await run(place, incident_id)
        last = asked(openai_server)
        for shown in ("app.ini", "DB_PASSWORD", "--api-key=", "night watch", "web does not start"):
            assert shown in last
        for secret in (PASSWORD, TOKEN):
            assert secret not in str(openai_server.requests)
            assert secret not in str([item.model_dump() for item in place.ledger.evidence.for_incident(incident_id)])
