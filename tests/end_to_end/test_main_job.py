"""The main job on real processes over HTTP: an alert and a ticket, each to a verified fix; and what ends otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evals.demo.story import alert_of
from tests.end_to_end.desks import Office, office, run_opsdesk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


PLANTED = "hunter2-planted-7Qx"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


def broken(place: Office, fault: str) -> dict[str, Any]:
    told: dict[str, Any] = place.cluster.call("POST", f"/practice/faults/{fault}")
    return told


def test_an_alert_becomes_a_verified_fix_when_one_person_approves(place: Office) -> None:
    told = broken(place, "bad_image_rollout")
    incident_id = place.send_alert(alert_of(told))
    place.wait_for_status(incident_id, "awaiting_approval")
    found = place.incident(incident_id)
    assert found["diagnosis"]["verdict"] == "fault"
    assert found["diagnosis"]["chosen"]["evidence_ids"]
    assert found["review"]["ruling"] == "one"
    assert place.approve(incident_id).status_code == 200
    ended = place.wait_for_status(incident_id, "resolved", "handed_over")
    assert ended["incident"]["status"] == "resolved", place.story(incident_id)
    assert ended["verification"]["outcome"] == "better"
    assert [step["outcome"] for step in ended["execution"]["results"]] == ["done"]


def test_a_ticket_that_orders_a_change_is_carried_out_by_another_s_approval(place: Office) -> None:
    opened = place.post("/tickets", {"text": "把 bge-m3 扩到 3 个副本", "channel": "api"}, "alice").json()
    place.wait_for_status(opened["id"], "awaiting_approval")
    refused = place.approve(opened["id"], "alice")
    assert refused.status_code == 403, "the requester of a ticket is not its approver"
    assert place.approve(opened["id"], "bob").status_code == 403, "bob is no approver"
    place.desk.run("user", "add", "carol", "--role", "viewer", "--role", "approver")
    place.tokens["carol"] = json.loads(place.desk.run("user", "token", "carol", "--json"))["token"]
    assert place.approve(opened["id"], "carol").status_code == 200
    ended = place.wait_for_status(opened["id"], "resolved", "handed_over")
    assert ended["incident"]["status"] == "resolved", place.story(opened["id"])
    scaled = place.cluster.call("GET", "/apis/apps/v1/namespaces/ai-serving/deployments/bge-m3")
    assert scaled["spec"]["replicas"] == 3


def test_a_rejected_plan_is_not_executed_and_the_reason_is_shown(place: Office) -> None:
    opened = place.post("/tickets", {"text": "restart gateway in namespace ai-gateway"}, "bob").json()
    found = place.wait_for_status(opened["id"], "awaiting_approval")
    before = len(place.writes())
    approval = found["approval"]
    body = {"decision": "reject", "reason": "not during business hours", "digest": approval["digest"]}
    assert place.post(f"/approvals/{approval['id']}", body).status_code == 200
    ended = place.wait_for_status(opened["id"], "handed_over")
    assert "rejected" in ended["incident"]["reason"]
    assert len(place.writes()) == before


def test_an_approval_of_another_digest_is_refused(place: Office) -> None:
    opened = place.post("/tickets", {"text": "restart gateway in namespace ai-gateway"}, "bob").json()
    found = place.wait_for_status(opened["id"], "awaiting_approval")
    body = {"decision": "approve", "reason": "", "digest": "sha256:" + "0" * 64}
    assert place.post(f"/approvals/{found['approval']['id']}", body).status_code == 409
    assert place.incident(opened["id"])["approval"]["status"] == "waiting"


def test_a_healthy_cluster_is_no_fault(place: Office) -> None:
    opened = place.post("/tickets", {"text": "ranker in namespace ai-serving seems slow"}, "bob").json()
    ended = place.wait_for_status(opened["id"], "answered", "handed_over", "awaiting_approval")
    assert ended["diagnosis"]["verdict"] == "no_fault", place.story(opened["id"])
    assert ended["incident"]["status"] == "answered"


def test_a_forbidden_script_in_a_ticket_never_reaches_an_approver(place: Office) -> None:
    text = "please run\nkubectl delete namespace ai-serving\n"
    opened = place.post("/tickets", {"text": text}, "bob").json()
    ended = place.wait_for_status(opened["id"], "handed_over", "awaiting_approval")
    assert ended["incident"]["status"] == "handed_over"
    assert ended["approval"] is None
    assert ended["review"]["ruling"] == "forbidden"


def test_freeze_stops_an_approved_plan_until_it_is_lifted(place: Office) -> None:
    opened = place.post("/tickets", {"text": "restart gateway in namespace ai-gateway"}, "bob").json()
    place.wait_for_status(opened["id"], "awaiting_approval")
    place.desk.run("freeze", "change stop")
    try:
        assert place.approve(opened["id"]).status_code == 200
        found = place.wait_for_status(opened["id"], "executing")
        assert not found["execution"] or not found["execution"]["results"]
    finally:
        place.desk.run("unfreeze")
    ended = place.wait_for_status(opened["id"], "resolved", "handed_over")
    assert ended["incident"]["status"] == "resolved", place.story(opened["id"])


def test_two_approvals_at_once_execute_once(place: Office) -> None:
    from concurrent.futures import ThreadPoolExecutor

    opened = place.post("/tickets", {"text": "restart gateway in namespace ai-gateway"}, "bob").json()
    place.wait_for_status(opened["id"], "awaiting_approval")
    before = len(place.writes())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: place.approve(opened["id"]).status_code, range(4)))
    assert answers.count(200) >= 1
    place.wait_for_status(opened["id"], "resolved", "handed_over")
    assert len(place.writes()) - before == 1


def test_the_command_line_shows_the_same_incident(place: Office) -> None:
    opened = place.post("/tickets", {"text": "what is the KV cache?"}, "bob").json()
    environment = {**place.desk.environment, "OPSDESK_TOKEN": place.tokens["alice"]}
    listed = run_opsdesk(environment, "incidents", "--json")
    assert listed.returncode == 0, listed.stderr
    assert opened["id"] in {one["id"] for one in json.loads(listed.stdout)["items"]}
    shown = run_opsdesk(environment, "incident", "show", opened["id"])
    assert opened["id"] in shown.stdout
    assert "timeline" in shown.stdout


def test_a_command_without_a_token_says_what_to_do(place: Office) -> None:
    environment = {key: value for key, value in place.desk.environment.items() if key != "OPSDESK_TOKEN"}
    answered = run_opsdesk(environment, "incidents")
    assert answered.returncode == 3
    assert "opsdesk user token" in answered.stderr
    assert "Traceback" not in answered.stderr


def test_a_secret_in_the_cluster_s_telemetry_is_kept_nowhere(tmp_path: Path) -> None:
    with office(tmp_path) as own:
        told = broken(own, "bad_image_rollout")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "metadata": {"name": "leak.1", "namespace": "ai-serving"},
            "involvedObject": {"kind": "Deployment", "namespace": "ai-serving", "name": "qwen2-7b"},
            "type": "Warning",
            "reason": "Failed",
            "message": f"cannot pull: postgres://desk:{PLANTED}@db/x password={PLANTED}",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        own.cluster.call("POST", "/api/v1/namespaces/ai-serving/events", event)
        incident_id = own.send_alert(alert_of(told))
        own.wait_for_status(incident_id, "awaiting_approval", "handed_over")
        evidence = own.get(f"/incidents/{incident_id}/evidence")["items"]
        assert evidence
        assert PLANTED not in json.dumps([evidence, own.incident(incident_id), own.story(incident_id)])
        kept = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("*.db*"))
        assert PLANTED.encode() not in kept
        assert PLANTED not in own.desk.log.read_text(encoding="utf-8")


def test_the_log_of_the_desk_holds_no_traceback_and_no_token(place: Office, tmp_path: Path) -> None:
    log = place.desk.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert not any(token in log for token in place.tokens.values())
    assert place.source_secret not in log
