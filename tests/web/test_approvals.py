"""Deciding over the API: the right person, once, on exactly what was shown."""

from __future__ import annotations

import asyncio

import pytest

from knowledge.vocabulary import ApprovalStatus, Role, Ruling, Scope
from tests.web.conftest import Rig
from tests.web.story import Story, whole_story

API = "/api/v1"


def vote(story: Story, decision: str = "approve", **more: str) -> dict[str, str]:
    return {"decision": decision, "reason": "looked at it", "digest": story.review.digest} | more


async def test_approver_approves_what_waits_for_them(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    async with rig.client("ana") as ana:
        (waiting,) = (await ana.get(f"{API}/approvals")).json()["items"]
        assert waiting["may_decide"]["may"] is True
        answer = await ana.post(f"{API}/approvals/{waiting['approval']['id']}", json=vote(story))
        assert answer.json()["status"] == "approved"
        assert (await ana.get(f"{API}/approvals")).json()["items"] == []
    assert rig.nudges.count == 1
    assert "approval_decided" in wakes_of(rig)


@pytest.mark.parametrize("name", ["vera", "rui", "ada"])
async def test_only_an_approver_decides_even_before_an_admin(rig: Rig, name: str) -> None:
    story = whole_story(rig.ledger)
    async with rig.client(name) as client:
        answer = await client.post(f"{API}/approvals/{story.approval.id}", json=vote(story))
        (waiting,) = (await client.get(f"{API}/approvals")).json()["items"]
    assert answer.status_code == 403
    assert waiting["may_decide"]["why_not"]["en"] == "your roles do not include approver"
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


async def test_requester_is_not_approver_under_any_identity(rig: Rig) -> None:
    rig.person("lin", Role.RESPONDER, Role.APPROVER, person="lin-human")
    rig.person("lin2", Role.APPROVER, person="lin-human")
    story = whole_story(rig.ledger, requester="lin")
    for name in ("lin", "lin2"):
        async with rig.client(name) as client:
            answer = await client.post(f"{API}/approvals/{story.approval.id}", json=vote(story))
            (waiting,) = (await client.get(f"{API}/approvals")).json()["items"]
        assert (answer.status_code, answer.json()["title"]) == (403, "approver is requester")
        assert "another person" in waiting["may_decide"]["why_not"]["en"]


async def test_two_different_persons_are_needed_when_the_ruling_says_two(rig: Rig) -> None:
    rig.person("ann", Role.APPROVER, person="ana")
    rig.person("ben", Role.APPROVER)
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    path = f"{API}/approvals/{story.approval.id}"
    async with rig.client("ana") as ana, rig.client("ann") as ann, rig.client("ben") as ben:
        assert (await ana.post(path, json=vote(story))).json()["status"] == "waiting"
        assert (await ana.post(path, json=vote(story))).status_code == 409
        assert (await ann.post(path, json=vote(story))).status_code == 409
        assert (await ben.post(path, json=vote(story))).json()["status"] == "approved"


async def test_vote_on_another_digest_is_409_and_counts_nothing(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    async with rig.client("ana") as ana:
        answer = await ana.post(f"{API}/approvals/{story.approval.id}", json=vote(story, digest="sha256:00"))
    assert (answer.status_code, answer.json()["title"]) == (409, "plan changed after approval")
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.WAITING


async def test_no_needs_a_reason(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    async with rig.client("ana") as ana:
        path = f"{API}/approvals/{story.approval.id}"
        assert (await ana.post(path, json=vote(story, "reject", reason="  "))).status_code == 422
        assert (await ana.post(path, json=vote(story, "reject"))).json()["status"] == "rejected"
        assert (await ana.post(path, json=vote(story))).status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"decision": "maybe", "digest": "x"}, {"decision": "approve"}, {"decision": "approve", "digest": 7}]
)
async def test_half_a_vote_is_422(rig: Rig, body: dict[str, object]) -> None:
    story = whole_story(rig.ledger)
    async with rig.client("ana") as ana:
        assert (await ana.post(f"{API}/approvals/{story.approval.id}", json=body)).status_code == 422


async def test_one_vote_counts_when_many_are_sent_at_once(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    async with rig.client("ana") as ana:
        path = f"{API}/approvals/{story.approval.id}"
        answers = await asyncio.gather(*(ana.post(path, json=vote(story)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(rig.ledger.approvals.get(story.approval.id).votes) == 1


async def test_approver_whose_scope_does_not_cover_the_targets_does_not_see_the_request(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.person("dev", Role.APPROVER, scope=Scope(namespaces=("dev",)))
    async with rig.client("dev") as dev:
        assert (await dev.get(f"{API}/approvals")).json()["items"] == []
        assert (await dev.post(f"{API}/approvals/{story.approval.id}", json=vote(story))).status_code == 404


async def test_manual_step_is_ticked_once_and_only_after_the_approval(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    path = f"{API}/plans/{story.plan.id}/manual-steps/0"
    async with rig.client("rui") as rui, rig.client("ana") as ana:
        assert (await rui.post(path)).status_code == 409
        await ana.post(f"{API}/approvals/{story.approval.id}", json=vote(story))
        assert (await rui.post(path)).json()["manual_steps"][0]["done_by"] == "rui"
        assert (await rui.post(path)).status_code == 409
        assert (await rui.post(f"{API}/plans/{story.plan.id}/manual-steps/9")).status_code == 404
        assert (await rui.post(f"{API}/plans/{story.plan.id}/manual-steps/one")).status_code == 422
    assert "manual_step_done" in wakes_of(rig)


def wakes_of(rig: Rig) -> set[str]:
    """Every reason that waits: one worker at a time has an incident, so each is done before the next is claimed."""
    reasons = set()
    while wakes := rig.ledger.wakes.claim("test", 10, 5.0):
        for wake in wakes:
            reasons.add(wake.reason)
            rig.ledger.wakes.done(wake.id, "test")
    return reasons
