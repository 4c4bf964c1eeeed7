"""Approving alone, over the API and on the page: offered only where it is allowed, and shown to every other approver."""

from __future__ import annotations

from knowledge.vocabulary import ReversalKind, Role, Ruling
from tests.web.conftest import Rig
from tests.web.pages import drawn, signed_in
from tests.web.story import Story, whole_story

API = "/api/v1"
REASON = "the gateway is down and nobody else answers"


def order(story: Story, **more: object) -> dict[str, object]:
    base = {"decision": "approve", "reason": REASON, "digest": story.review.digest, "break_glass": True}
    return base | more


async def test_one_approver_alone_approves_what_its_undo_restores(rig: Rig) -> None:
    rig.person("ben", Role.VIEWER, Role.APPROVER)
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    assert {step.reversal for step in story.review.steps if step.is_change} == {ReversalKind.RESTORES}
    async with rig.client("ana") as ana, rig.client("ben") as ben:
        (waiting,) = (await ana.get(f"{API}/approvals")).json()["items"]
        assert waiting["may_decide"]["may_break_glass"] is True
        answer = await ana.post(f"{API}/approvals/{story.approval.id}", json=order(story))
        assert (answer.status_code, answer.json()["status"]) == (200, "approved")
        assert "ben" in answer.json()["told"]
        (shown,) = (await ben.get(f"{API}/approvals/broken-glass")).json()["items"]
    page = drawn(await (await signed_in(rig, "ben")).get("/approvals"))
    assert shown["id"] == story.approval.id
    assert REASON in page
    assert rig.nudges.count == 1


async def test_nobody_approves_alone_where_the_policy_or_the_reason_says_no(rig: Rig) -> None:
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    path = f"{API}/approvals/{story.approval.id}"
    async with rig.client("ana") as ana, rig.client("vera") as vera:
        assert (await ana.post(path, json=order(story, reason="now"))).json()["title"] == "break-glass refused"
        assert (await ana.post(path, json=order(story, decision="reject"))).status_code == 409
        assert (await vera.post(path, json=order(story))).status_code == 403
        assert (await vera.get(f"{API}/approvals/broken-glass")).status_code == 403
        rig.desk.deps.policy.__dict__["break_glass"] = "never"
        assert (await ana.post(path, json=order(story))).status_code == 409
        (waiting,) = (await ana.get(f"{API}/approvals")).json()["items"]
    assert waiting["may_decide"]["may_break_glass"] is False
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


async def test_a_plan_that_one_may_approve_offers_no_glass(rig: Rig) -> None:
    whole_story(rig.ledger)
    async with rig.client("ana") as ana:
        (waiting,) = (await ana.get(f"{API}/approvals")).json()["items"]
    assert (waiting["may_decide"]["may"], waiting["may_decide"]["may_break_glass"]) == (True, False)
