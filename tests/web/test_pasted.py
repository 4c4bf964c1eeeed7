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
