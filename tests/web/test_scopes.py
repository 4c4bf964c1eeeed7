"""What lies outside the asker's scope is not found: neither the incident, nor anything that hangs on it."""

from __future__ import annotations

import pytest

from knowledge.case_file import parse_case, render_case
from knowledge.vocabulary import Case, CaseKind, Layer, Remedy, Role, Scope, Text
from tests.web.conftest import Rig
from tests.web.story import incident_of, whole_story

ELSEWHERE = Scope(namespaces=("training",))
SERVING = Scope(namespaces=("serving",))


@pytest.fixture
def outsider(rig: Rig) -> str:
    rig.person("ola", Role.VIEWER, Role.RESPONDER, Role.APPROVER, scope=ELSEWHERE)
    return "ola"


async def test_incident_outside_the_scope_is_404_on_every_read(rig: Rig, outsider: str) -> None:
    story = whole_story(rig.ledger)
    paths = [
        f"/incidents/{story.incident.id}",
        f"/incidents/{story.incident.id}/timeline",
        f"/incidents/{story.incident.id}/alerts",
        f"/incidents/{story.incident.id}/evidence",
        f"/incidents/{story.incident.id}/events",
        f"/evidence/{story.evidence[0].id}",
        f"/approvals/{story.approval.id}",
    ]
    async with rig.client(outsider) as client, rig.client("vera") as vera:
        for path in paths:
            answer = await client.get(f"/api/v1{path}")
            assert answer.status_code == 404, path
            assert "serving" not in answer.text
            if not path.endswith("/events"):
                assert (await vera.get(f"/api/v1{path}")).status_code == 200, path
        assert (await client.get("/api/v1/incidents")).json()["items"] == []
        assert (await client.get("/api/v1/approvals")).json()["items"] == []


async def test_incident_outside_the_scope_is_404_on_every_act(rig: Rig, outsider: str) -> None:
    story = whole_story(rig.ledger)
    mine = incident_of(rig.ledger, "other", namespace="training", service="trainer")
    acts: list[tuple[str, dict[str, str]]] = [
        (f"/incidents/{story.incident.id}/assign", {"assignee": "ola"}),
        (f"/incidents/{story.incident.id}/close", {"reason": "done"}),
        (f"/incidents/{story.incident.id}/reopen", {"reason": "again"}),
        (f"/incidents/{story.incident.id}/feedback", {"verdict": "right"}),
        (f"/incidents/{mine.id}/merge", {"into": story.incident.id}),
        (f"/approvals/{story.approval.id}", {"decision": "approve", "digest": story.review.digest}),
        (f"/plans/{story.plan.id}/manual-steps/0", {}),
    ]
    async with rig.client(outsider) as client:
        for path, body in acts:
            answer = await client.post(f"/api/v1{path}", json=body)
            assert answer.status_code == 404, (path, answer.text)
    assert rig.ledger.incidents.get(story.incident.id).status == "awaiting_approval"
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


async def test_evidence_and_causes_of_other_namespaces_are_left_out_of_an_incident_within_the_scope(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.person("sam", Role.VIEWER, scope=SERVING)
    async with rig.client("sam") as sam, rig.client("vera") as vera:
        path = f"/api/v1/incidents/{story.incident.id}"
        whole, narrowed = (await vera.get(path)).json(), (await sam.get(path)).json()
        facts = (await sam.get(f"{path}/evidence")).text
        hidden = await sam.get(f"/api/v1/evidence/{story.evidence[3].id}")
        timeline = (await sam.get(f"{path}/timeline")).text
    assert "gateway secret plans" not in facts
    assert hidden.status_code == 404
    assert {one["object"]["namespace"] for one in whole["findings"]} == {"serving", "gateway"}
    assert {one["object"]["namespace"] for one in narrowed["findings"]} == {"serving"}
    assert narrowed["diagnosis"]["chosen"]["fault"] == "image-pull-not-found"
    assert narrowed["diagnosis"]["others"] == []
    assert len(whole["diagnosis"]["chosen"]["chain"]) == 2
    assert len(narrowed["diagnosis"]["chosen"]["chain"]) == 1
    assert "gateway" not in timeline


async def test_alerts_of_other_namespaces_are_left_out_after_a_merge(rig: Rig) -> None:
    mine, theirs = incident_of(rig.ledger, "mine"), incident_of(rig.ledger, "theirs", namespace="training", service="t")
    rig.ledger.incidents.merge(theirs.id, mine.id, "rui")
    rig.person("sam", Role.VIEWER, scope=SERVING)
    async with rig.client("sam") as sam, rig.client("vera") as vera:
        for client, count in ((sam, 1), (vera, 2)):
            found = (await client.get(f"/api/v1/incidents/{mine.id}")).json()["alerts"]
            listed = (await client.get(f"/api/v1/incidents/{mine.id}/alerts")).json()["items"]
            assert len(found) == len(listed) == count


async def test_cases_of_other_services_are_not_shown(rig: Rig) -> None:
    markdown = render_case_for("trainer")
    rig.desk.library.add_case(parse_case(markdown, source="test"), markdown, embed=False)
    rig.person("sue", Role.VIEWER, scope=Scope(services=("qwen2-*",)))
    async with rig.client("sue") as sue, rig.client("vera") as vera:
        for client, seen in ((sue, False), (vera, True)):
            listed = (await client.get("/api/v1/cases")).json()
            found = (await client.get("/api/v1/kb/search", params={"q": "shared memory"})).json()["cases"]
            one = await client.get("/api/v1/cases/shm-too-small")
            assert (bool(listed), bool(found), one.status_code == 200) == (seen, seen, seen)


async def test_ticket_outside_the_scope_is_refused(rig: Rig) -> None:
    rig.person("rob", Role.RESPONDER, scope=Scope(namespaces=("dev",)))
    async with rig.client("rob") as rob:
        refused = await rob.post("/api/v1/tickets", json={"text": "restart it", "namespace": "prod"})
        unknown = await rob.post("/api/v1/tickets", json={"text": "restart it", "cluster": "moon"})
        opened = await rob.post("/api/v1/tickets", json={"text": "restart it", "namespace": "dev"})
    assert (refused.status_code, unknown.status_code, opened.status_code) == (403, 404, 201)


def render_case_for(service: str) -> str:
    said = Text(en="shared memory is too small", zh="共享内存过小")
    return render_case(
        Case(
            id="shm-too-small",
            kind=CaseKind.FAULT,
            layer=Layer.TRAINING,
            services=(service,),
            faults=("shm-too-small",),
            title=said,
            symptoms=said,
            cause=said,
            remedy=Remedy(manual=(said,)),
            verification=said,
            sources=("incident 1",),
        )
    )
