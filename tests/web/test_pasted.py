"""Pasted text over the API: judged, answered, stored nowhere."""

from __future__ import annotations

import pytest

from tests.cli.test_pasted import CANDIDATES, FAULT
from tests.web.conftest import Rig
from tools.detectors.library import load_detectors


async def test_paste_is_diagnosed_in_the_words_of_the_list(rig: Rig) -> None:
    rig.desk.deps.detectors = load_detectors()  # type: ignore[misc]
    order = {
        "text": FAULT,
        "question": "why are there no invoices?",
        "candidates": [{"taxonomy": taxonomy, "name": name} for taxonomy, name in CANDIDATES],
    }
    async with rig.client("vera") as client:
        answer = await client.post("/api/v1/diagnose", json=order)
        listed = await client.get("/api/v1/incidents")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["verdict"] == "fault"
    assert found["hypotheses"][0]["candidate"] == CANDIDATES[0]
    assert set(found["hypotheses"][0]["evidence"]) <= found["evidence"].keys()
    assert listed.json()["items"] == []


async def test_paste_of_nobody_is_refused(rig: Rig) -> None:
    async with rig.client() as client:
        answer = await client.post("/api/v1/diagnose", json={"text": FAULT})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "order", [{}, {"text": ""}, {"text": 7}, {"text": "x", "candidates": [{"name": ""}]}, {"text": "x", "unknown": 1}]
)
async def test_order_that_is_none_is_refused_naming_the_field(rig: Rig, order: dict[str, object]) -> None:
    async with rig.client("vera") as client:
        answer = await client.post("/api/v1/diagnose", json=order)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_secret_in_pasted_output_is_not_kept(rig: Rig) -> None:
    paste = (
        f"invoices are down\n{FAULT}\n$ kubectl logs ledger-1 -n billing\npassword=hunter2-is-long-enough\nline\nline\n"
    )
    async with rig.client("rui") as client:
        opened = await client.post("/api/v1/tickets", json={"text": paste})
        assert opened.status_code == 201, opened.text
        told = await client.get(f"/api/v1/incidents/{opened.json()['id']}")
    (ticket,) = rig.ledger.tickets.for_incident(opened.json()["id"])
    assert "invoicer-6c9f7d5b8-x2x9k" in ticket.text
    assert "hunter2" not in ticket.text + told.text


async def test_words_without_end_are_refused_with_what_to_do(rig: Rig) -> None:
    async with rig.client("rui") as client:
        answer = await client.post("/api/v1/tickets", json={"text": "slow " * 5_000})
    assert answer.status_code in (400, 422)
    assert "hand in the part that matters" in answer.text
