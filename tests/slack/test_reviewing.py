"""Deciding in Slack is deciding at the desk: the same checks, the digest that stood beside the button, one vote a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from knowledge.vocabulary import ApprovalStatus, Decision, Role, Ruling, Scope
from tests.fakes.slack_blocks import buttons, seen
from tests.fakes.slack_server import TEAM
from tests.fakes.slack_workspace import press, submission
from tests.slack.conftest import OPS, SlackRig
from tests.web.story import Story, whole_story

Json = dict[str, Any]


class Table:
    """A plan under review in the channel, and people who press its buttons."""

    def __init__(self, rig: SlackRig, story: Story) -> None:
        self.rig, self.story = rig, story

    @property
    def message(self) -> Json:
        return next(one for one in self.rig.slack.said(OPS) if f"Review of {self.story.plan.id}" in seen(one))

    def button(self, does: str) -> Json:
        return next(one for one in buttons(self.message) if one["action_id"].startswith(f"opsdesk.{does}."))

    async def press(self, user: str, does: str, *, button: Json | None = None, **how: Any) -> Json | None:
        """The view that opened; None when none did."""
        before, whispers = len(self.rig.slack.views), len(self.rig.slack.ephemeral)
        chosen = button or self.button(does)
        trigger = self.rig.slack.trigger()
        answer = await self.rig.send(press(user, OPS, self.message, chosen, trigger=trigger, **how))
        assert answer.status_code == 200
        slack = self.rig.slack
        await slack.until(lambda: len(slack.views) > before or len(slack.ephemeral) > whispers)
        return slack.views[-1] if len(slack.views) > before else None

    async def submit(self, user: str, view: Json, reason: str = "", **how: Any) -> Json:
        answer = await self.rig.send(submission(user, view, {"reason": reason}, **how))
        assert answer.status_code == 200
        told: Json = answer.json()
        return told

    def status(self) -> ApprovalStatus:
        return self.rig.ledger.approvals.get(self.story.approval.id).status

    @property
    def whispered(self) -> str:
        return seen(self.rig.slack.ephemeral[-1])


async def table(rig: SlackRig, *, ruling: Ruling = Ruling.ONE, requester: str = "") -> Table:
    await rig.follow_from_now()
    rig.person("ana", Role.VIEWER, Role.APPROVER, account="U3ANA")
    story = whole_story(rig.ledger, ruling=ruling, requester=requester)
    await rig.settle()
    return Table(rig, story)


async def test_approval_goes_through_a_confirmation_with_the_diff(rig: SlackRig) -> None:
    here = await table(rig)
    view = await here.press("U3ANA", "approve")
    assert view is not None
    read = seen(view)
    for shown in (
        "rollout undo",
        "-registry.local/vllm-openai:v0.9.1-cu124-typo",
        "2 pods, 2 replicas",
        "Reason: ____",
    ):
        assert shown in read
    told = await here.submit("U3ANA", view, "the tag is a typo")
    assert told["response_action"] == "update"
    assert "Your approval is counted" in seen(told["view"])
    assert here.status() is ApprovalStatus.APPROVED
    vote = rig.ledger.approvals.get(here.story.approval.id).votes[0]
    assert (vote.principal, vote.reason, vote.digest) == ("ana", "the tag is a typo", here.story.review.digest)
    await rig.settle()
    assert "[Approve…]" not in seen(here.message)
    assert "ana: approve the tag is a typo" in seen(here.message)


async def test_rejection_needs_a_reason_and_can_be_mended_in_the_form(rig: SlackRig) -> None:
    here = await table(rig)
    view = await here.press("U3ANA", "reject")
    assert view is not None
    assert view["blocks"][-1]["optional"] is False
    told = await here.submit("U3ANA", view, "  ")
    assert told == {"response_action": "errors", "errors": {"reason": "a no needs a reason"}}
    assert here.status() is ApprovalStatus.WAITING
    await here.submit("U3ANA", view, "not at noon")
    assert here.status() is ApprovalStatus.REJECTED


async def test_press_of_an_unlinked_user_opens_nothing_and_tells_how_to_link(rig: SlackRig) -> None:
    here = await table(rig)
    rig.slack.user("U9ELSE")
    assert await here.press("U9ELSE", "approve") is None
    assert "opsdesk user link-code" in here.whispered
    assert here.status() is ApprovalStatus.WAITING


async def test_forged_form_of_an_unlinked_user_decides_nothing(rig: SlackRig) -> None:
    here = await table(rig)
    view = await here.press("U3ANA", "approve")
    assert view is not None
    rig.slack.user("U9ELSE")
    told = await here.submit("U9ELSE", view)
    assert "Nothing was recorded" in told["view"]["title"]["text"]
    assert here.status() is ApprovalStatus.WAITING


async def test_user_of_another_workspace_with_the_same_id_is_somebody_else(rig: SlackRig) -> None:
    here = await table(rig)
    view = await here.press("U3ANA", "approve")
    assert view is not None
    payload = submission("U3ANA", view, {"reason": ""})
    payload["user"]["team_id"] = "T9OTHER"
    told = (await rig.send(payload)).json()
    assert "Nothing was recorded" in told["view"]["title"]["text"]
    assert here.status() is ApprovalStatus.WAITING


async def test_viewer_is_told_why_not(rig: SlackRig) -> None:
    here = await table(rig)
    rig.person("vera", Role.VIEWER, account="U2VERA")
    assert await here.press("U2VERA", "approve") is None
    assert "your roles do not include approver" in here.whispered


async def test_requester_does_not_approve_their_own(rig: SlackRig) -> None:
    here = await table(rig, requester="ana")
    assert await here.press("U3ANA", "approve") is None
    assert "another person has to approve it" in here.whispered


async def test_approver_of_another_scope_finds_no_such_request(rig: SlackRig) -> None:
    here = await table(rig)
    rig.person("otto", Role.APPROVER, account="U4OTTO", scope=Scope(namespaces=("billing",)))
    assert await here.press("U4OTTO", "approve") is None
    assert "there is no approval request" in here.whispered


async def test_two_slack_users_of_one_principal_count_once(rig: SlackRig) -> None:
    here = await table(rig, ruling=Ruling.TWO)
    rig.slack.user("U5ANA")
    rig.ledger.linked_identities.link(f"slack:{TEAM}", "U5ANA", "ana", actor="test")
    first = await here.press("U3ANA", "approve")
    second = await here.press("U5ANA", "approve")
    assert first is not None
    assert second is not None
    await here.submit("U3ANA", first)
    told = await here.submit("U5ANA", second)
    assert "has voted" in seen(told["view"])
    assert here.status() is ApprovalStatus.WAITING
    assert await here.press("U5ANA", "approve") is None
    assert "another person has to decide" in here.whispered


async def test_stale_button_says_why(rig: SlackRig) -> None:
    here = await table(rig)
    stale = here.button("approve")
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(here.story.approval.id, ana, Decision.REJECT, "no", here.story.review.digest)
    assert await here.press("U3ANA", "approve", button=stale) is None
    assert "This button is out of date" in here.whispered
    assert "rejected" in here.whispered


async def test_button_of_another_digest_opens_nothing(rig: SlackRig) -> None:
    here = await table(rig)
    forged = here.button("approve")
    value = json.loads(forged["value"]) | {"digest": "sha256:" + "00" * 32}
    assert await here.press("U3ANA", "approve", button=forged | {"value": json.dumps(value)}) is None
    assert "the plan has changed since" in here.whispered


async def test_form_of_another_digest_decides_nothing(rig: SlackRig) -> None:
    here = await table(rig)
    view = await here.press("U3ANA", "approve")
    assert view is not None
    value = json.loads(view["private_metadata"]) | {"digest": "sha256:" + "00" * 32}
    told = await here.submit("U3ANA", view | {"private_metadata": json.dumps(value)})
    assert "another plan" in seen(told["view"])
    assert here.status() is ApprovalStatus.WAITING


async def test_press_that_came_too_late_is_told_to_press_again(rig: SlackRig) -> None:
    here = await table(rig)
    rig.slack.trouble.fails["views.open"] = "expired_trigger_id"
    assert await here.press("U3ANA", "approve") is None
    assert "press it again" in here.whispered


async def test_press_that_slack_repeats_opens_one_form(rig: SlackRig) -> None:
    here = await table(rig)
    payload = press("U3ANA", OPS, here.message, here.button("approve"), trigger=rig.slack.trigger())
    assert [(await rig.send(payload)).status_code for _ in range(3)] == [200] * 3
    await rig.slack.until(lambda: rig.slack.views)
    assert rig.slack.count("views.open") == 1


@pytest.mark.parametrize("value", ["", "{}", "nonsense", '{"approval": "../x", "digest": "y"}', '["a"]'])
async def test_button_with_a_strange_value_harms_nothing(rig: SlackRig, value: str) -> None:
    here = await table(rig)
    assert await here.press("U3ANA", "approve", button=here.button("approve") | {"value": value}) is None
    assert here.status() is ApprovalStatus.WAITING


async def test_vote_that_takes_too_long_is_acknowledged_in_time_and_counted(
    rig: SlackRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from api.slack import listening
    from api.web import acts

    here = await table(rig)
    view = await here.press("U3ANA", "approve")
    assert view is not None
    goes_on, decide = threading.Event(), acts.decide

    def slow(*given: Any) -> Any:
        goes_on.wait(10)
        return decide(*given)

    monkeypatch.setattr(acts, "decide", slow)
    monkeypatch.setattr(listening, "VOTE_SECONDS", 0.05)
    told = await here.submit("U3ANA", view)
    assert "It is being recorded" in seen(told["view"])
    goes_on.set()
    await rig.slack.until(lambda: here.status() is ApprovalStatus.APPROVED)
