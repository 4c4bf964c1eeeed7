"""Somebody of one namespace asks every route that answers with more than a row: nothing names what lies outside."""

from __future__ import annotations

import httpx
import pytest

from api.bootstrap import utc_now
from knowledge.vocabulary import (
    Decision,
    Evidence,
    EvidenceKind,
    ExecutionStatus,
    Language,
    Lesson,
    ManualStep,
    Role,
    Scope,
    Severity,
    Text,
    Ticket,
)
from tests.web.conftest import Rig
from tests.web.story import Story, finish, incident_of, whole_story

API = "/api/v1"
SERVING = Scope(namespaces=("serving",))
OUTSIDE = "Deployment/gateway/envoy"


@pytest.fixture
def sam(rig: Rig) -> httpx.AsyncClient:
    rig.person("sam", Role.VIEWER, Role.RESPONDER, scope=SERVING)
    return rig.client("sam")


def lesson_naming_outside(rig: Rig, story: Story) -> Lesson:
    return rig.ledger.lessons.propose(
        Lesson(
            id="les-outside",
            incident_id=story.incident.id,
            case_id="gateway-503",
            markdown=f"---\nid: gateway-503\n---\nThe cause was {OUTSIDE}, which has secret plans.",
            created_at=utc_now(),
        )
    )


async def test_lesson_of_an_incident_does_not_name_what_lies_outside(rig: Rig, sam: httpx.AsyncClient) -> None:
    lesson = lesson_naming_outside(rig, whole_story(rig.ledger))
    async with sam:
        listed = await sam.get(f"{API}/lessons")
    assert "gateway/envoy" not in listed.text, listed.text
    async with rig.client("vera") as vera:
        assert "gateway/envoy" in (await vera.get(f"{API}/lessons")).text
    assert lesson.id in listed.text


async def test_lesson_that_is_not_seen_whole_is_not_decided(rig: Rig, sam: httpx.AsyncClient) -> None:
    lesson = lesson_naming_outside(rig, whole_story(rig.ledger))
    async with sam:
        answer = await sam.post(f"{API}/lessons/{lesson.id}", json={"decision": "reject"})
    assert answer.status_code == 403
    assert rig.ledger.lessons.get(lesson.id).status == "proposed"


async def test_execution_does_not_name_what_lies_outside(rig: Rig, sam: httpx.AsyncClient) -> None:
    story = whole_story(rig.ledger)
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "", story.review.digest)
    execution = rig.ledger.executions.request(story.incident.id, story.plan.id, story.review, story.approval.id)
    claimed = rig.ledger.executions.claim_next("executor-1", 30.0)
    assert claimed is not None
    rig.ledger.executions.finish(execution.id, claimed[1], ExecutionStatus.FAILED, f"{OUTSIDE} did not come back")
    async with sam:
        answer = await sam.get(f"{API}/executions/{execution.id}")
        undone = await sam.post(f"{API}/executions/{execution.id}/undo")
    assert answer.status_code == 200
    assert "envoy" not in answer.text, answer.text
    assert "envoy" not in undone.text, undone.text


async def test_queue_and_acts_do_not_name_what_lies_outside(rig: Rig, sam: httpx.AsyncClient) -> None:
    story = whole_story(rig.ledger)
    rig.ledger.incidents.set_status(story.incident.id, story.incident.status, f"waits for {OUTSIDE}")
    async with sam:
        queue = await sam.get(f"{API}/approvals")
        assigned = await sam.post(f"{API}/incidents/{story.incident.id}/assign", json={"assignee": "rui"})
        desk = await sam.get(f"{API}/desk")
    for answer in (queue, assigned, desk):
        assert answer.status_code == 200
        assert "gateway/envoy" not in answer.text, answer.text


async def test_tickets_list_does_not_name_what_lies_outside(rig: Rig, sam: httpx.AsyncClient) -> None:
    ticket = Ticket(
        id="tkt-1",
        requester="rui",
        text="x",
        language=Language.EN,
        cluster="prod",
        namespace="serving",
        opened_at=utc_now(),
    )
    rig.ledger.tickets.open(ticket, f"restart {OUTSIDE}", Severity.LOW)
    async with sam:
        answer = await sam.get(f"{API}/tickets")
    assert len(answer.json()["items"]) == 1
    assert "gateway/envoy" not in answer.text


async def test_review_view_does_not_name_what_lies_outside(rig: Rig, sam: httpx.AsyncClient) -> None:
    story = whole_story(rig.ledger)
    plan = story.plan.model_copy(
        update={
            "id": "pln-2",
            "reason": f"since {OUTSIDE} sends no traffic",
            "manual_steps": (ManualStep(index=0, instruction=Text(en=f"Look at {OUTSIDE}", zh=f"查看 {OUTSIDE}")),),
            "created_at": utc_now(),
        }
    )
    rig.ledger.plans.put(plan)
    rig.ledger.reviews.put(story.review.model_copy(update={"id": "rev-2", "plan_id": plan.id}))
    async with sam:
        answer = await sam.get(f"{API}/incidents/{story.incident.id}/review")
    assert answer.status_code == 200
    assert answer.json()["plan_id"] == "pln-2"
    assert "gateway/envoy" not in answer.text, answer.text


async def test_reports_count_nothing_of_what_lies_outside(rig: Rig, sam: httpx.AsyncClient) -> None:
    finish(rig.ledger, whole_story(rig.ledger, key="theirs"))
    incident_of(rig.ledger, "hidden", namespace="vault", service="vault-keeper")
    async with sam:
        for report in ("times", "recurrence", "accuracy", "approvals", "model", "detectors"):
            answer = await sam.get(f"{API}/reports/{report}")
            assert answer.status_code == 200, answer.text
            assert "vault" not in answer.text, (report, answer.text)
            assert "envoy" not in answer.text, (report, answer.text)


async def test_search_in_the_list_is_no_oracle_for_what_is_hidden(rig: Rig, sam: httpx.AsyncClient) -> None:
    """A reason that is shown as hidden is not found by its words either."""
    story = whole_story(rig.ledger)
    rig.ledger.incidents.set_status(story.incident.id, story.incident.status, f"waits for {OUTSIDE} xyzzy")
    async with sam:
        shown = (await sam.get(f"{API}/incidents")).json()["items"]
        found = (await sam.get(f"{API}/incidents", params={"text": "xyzzy"})).json()["items"]
    assert len(shown) == 1
    assert "xyzzy" not in shown[0]["reason"]
    assert found == []


async def test_title_that_begins_with_a_foreign_object_breaks_nobodys_list(rig: Rig, sam: httpx.AsyncClient) -> None:
    """Whoever writes a title writes into the list of everybody: a hidden text stays a text."""
    for number, text in enumerate((OUTSIDE, f"{OUTSIDE} is slow")):
        asked = Ticket(
            id=f"tkt-{number}",
            requester="rui",
            text=text,
            language=Language.EN,
            cluster="prod",
            namespace="serving",
            opened_at=utc_now(),
        )
        incident = rig.ledger.tickets.open(asked, text, Severity.LOW)
    async with sam:
        listed = await sam.get(f"{API}/incidents")
        one = await sam.get(f"{API}/incidents/{incident.id}")
        story = await sam.get(f"{API}/incidents/{incident.id}/timeline")
    for answer in (listed, one, story):
        assert answer.status_code == 200, answer.text
        assert "gateway/envoy" not in answer.text


@pytest.mark.parametrize(
    "text",
    [
        'vllm_requests{namespace="vault",pod="keeper-1"}: 12',
        'sum by (exported_namespace) {exported_namespace="vault"}: 3',
        '(no series)\n{"namespace": "vault"}: 4',
        "namespace=vault pod=keeper-1: 3",
        f"{OUTSIDE} wrote this",
    ],
)
async def test_fact_without_an_object_is_shown_when_its_labels_lie_within(
    rig: Rig, sam: httpx.AsyncClient, text: str
) -> None:
    """Numbers are about no one object: whose they are, their labels say."""
    incident = incident_of(rig.ledger)
    facts = [note(text), note('vllm_requests{namespace="serving",pod="qwen2-7b-1"}: 5'), note("up: 1")]
    rig.ledger.evidence.put_many(incident.id, facts)
    async with sam:
        listed = await sam.get(f"{API}/incidents/{incident.id}/evidence")
        one = await sam.get(f"{API}/evidence/{facts[0].id}")
    assert [found["id"] for found in listed.json()["items"]] == [facts[1].id, facts[2].id]
    assert one.status_code == 404


def note(text: str) -> Evidence:
    address = Evidence.address(EvidenceKind.METRIC, "prod", "prometheus", "q", "", text)
    return Evidence(
        id=address,
        kind=EvidenceKind.METRIC,
        cluster="prod",
        source="prometheus",
        query="q",
        observed_at=utc_now(),
        text=text,
    )
