"""A viewer who posts an approval: refused with 403 on every face, told to the audit, and nothing has changed."""

from __future__ import annotations

import pytest

from api.web import acts
from knowledge.errors import NotAuthorised
from knowledge.vocabulary import ApprovalStatus, Decision, Role
from tests.identity.conftest import Door
from tests.web.story import whole_story


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize("breaks_glass", [False, True])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.RESPONDER, Role.ADMIN])
async def test_decision_of_who_is_no_approver_is_refused_told_and_changes_nothing(
    door: Door, decision: str, breaks_glass: bool, role: Role
) -> None:
    door.person("eve", Role.VIEWER, role)
    story = whole_story(door.ledger)
    request = story.approval
    order = {"decision": decision, "reason": "because", "digest": request.digest, "break_glass": breaks_glass}
    async with door.client("eve") as eve:
        answer = await eve.post(f"/api/v1/approvals/{request.id}", json=order)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "approver" in answer.json()["detail"]
    kept = door.ledger.approvals.get(request.id)
    assert kept.status is ApprovalStatus.WAITING
    assert not kept.votes
    (told,) = door.audited("approval.refused")
    assert (told.actor, told.subject, told.detail["decision"]) == ("eve", request.id, decision)
    assert door.audited("approval.vote", "approval.break_glass") == []


async def test_session_cookie_never_decides_through_the_api(door: Door) -> None:
    """Not even an approver's: what a browser sends by itself decides nothing."""
    door.person("ana", Role.APPROVER, Role.VIEWER)
    door.set_password("ana", "seven wet umbrellas")
    request = whole_story(door.ledger).approval
    browser = door.browser()
    await browser.sign_in("ana", "seven wet umbrellas")
    order = {"decision": "approve", "digest": request.digest}
    answer = await browser.client.post(f"/api/v1/approvals/{request.id}", json=order)
    assert answer.status_code == 401
    assert door.ledger.approvals.get(request.id).status is ApprovalStatus.WAITING


def test_act_that_every_face_goes_through_refuses_and_tells(door: Door) -> None:
    """The console's button, Slack's and the command line end here: a viewer's press is refused like a viewer's post."""
    request = whole_story(door.ledger).approval
    vera = door.ledger.principals.by_id("vera")
    order = acts.DecisionOrder(decision=Decision.APPROVE, digest=request.digest)
    with pytest.raises(NotAuthorised):
        acts.decide(door.desk, vera, request.id, order)
    assert [one.actor for one in door.audited("approval.refused")] == ["vera"]
    assert door.ledger.approvals.get(request.id).status is ApprovalStatus.WAITING
