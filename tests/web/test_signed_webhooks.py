"""Calls that somebody recorded: a signature over the time and the body makes them worthless a few minutes later."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest

from knowledge.vocabulary import Scope
from tests.web.conftest import HMAC_SECRET, Rig

TIMED, PLAIN = "/api/v1/webhooks/timed", "/api/v1/webhooks/signed"
SECRET = "a-secret-that-only-grafana-knows"


@pytest.fixture
def timed(rig: Rig) -> Rig:
    rig.ledger.sources.add("timed", "generic", "hmac-timestamp", SECRET)
    return rig


def call(name: str = "DiskFull") -> bytes:
    return json.dumps({"name": name, "cluster": "prod", "namespace": "serving"}).encode()


def signed(body: bytes, at: Any, *, secret: str = SECRET, **more: str) -> dict[str, str]:
    told = f"{at}:".encode() + body
    digest = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
    return {
        "X-Opsdesk-Signature": f"sha256={digest}",
        "X-Opsdesk-Timestamp": str(at),
        "Content-Type": "application/json",
        **more,
    }


def now() -> int:
    return int(time.time())


async def test_call_signed_for_now_is_taken_in(timed: Rig, web: httpx.AsyncClient) -> None:
    for second, clock in enumerate((0, -200, 200)):
        body = call(f"alert-{second}")
        assert (await web.post(TIMED, content=body, headers=signed(body, now() + clock))).status_code == 202
    assert len(timed.ledger.alerts.list()) == 3


@pytest.mark.parametrize(
    "at", [lambda: now() - 301, lambda: now() + 302, lambda: 0, lambda: f"-{now()}", lambda: f"{now()}.5", lambda: "٣"]
)
async def test_call_signed_for_another_time_is_refused(timed: Rig, web: httpx.AsyncClient, at: Any) -> None:
    body = call()
    raw = [(name.encode(), value.encode()) for name, value in signed(body, at()).items()]
    assert (await web.post(TIMED, content=body, headers=raw)).status_code == 401
    assert timed.ledger.alerts.list() == []


async def test_recorded_call_is_worthless_with_another_time_another_key_or_no_time(
    timed: Rig, web: httpx.AsyncClient
) -> None:
    body, recorded = call(), signed(call(), now() - 1_000)
    fresher = {**recorded, "X-Opsdesk-Timestamp": str(now())}
    bare = {name: value for name, value in recorded.items() if name != "X-Opsdesk-Timestamp"}
    for headers in (recorded, fresher, bare, {**recorded, "Idempotency-Key": "new"}):
        assert (await web.post(TIMED, content=body, headers=headers)).status_code == 401
    assert timed.ledger.alerts.list() == []


async def test_signature_over_the_body_alone_is_no_proof_where_the_time_is_required(
    timed: Rig, web: httpx.AsyncClient
) -> None:
    body = call()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Opsdesk-Signature": digest, "Content-Type": "application/json"}
    answer = await web.post(TIMED, content=body, headers=headers)
    assert answer.status_code == 401
    assert "X-Opsdesk-Timestamp" in answer.json()["next_step"]


async def test_call_sent_again_at_once_changes_nothing_whatever_key_it_bears(
    timed: Rig, web: httpx.AsyncClient
) -> None:
    """A sender whose acknowledgement was lost sends it again as it was; so may somebody who recorded it. Neither does harm:
    the alert carries no start of its own, so that taken in anew it would open or join once more."""
    body, headers = call(), signed(call(), now())
    first = await web.post(TIMED, content=body, headers=headers)
    again = await web.post(TIMED, content=body, headers=headers)
    other_key = await web.post(TIMED, content=body, headers={**headers, "Idempotency-Key": "another"})
    assert first.json() == again.json() == other_key.json()
    (record,) = timed.ledger.alerts.list()
    assert record.resends == 0
    assert len(timed.ledger.incidents.list(Scope())) == 1


async def test_time_is_heeded_where_it_is_sent_though_not_required(rig: Rig, web: httpx.AsyncClient) -> None:
    body = call()
    assert (await web.post(PLAIN, content=body, headers=signed(body, now(), secret=HMAC_SECRET))).status_code == 202
    old = signed(body, now() - 1_000, secret=HMAC_SECRET)
    assert (await web.post(PLAIN, content=body, headers=old)).status_code == 401
    without = {name: value for name, value in old.items() if name != "X-Opsdesk-Timestamp"}
    assert (await web.post(PLAIN, content=body, headers=without)).status_code == 401
    assert len(rig.ledger.alerts.list()) == 1
