"""Webhooks: proof, durable acknowledgement, and what bad calls are told."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from knowledge.errors import LedgerBusy
from tests.web.conftest import BEARER_SECRET, BODY_BYTES, HMAC_SECRET, Rig

BEARER = {"Authorization": f"Bearer {BEARER_SECRET}", "Content-Type": "application/json"}
HOOK = "/api/v1/webhooks/alertmanager"


def call(
    name: str = "ModelServerDown", status: str = "firing", fingerprint: str = "a1b2c3d4e5f60718"
) -> dict[str, Any]:
    labels = {"alertname": name, "namespace": "serving", "service": "qwen2-7b", "severity": "critical"}
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "status": status,
        "receiver": "opsdesk",
        "groupLabels": {},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.test",
        "truncatedAlerts": 0,
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": {"summary": "no ready replica"},
                "startsAt": "2026-11-21T03:00:00Z",
                "endsAt": "2026-11-21T03:09:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.test/graph",
                "fingerprint": fingerprint,
            }
        ],
    }


async def test_webhook_is_stored_and_woken_before_it_is_acknowledged(rig: Rig, web: httpx.AsyncClient) -> None:
    answer = await web.post(HOOK, json=call(), headers=BEARER)
    assert answer.status_code == 202
    (receipt,) = answer.json()["alerts"]
    assert receipt["fate"] == "opened"
    assert rig.ledger.incidents.get(receipt["incident_id"]).cluster == "prod"
    assert rig.ledger.wakes.claim("test", 10, 5.0)[0].incident_id == receipt["incident_id"]
    assert rig.nudges.count == 1


async def test_same_call_again_gives_the_same_receipts_and_changes_nothing(rig: Rig, web: httpx.AsyncClient) -> None:
    first = await web.post(HOOK, json=call(), headers=BEARER)
    again = await web.post(HOOK, json=call(), headers=BEARER)
    assert again.json() == first.json()
    assert len(rig.ledger.alerts.list(10)) == 1
    assert rig.ledger.alerts.list(10)[0].resends == 0


async def test_call_with_another_idempotency_key_is_a_resend(rig: Rig, web: httpx.AsyncClient) -> None:
    await web.post(HOOK, json=call(), headers=BEARER | {"Idempotency-Key": "one"})
    again = await web.post(HOOK, json=call(), headers=BEARER | {"Idempotency-Key": "two"})
    assert again.json()["alerts"][0]["fate"] == "duplicate"
    assert len(rig.ledger.incidents.list(rig.ledger.principals.by_id("ada").scope)) == 1


async def test_resolved_alert_is_recorded_on_its_incident(rig: Rig, web: httpx.AsyncClient) -> None:
    opened = (await web.post(HOOK, json=call(), headers=BEARER)).json()["alerts"][0]["incident_id"]
    answer = await web.post(HOOK, json=call(status="resolved"), headers=BEARER)
    assert answer.json()["alerts"][0] | {"alert_id": ""} == {"alert_id": "", "fate": "resolved", "incident_id": opened}
    async with rig.client("vera") as vera:
        (alert,) = (await vera.get(f"/api/v1/incidents/{opened}")).json()["alerts"]
    assert (alert["status"], alert["fate"]) == ("resolved", "opened")


async def test_unknown_source_is_404(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/v1/webhooks/nobody", json=call(), headers=BEARER)
    assert answer.status_code == 404
    assert "opsdesk source add" in answer.json()["next_step"]


@pytest.mark.parametrize("proof", ["", "Bearer wrong", f"Basic {BEARER_SECRET}", "Bearer"])
async def test_wrong_token_is_401_and_takes_nothing_in(rig: Rig, web: httpx.AsyncClient, proof: str) -> None:
    answer = await web.post(HOOK, json=call(), headers={"Authorization": proof} if proof else {})
    assert answer.status_code == 401
    assert rig.ledger.alerts.list(10) == []


async def test_personal_token_is_no_proof_of_a_source(rig: Rig, web: httpx.AsyncClient) -> None:
    assert (await web.post(HOOK, json=call(), headers=rig.as_("ada"))).status_code == 401


def signed(body: bytes, secret: str = HMAC_SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Opsdesk-Signature": f"sha256={digest}", "Content-Type": "application/json"}


async def test_signature_over_the_raw_body_is_proof(web: httpx.AsyncClient) -> None:
    body = json.dumps({"name": "DiskFull", "cluster": "prod"}).encode()
    assert (await web.post("/api/v1/webhooks/signed", content=body, headers=signed(body))).status_code == 202
    for headers in (
        signed(body + b" "),
        signed(body, "another-secret-of-someone"),
        {"X-Opsdesk-Signature": "sha256=é"},
    ):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        assert (await web.post("/api/v1/webhooks/signed", content=body, headers=raw)).status_code == 401


async def test_bearer_secret_does_not_open_a_source_that_signs(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/v1/webhooks/signed", json={}, headers={"Authorization": f"Bearer {HMAC_SECRET}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b'{"alerts": "\xc3\x28"}', 400),
        (b"[" * 50_000, 400),
        (b'{"version": NaN}', 400),
        (b'"\\ud800"', 400),
        (b"null", 422),
        (b"[]", 422),
        (b'{"alerts": 7}', 422),
        (b'{"version": "4", "alerts": [7]}', 422),
        (b'{"version": "4", "alerts": [{"labels": {"alertname": ["x"]}, "status": "firing"}]}', 422),
    ],
)
async def test_bad_body_is_told_what_is_wrong_and_nothing_is_stored(
    rig: Rig, web: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await web.post(HOOK, content=body, headers=BEARER)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert "Traceback" not in answer.text
    assert rig.ledger.alerts.list(10) == []


async def test_malformed_json_is_told_with_its_line_and_column(web: httpx.AsyncClient) -> None:
    answer = await web.post(HOOK, content=b'{\n  "alerts": [,]\n}', headers=BEARER)
    assert (answer.json()["line"], answer.json()["column"]) == (2, 14)


async def test_body_that_is_not_called_json_is_415(web: httpx.AsyncClient) -> None:
    answer = await web.post(HOOK, content=b"<x/>", headers=BEARER | {"Content-Type": "application/xml"})
    assert answer.status_code == 415


async def test_ten_megabytes_are_413_and_are_not_read(rig: Rig) -> None:
    sent = 0

    async def chunks() -> Any:
        nonlocal sent
        for _ in range(1000):
            sent += 10_000
            yield b"x" * 10_000

    async with rig.client() as client:
        declared = await client.post(HOOK, content=b"x" * 10_000_000, headers=BEARER)
        streamed = await client.post(HOOK, content=chunks(), headers=BEARER)
    assert declared.status_code == streamed.status_code == 413
    assert "maximum_body_bytes" in streamed.json()["next_step"]
    assert sent <= BODY_BYTES + 20_000


async def test_busy_ledger_is_503_with_a_time_to_try_again(
    rig: Rig, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise LedgerBusy("too many writers wait", retry_after_seconds=1.2)

    monkeypatch.setattr(rig.ledger.alerts, "receive", busy)
    answer = await web.post(HOOK, json=call(), headers=BEARER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_metrics_count_webhooks_alerts_and_incidents(rig: Rig, web: httpx.AsyncClient) -> None:
    await web.post(HOOK, json=call(), headers=BEARER)
    await web.post(HOOK, json=call(), headers={"Authorization": "Bearer wrong"})
    page = (await web.get("/metrics")).text
    assert 'opsdesk_webhooks_received_total{outcome="accepted",source="alertmanager"} 1.0' in page
    assert 'opsdesk_webhooks_received_total{outcome="refused",source="alertmanager"} 1.0' in page
    assert 'opsdesk_alerts_total{fate="opened"} 1.0' in page
    assert 'opsdesk_incidents{status="open"} 1.0' in page
    assert "opsdesk_approvals_waiting 0.0" in page
