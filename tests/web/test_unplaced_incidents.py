"""Incidents that name no namespace, and lines that name another one: what somebody with some namespaces only gets to read."""

from __future__ import annotations

import json

import pytest

from api.bootstrap import utc_now
from knowledge.vocabulary import EvidenceKind, ObjectRef, Role, Scope, Text
from tests.web.conftest import Rig
from tests.web.story import DEPLOYMENT, GATEWAY, POD, fact, incident_of, whole_story

SERVING = Scope(namespaces=("serving", "serve-*"))
NODE = ObjectRef(cluster="prod", kind="Node", namespace="", name="gpu-1")
API = "/api/v1"


def unplaced(rig: Rig, *objects: ObjectRef, key: str = "node") -> str:
    """An incident without a namespace, and evidence of these objects."""
    incident = incident_of(rig.ledger, key, namespace="", service="")
    facts = [fact(EvidenceKind.OBJECT, one, "x", f"{key} {one.key}", utc_now()) for one in objects]
    if facts:
        rig.ledger.evidence.put_many(incident.id, facts)
    return incident.id


@pytest.mark.parametrize(
    ("objects", "is_seen"),
    [
        ((), False),  # nothing is known yet: nobody's of a part
        ((POD, DEPLOYMENT), True),
        ((NODE, POD), True),  # a node is everybody's of the cluster
        ((POD, GATEWAY), False),
        ((GATEWAY,), False),
    ],
)
async def test_incident_without_namespace_is_seen_by_a_part_only_when_all_of_it_lies_there(
    rig: Rig, objects: tuple[ObjectRef, ...], is_seen: bool
) -> None:
    rig.person("sam", Role.VIEWER, Role.RESPONDER, scope=SERVING)
    incident_id = unplaced(rig, *objects)
    async with rig.client("sam") as sam, rig.client("vera") as vera:
        for client, wanted in ((sam, is_seen), (vera, True)):
            listed = [one["id"] for one in (await client.get(f"{API}/incidents")).json()["items"]]
            answers = {
                (await client.get(f"{API}/incidents/{incident_id}{end}")).status_code
                for end in ("", "/timeline", "/evidence")
            }
            assert (incident_id in listed, answers) == (wanted, {200 if wanted else 404})
        for act in ("close", "reopen"):
            answer = await sam.post(f"{API}/incidents/{incident_id}/{act}", json={"reason": "because"})
            assert (answer.status_code == 404) is not is_seen


async def test_incident_without_namespace_hides_again_when_it_turns_out_to_reach_further(rig: Rig) -> None:
    rig.person("sam", Role.VIEWER, scope=SERVING)
    incident_id = unplaced(rig, POD)
    async with rig.client("sam") as sam:
        assert (await sam.get(f"{API}/incidents/{incident_id}")).status_code == 200
        rig.ledger.evidence.put_many(incident_id, [fact(EvidenceKind.LOG, GATEWAY, "logs", "secret plans", utc_now())])
        assert (await sam.get(f"{API}/incidents/{incident_id}")).status_code == 404


async def test_asker_sees_their_own_ticket_that_names_no_namespace_and_their_colleague_does_not(rig: Rig) -> None:
    for name in ("sam", "sue"):
        rig.person(name, Role.VIEWER, Role.RESPONDER, scope=SERVING)
    async with rig.client("sam") as sam, rig.client("sue") as sue:
        incident_id = (await sam.post(f"{API}/tickets", json={"text": "why is qwen slow"})).json()["id"]
        for client, status in ((sam, 200), (sue, 404)):
            assert (await client.get(f"{API}/incidents/{incident_id}")).status_code == status
            listed = [one["id"] for one in (await client.get(f"{API}/tickets")).json()["items"]]
            assert (incident_id in listed) is (status == 200)


@pytest.mark.parametrize(
    "line",
    [
        "waits for Deployment/gateway/envoy",
        "upstream envoy.gateway.svc.cluster.local refuses",
        "the cause lies in envoy",
        "ran kubectl -n gateway get pods",
        "ran kubectl get pods --namespace=payments",
        "PATCH /apis/apps/v1/namespaces/payments/deployments/till answered 409",
        "Pod/payments/till-0 is OOMKilled",
    ],
)
async def test_line_of_the_story_that_names_what_lies_outside_is_not_told(rig: Rig, line: str) -> None:
    story = whole_story(rig.ledger)
    rig.ledger.timeline.add(story.incident.id, "hand_over", "opsdesk", Text(en=line, zh=line), {"output": line, "n": 1})
    rig.person("sam", Role.VIEWER, scope=SERVING)
    async with rig.client("sam") as sam, rig.client("vera") as vera:
        path = f"{API}/incidents/{story.incident.id}/timeline"
        narrowed, whole = (await sam.get(path)).json()["items"], (await vera.get(path)).json()["items"]
    assert whole[-1]["summary"]["en"] == line
    assert narrowed[-1]["summary"] == {
        "en": "(concerns what lies outside your scope)", "zh": "（涉及您权限范围之外的对象）",
    }  # fmt: skip
    assert narrowed[-1]["data"]["n"] == 1
    assert line not in json.dumps(narrowed[-1]["data"])
    assert [one["sequence"] for one in narrowed] == [one["sequence"] for one in whole]


async def test_line_of_the_story_that_names_only_what_lies_within_is_told_as_it_is(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    line = "Deployment/serving/qwen2-7b in namespace serving, Node gpu-1: 3 of 4 ready (kubectl -n serving get pods)"
    rig.ledger.timeline.add(story.incident.id, "verify", "opsdesk", Text(en=line, zh=line), {"output": line})
    rig.person("sam", Role.VIEWER, scope=SERVING)
    async with rig.client("sam") as sam:
        last = (await sam.get(f"{API}/incidents/{story.incident.id}/timeline")).json()["items"][-1]
    assert (last["summary"]["en"], last["data"]) == (line, {"output": line})


async def test_reason_and_title_that_name_what_lies_outside_are_not_told_in_lists_either(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.ledger.incidents.update(story.incident.id, title="blocked by Deployment/payments/till")
    rig.person("sam", Role.VIEWER, scope=SERVING)
    async with rig.client("sam") as sam:
        listed = (await sam.get(f"{API}/incidents")).text
        shown = (await sam.get(f"{API}/incidents/{story.incident.id}")).text
    assert story.incident.id in listed
    assert "payments" not in listed + shown
