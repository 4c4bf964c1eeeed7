"""Tickets and incidents over the API: filters, pages, and what people do with them."""

from __future__ import annotations

import httpx
import pytest

from api.web.app import create_app
from knowledge.vocabulary import Decision, ExecutionStatus, IncidentStatus, Role, Scope, StepOutcome, StepResult
from tests.web.conftest import Rig
from tests.web.story import incident_of, whole_story

API = "/api/v1"


async def test_ticket_opens_an_incident_of_its_requester_and_wakes_a_worker(rig: Rig) -> None:
    async with rig.client("rui") as rui:
        answer = await rui.post(f"{API}/tickets", json={"text": "qwen2-7b 很慢\n从 10 点开始", "channel": "cli"})
    opened = answer.json()
    assert answer.status_code == 201
    assert (opened["title"], opened["requester"], opened["language"]) == ("qwen2-7b 很慢", "rui", "zh")
    assert opened["cluster"] == "prod"
    assert rig.ledger.wakes.claim("test", 5, 5.0)[0].incident_id == opened["id"]
    assert rig.nudges.count == 1


async def test_ticket_opens_one_incident_when_its_idempotency_key_is_sent_again(rig: Rig) -> None:
    async with rig.client("rui") as rui:
        body, headers = {"text": "why is it slow?"}, {"Idempotency-Key": "k1"}
        first = (await rui.post(f"{API}/tickets", json=body, headers=headers)).json()
        again = (await rui.post(f"{API}/tickets", json=body, headers=headers)).json()
    assert first["id"] == again["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\u200b\t"}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x", "nmespace": "y"}, "nmespace"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "x\x00y"}, "text"),
        ({"text": "x", "channel": "fax"}, "channel"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
    ],
)
async def test_bad_ticket_is_422_and_names_the_field(rig: Rig, body: object, field: str) -> None:
    async with rig.client("rui") as rui:
        answer = await rui.post(f"{API}/tickets", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"text": "half', "application/json", 400),
        (b'{"text": "\xe9"}', "application/json", 400),
        (b'{"text": "\\ud83d"}', "application/json", 400),
        (b"[" * 60_000 + b"]" * 30_000, "application/json", 400),
        (b"text=slow", "application/x-www-form-urlencoded", 415),
        (b'{"text": "slow"}', "text/plain", 415),
        (b"x" * 200_000, "application/json", 413),
    ],
)
async def test_unreadable_ticket_is_told_so(rig: Rig, body: bytes, kind: str, status: int) -> None:
    async with rig.client("rui") as rui:
        answer = await rui.post(f"{API}/tickets", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["next_step"]
    assert rig.ledger.counts.incidents_by_status() == {}


async def test_list_filters_and_pages_without_losing_or_repeating(rig: Rig) -> None:
    ids = [incident_of(rig.ledger, f"i{n}", service=f"svc-{n % 2}").id for n in range(2)]
    ids += [incident_of(rig.ledger, f"n{n}", namespace=f"ns-{n}").id for n in range(5)]
    rig.ledger.incidents.close(ids[0], "rui", "seen")
    async with rig.client("vera") as vera:
        seen: list[str] = []
        before = ""
        while True:
            page = (await vera.get(f"{API}/incidents", params={"limit": 3, "before": before})).json()
            seen += [one["id"] for one in page["items"]]
            if page["next"] is None:
                break
            before = page["next"]
        closed = (await vera.get(f"{API}/incidents", params={"status": "closed"})).json()["items"]
        by_text = (await vera.get(f"{API}/incidents", params={"text": ids[3], "status": ["open", "closed"]})).json()[
            "items"
        ]
        by_service = (await vera.get(f"{API}/incidents", params={"service": "svc-1"})).json()["items"]
    assert seen == sorted(ids, reverse=True)
    assert [one["id"] for one in closed] == [ids[0]]
    assert [one["id"] for one in by_text] == [ids[3]]
    assert [one["id"] for one in by_service] == [ids[1]]


@pytest.mark.parametrize(
    "query", ["status=lost", "severity=loud", "limit=0", "limit=201", "limit=x", f"text={'x' * 300}"]
)
async def test_bad_filter_is_422(rig: Rig, query: str) -> None:
    async with rig.client("vera") as vera:
        assert (await vera.get(f"{API}/incidents?{query}")).status_code == 422


@pytest.mark.parametrize("id", ["inc-none", "..", "%00", "%ff", "' OR 1=1 --", "x" * 500, "😀"])
async def test_unknown_incident_is_404(rig: Rig, id: str) -> None:
    async with rig.client("vera") as vera:
        answer = await vera.get(f"{API}/incidents/{id}")
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_incident_tells_its_whole_story(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    async with rig.client("vera") as vera:
        found = (await vera.get(f"{API}/incidents/{story.incident.id}")).json()
        timeline = (await vera.get(f"{API}/incidents/{story.incident.id}/timeline")).json()["items"]
    assert found["alerts"][0]["name"] == "ModelServerDown"
    assert found["alerts"][0]["fate"] == "opened"
    assert found["diagnosis"]["confidence"] == 0.91
    assert found["plan"]["script"].startswith("kubectl")
    assert found["review"]["digest"] == found["approval"]["digest"] == story.review.digest
    assert (found["may_decide"]["may"], found["may_decide"]["may_break_glass"]) == (False, False)
    assert [entry["stage"] for entry in timeline][:3] == ["intake", "triage", "collect"]


async def test_incident_is_assigned_merged_closed_and_reopened(rig: Rig) -> None:
    one, two = incident_of(rig.ledger, "m1", service="a"), incident_of(rig.ledger, "m2", namespace="b", service="b")
    async with rig.client("rui") as rui:
        assigned = await rui.post(f"{API}/incidents/{one.id}/assign", json={"assignee": "ANA"})
        nobody = await rui.post(f"{API}/incidents/{one.id}/assign", json={"assignee": "ghost"})
        merged = await rui.post(f"{API}/incidents/{one.id}/merge", json={"into": two.id})
        again = await rui.post(f"{API}/incidents/{one.id}/merge", json={"into": two.id})
        closed = await rui.post(f"{API}/incidents/{two.id}/close", json={"reason": "false alarm"})
        silent = await rui.post(f"{API}/incidents/{two.id}/reopen", json={"reason": " "})
        reopened = await rui.post(f"{API}/incidents/{two.id}/reopen", json={"reason": "it is back"})
        said = await rui.post(f"{API}/incidents/{two.id}/feedback", json={"verdict": "wrong", "text": "it was DNS"})
    assert assigned.json()["assignee"] == "ana"
    assert nobody.status_code == 422
    assert merged.json()["id"] == two.id
    assert (again.status_code, again.json()["title"]) == (409, "wrong state")
    assert closed.json()["status"] == "closed"
    assert silent.status_code == 422
    assert reopened.json()["status"] == "open"
    assert said.status_code == 201
    assert rig.ledger.feedback.for_incident(two.id)[0].text == "it was DNS"


async def test_execution_is_cancelled_and_undone_by_a_responder(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "fine", story.review.digest)
    execution = rig.ledger.executions.request(story.incident.id, story.plan.id, story.review, story.approval.id)
    claimed = rig.ledger.executions.claim_next("executor-1", 30.0)
    assert claimed is not None
    _, token = claimed
    async with rig.client("rui") as rui, rig.client("vera") as vera:
        assert (await vera.post(f"{API}/executions/{execution.id}/cancel")).status_code == 403
        assert (await rui.post(f"{API}/executions/{execution.id}/undo")).status_code == 409
        assert (await rui.post(f"{API}/executions/{execution.id}/cancel")).status_code == 200
        assert rig.ledger.executions.is_cancelled(execution.id)
        done = StepResult(step=0, step_key="k0", outcome=StepOutcome.DONE)
        rig.ledger.executions.record_intent(execution.id, token, 0, "k0", "sha256:x")
        rig.ledger.executions.record_result(execution.id, token, done)
        rig.ledger.executions.finish(execution.id, token, ExecutionStatus.DONE, "")
        undone = await rui.post(f"{API}/executions/{execution.id}/undo")
    assert undone.json()["status"] == "undo_requested"


async def test_freeze_stops_everything_until_an_admin_thaws_it(rig: Rig) -> None:
    async with rig.client("ada") as ada, rig.client("vera") as vera:
        frozen = await ada.post(f"{API}/freeze", json={"reason": "release day"})
        assert frozen.json()[0]["cluster"] == "*"
        assert rig.ledger.switches.is_frozen("prod") == "release day"
        assert (await vera.get(f"{API}/freeze")).json()[0]["reason"] == "release day"
        assert (await vera.delete(f"{API}/freeze")).status_code == 403
        assert (await ada.delete(f"{API}/freeze")).json() == []
        assert (await ada.post(f"{API}/freeze", json={"reason": "x", "cluster": "moon"})).status_code == 404


async def test_script_is_judged_offline_without_touching_anything(rig: Rig) -> None:
    async with rig.client("vera") as vera:
        read = (await vera.post(f"{API}/review", json={"script": "kubectl get pods -n serving"})).json()
        bad = (await vera.post(f"{API}/review", json={"script": "kubectl get pods; rm -rf /"})).json()
    assert read["verdict"] == "auto"
    assert (bad["verdict"], bad["line"]) == ("refused", 1)
    assert bad["column"] > 1


async def test_readiness_names_what_is_missing(rig: Rig) -> None:
    bare = rig.desk.settings.model_copy(update={"clusters": ()})
    rig.desk.settings = bare
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_app(rig.desk)), base_url="http://t"
    ) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    (missing,) = [part for part in answer.json()["parts"] if not part["is_ready"]]
    assert (missing["name"], missing["detail"]) == ("clusters", "none is configured")


async def test_bug_is_500_with_a_correlation_id_and_no_traceback(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(rig.ledger.incidents, "list", broken)
    async with rig.client("vera") as vera:
        answer = await vera.get(f"{API}/incidents")
    assert answer.status_code == 500
    assert len(answer.json()["correlation_id"]) == 32
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


async def test_openapi_describes_every_route_and_no_page(web: httpx.AsyncClient) -> None:
    paths = (await web.get("/api/v1/openapi.json")).json()["paths"]
    assert "/api/v1/webhooks/{source_id}" in paths
    assert "/incidents" not in paths
    for path, methods in paths.items():
        for method, said in methods.items():
            assert said.get("summary"), f"{method} {path} says nothing of itself"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE"])
async def test_wrong_method_or_path_is_a_problem_too(web: httpx.AsyncClient, method: str) -> None:
    wrong = await web.request(method, "/api/v1/incidents")
    nowhere = await web.get("/api/v1/nowhere")
    assert (wrong.status_code, nowhere.status_code) == (405, 404)
    assert nowhere.headers["content-type"] == "application/problem+json"


def test_ended_statuses_are_the_ledgers(rig: Rig) -> None:
    from api.web.console.pages.incidents import ACTIVE

    assert IncidentStatus.HANDED_OVER in ACTIVE
    assert IncidentStatus.RESOLVED not in ACTIVE


async def test_who_sees_the_incident_does_not_for_that_undo_outside_of_their_scope(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.ledger.approvals.vote(
        story.approval.id, rig.ledger.principals.by_id("ana"), Decision.APPROVE, "fine", story.review.digest
    )
    execution = rig.ledger.executions.request(story.incident.id, story.plan.id, story.review, story.approval.id)
    rig.ledger.incidents.update(story.incident.id, namespace="gateway")
    rig.person("nia", Role.VIEWER, Role.RESPONDER, scope=Scope(namespaces=("gateway",)))
    async with rig.client("nia") as nia:
        assert (await nia.get(f"{API}/incidents/{story.incident.id}")).status_code == 200
        for verb in ("cancel", "undo"):
            refused = await nia.post(f"{API}/executions/{execution.id}/{verb}")
            assert refused.status_code == 403
            assert "outside your scope" in refused.json()["detail"]
    assert not rig.ledger.executions.is_cancelled(execution.id)
