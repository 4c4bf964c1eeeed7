"""Figures over HTTP: within the asker's scope, bounded, and clear about what cannot be."""

from __future__ import annotations

import pytest

from knowledge.ledger.model_calls import ModelCall
from knowledge.vocabulary import IncidentStatus, Role, Scope, Severity
from tests.ledger.makers import make_ticket
from tests.web.conftest import EVERYTHING, Rig

REPORTS = ("times", "recurrence", "accuracy", "approvals", "model", "detectors")


@pytest.fixture
def desk(rig: Rig) -> Rig:
    # The targets are settings; the rig's cluster has no metrics.
    rig.person("mei", *EVERYTHING)
    rig.person("narrow", Role.VIEWER, scope=Scope(namespaces=("elsewhere",)))
    incident = rig.ledger.tickets.open(make_ticket(requester="li"), "vllm is slow", Severity.HIGH)
    rig.ledger.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "over")
    rig.ledger.tickets.open(make_ticket("tkt-2", requester="li"), "again", Severity.CRITICAL)
    rig.ledger.model_calls.add(ModelCall(incident_id=incident.id, profile="qwen", outcome="answered", cost=0.5))
    return rig


@pytest.mark.parametrize("report", REPORTS)
async def test_report_needs_a_token_and_answers_with_its_window(desk: Rig, report: str) -> None:
    async with desk.client() as stranger, desk.client("mei") as mei:
        assert (await stranger.get(f"/api/v1/reports/{report}")).status_code == 401
        answer = await mei.get(f"/api/v1/reports/{report}", params={"zone": "Asia/Shanghai", "lang": "zh"})
    assert answer.status_code == 200
    assert answer.json()["window"]["zone"] == "Asia/Shanghai"


async def test_report_counts_only_what_the_asker_may_see(desk: Rig) -> None:
    async with desk.client("mei") as mei, desk.client("narrow") as narrow:
        everything = (await mei.get("/api/v1/reports/model")).json()
        nothing = (await narrow.get("/api/v1/reports/model")).json()
        times = (await narrow.get("/api/v1/reports/times")).json()
        view = (await narrow.get("/api/v1/desk")).json()
    assert everything["overall"]["cost"] == 0.5
    assert nothing["overall"]["calls"] == 0
    assert times["overall"]["incidents"] == 0
    assert (view["open"], view["unassigned"]["total"]) == (0, 0)


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"since": "1970-01-01T00:00:00Z"},
        {"since": "yesterday"},
        {"limit": "0"},
        {"limit": "100000"},
        {"offset": "-1"},
        {"lang": "fr"},
        {"since": "0001-01-01T00:00:00+14:00", "until": "0001-01-02T00:00:00Z"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"until": "0001-01-01T00:00:00Z"},
        {"zone": "x" * 100},
        {"zone": "../../etc/passwd", "limit": "0"},
    ],
)
async def test_impossible_question_is_told_so(desk: Rig, query: dict[str, str]) -> None:
    async with desk.client("mei") as mei:
        answer = await mei.get("/api/v1/reports/times", params=query)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["detail"]


async def test_unknown_zone_is_utc(desk: Rig) -> None:
    async with desk.client("mei") as mei:
        answer = await mei.get("/api/v1/reports/times", params={"zone": "../../etc/passwd"})
    assert answer.json()["window"]["zone"] == "UTC"


async def test_desk_shows_open_incidents_against_their_targets(desk: Rig) -> None:
    async with desk.client("mei") as mei:
        view = (await mei.get("/api/v1/desk")).json()
    (item,) = view["unassigned"]["items"]
    assert item["incident"]["severity"] == "critical"
    assert item["first_answer"]["minutes"] == 5
    assert item["resolve"]["minutes"] == 60


async def test_charts_of_an_incident_say_what_could_not_be_read(desk: Rig) -> None:
    incident = desk.ledger.incidents.list(Scope())[0]
    async with desk.client("mei") as mei, desk.client("narrow") as narrow:
        answer = await mei.get(f"/api/v1/incidents/{incident.id}/charts", params={"lang": "zh"})
        assert (await narrow.get(f"/api/v1/incidents/{incident.id}/charts")).status_code == 404
    assert answer.status_code == 200
    assert answer.json()["charts"] == []
    assert answer.json()["gaps"][0]["reason"] == "该集群未配置指标服务"
