"""The incident page: what it shows at every stage, what is pressed on it, and for whom it leaves something out."""

from __future__ import annotations

from typing import Literal

import pytest

from api.bootstrap import utc_now
from api.web.console.incident_page import stages
from knowledge.case_file import parse_case
from knowledge.vocabulary import (
    ApprovalStatus,
    CaseKind,
    Decision,
    EvidenceKind,
    ExecutionStatus,
    IncidentStatus,
    RecalledCase,
    Role,
    Ruling,
    Scope,
    StepOutcome,
    StepResult,
    Text,
)
from tests.web.conftest import Rig
from tests.web.pages import Looked, drawn, looked, signed_in
from tests.web.story import GATEWAY, POD, Story, fact, finish, incident_of, whole_story
from tests.web.test_scopes import render_case_for

DIALOG = "Approve exactly this?"


async def page_of(rig: Rig, name: str, incident_id: str) -> Looked:
    return await looked(await signed_in(rig, name), f"/incidents/{incident_id}")


async def test_approver_approves_in_a_dialog_that_shows_the_change_and_its_digest(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await page_of(rig, "ana", story.incident.id)
    await page.press("Approve")
    dialog = page.html.split(DIALOG)[-1]
    assert story.review.digest in dialog
    assert "registry.local/vllm-openai:v0.9.0-cu124" in dialog
    assert "puts 1 field back" in dialog
    page.fill("Reason", "the tag is a typo")
    await page.press("Approve")
    (vote,) = rig.ledger.approvals.get(story.approval.id).votes
    assert (vote.principal, vote.decision, vote.reason) == ("ana", Decision.APPROVE, "the tag is a typo")
    assert page.said == ["Your approval is counted."]
    assert "Approve" not in page.buttons
    assert "the tag is a typo" in page.html


async def test_rejection_without_a_reason_is_asked_for_again_and_counts_nothing(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await page_of(rig, "ana", story.incident.id)
    await page.press("Reject", "Reject")
    assert "At least 1 characters are needed here" in page.html
    assert rig.ledger.approvals.get(story.approval.id).votes == ()
    page.fill("Reason", "wrong tag")
    await page.press("Reject")
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.REJECTED
    assert page.said == ["Your rejection is counted."]


async def test_cancelled_dialog_decides_nothing(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await page_of(rig, "ana", story.incident.id)
    await page.press("Approve", "Cancel")
    assert DIALOG not in page.html
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


async def test_vote_is_refused_and_said_when_somebody_else_decided_meanwhile(rig: Rig) -> None:
    ben = rig.person("ben", Role.APPROVER)
    story = whole_story(rig.ledger)
    page = await page_of(rig, "ana", story.incident.id)
    await page.press("Approve")
    rig.ledger.approvals.vote(story.approval.id, ben, Decision.REJECT, "not now", story.review.digest)
    await page.press("Approve")
    assert "rejected" in page.said[-1]
    assert [vote.principal for vote in rig.ledger.approvals.get(story.approval.id).votes] == ["ben"]


async def test_press_that_comes_too_late_says_so_and_opens_nothing(rig: Rig) -> None:
    ben = rig.person("ben", Role.APPROVER)
    story = whole_story(rig.ledger)
    page = await page_of(rig, "ana", story.incident.id)
    rig.ledger.approvals.vote(story.approval.id, ben, Decision.REJECT, "not now", story.review.digest)
    await page.press("Approve")
    assert "not waiting any more" in page.said[-1]
    assert DIALOG not in page.html


async def test_requester_is_not_offered_the_decision_and_told_why(rig: Rig) -> None:
    rig.person("lin", Role.RESPONDER, Role.APPROVER)
    story = whole_story(rig.ledger, requester="lin")
    page = await page_of(rig, "lin", story.incident.id)
    assert not {"Approve", "Reject"} & set(page.buttons)
    assert "another person has to approve it" in page.html


async def test_approver_alone_breaks_the_glass_with_a_reason_that_others_understand(rig: Rig) -> None:
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    page = await page_of(rig, "ana", story.incident.id)
    glass = "Nobody else can be reached: approve alone…"
    await page.press(glass)
    assert story.review.digest in page.html.split("Break the glass: approve alone?")[-1]
    page.fill("Why nobody else", "now")
    await page.press("Break the glass and approve")
    assert "At least 10 characters" in page.html
    page.fill("Why nobody else", "the gateway is down and nobody else answers")
    await page.press("Break the glass and approve")
    assert rig.ledger.approvals.get(story.approval.id).is_glass_broken
    assert "alone, glass broken" in page.html


async def test_responder_takes_assigns_closes_and_reopens(rig: Rig) -> None:
    incident = incident_of(rig.ledger)
    page = await page_of(rig, "rui", incident.id)
    await page.press("Take it")
    assert rig.ledger.incidents.get(incident.id).assignee == "rui"
    assert "Take it" not in page.buttons
    await page.press("Assign")
    page.fill("Assignee", "")
    await page.press("Assign")
    assert rig.ledger.incidents.get(incident.id).assignee == ""
    await page.press("Close", "Close")
    assert rig.ledger.incidents.get(incident.id).status is IncidentStatus.OPEN
    page.fill("Why it is closed", "false alarm")
    await page.press("Close")
    closed = rig.ledger.incidents.get(incident.id)
    assert (closed.status, closed.reason) == (IncidentStatus.CLOSED, "false alarm")
    await page.press("Reopen")
    page.fill("Why; a new", "it is back")
    await page.press("Reopen")
    assert rig.ledger.incidents.get(incident.id).status is IncidentStatus.OPEN
    assert page.said == ["Assigned.", "Assigned.", "Closed.", "Open again; a new diagnosis begins."]


async def test_merge_leads_to_the_incident_that_took_it_in_and_leaves_nothing_to_press(rig: Rig) -> None:
    one, into = incident_of(rig.ledger), incident_of(rig.ledger, "d2", service="bge-m3", namespace="other")
    page = await page_of(rig, "rui", one.id)
    await page.press("Merge")
    page.fill("Id of the incident", into.id)
    await page.press("Merge")
    assert page.said[-1] == f"-> /incidents/{into.id}"
    merged = await page_of(rig, "rui", one.id)
    assert rig.ledger.incidents.get(one.id).merged_into == into.id
    assert merged.buttons_outside("chat-place") == []
    assert f'href="/incidents/{into.id}"' in merged.html


async def test_incident_outside_the_scope_is_no_choice_to_merge_into(rig: Rig) -> None:
    rig.person("sam", Role.RESPONDER, scope=Scope(namespaces=("serving",)))
    one, foreign = incident_of(rig.ledger), incident_of(rig.ledger, "d2", service="secret", namespace="other")
    page = await page_of(rig, "sam", one.id)
    await page.press("Merge")
    assert foreign.id not in str([element.props.get("options") for element in page.client.elements.values()])


async def test_manual_step_is_ticked_only_after_the_approval(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await page_of(rig, "rui", story.incident.id)
    assert "can be ticked once the plan is approved" in page.html
    assert "Done" not in page.buttons
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "", story.review.digest)
    page = await page_of(rig, "rui", story.incident.id)
    await page.press("Done")
    assert rig.ledger.plans.get(story.plan.id).manual_steps[0].done_by == "rui"
    assert "done by rui" in page.html
    assert "Done" not in page.buttons


async def test_execution_shows_every_step_and_is_stopped_before_the_next(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    execution, token = running(rig, story)
    page = await page_of(rig, "rui", story.incident.id)
    assert "exec-running" in page.html
    assert "out-pending" in page.html
    rig.ledger.executions.record_intent(execution, token, 0, "k0", "sha256:x")
    done = StepResult(step=0, step_key="k0", outcome=StepOutcome.DONE, message="revision 3")
    rig.ledger.executions.record_result(execution, token, done)
    await page.press("Stop before the next step", "Cancel")
    assert not rig.ledger.executions.is_cancelled(execution)
    await page.press("Stop before the next step", "Stop before the next step")
    assert rig.ledger.executions.is_cancelled(execution)
    assert "revision 3" in page.html


async def test_undo_is_asked_for_in_words_before_it_is_asked_for(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    execution = finish(rig.ledger, story, outcome="same")
    page = await page_of(rig, "rui", story.incident.id)
    await page.press("Take the change back", "Take the change back")
    assert rig.ledger.executions.get(execution.id).status is ExecutionStatus.UNDO_REQUESTED
    assert "Take the change back" not in page.buttons


async def test_feedback_is_given_with_what_it_really_was(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await page_of(rig, "rui", story.incident.id)
    await page.press("Partly")
    page.fill("What was it really", "the release tool")
    await page.press("Send")
    (told,) = rig.ledger.feedback.for_incident(story.incident.id)
    assert (told.verdict, told.text) == ("partly", "the release tool")
    assert "the release tool" in page.html


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("outcome", ["better", "same", "worse", "unknown"])
async def test_finished_story_shows_its_execution_verification_and_lesson(
    rig: Rig, language: str, outcome: Literal["better", "same", "worse", "unknown"]
) -> None:
    story = whole_story(rig.ledger)
    finish(rig.ledger, story, outcome=outcome)
    rui = await signed_in(rig, "rui")
    await rui.get(f"/language/{language}")
    page = await looked(rui, f"/incidents/{story.incident.id}")
    undo, taken_back = {"en": ("Take the change back", "Taken back by"), "zh": ("撤销变更", "回退方式")}[language]
    assert undo in page.buttons
    assert taken_back in page.html
    assert f"verify-{outcome}" in page.html
    assert f'href="/knowledge/lessons/les-{story.incident.id}"' in page.html
    assert "it was the release tool" in page.html


async def test_page_without_a_diagnosis_says_that_it_follows(rig: Rig) -> None:
    page = await page_of(rig, "vera", incident_of(rig.ledger).id)
    assert "Evidence is being gathered" in page.html
    assert 'class="is-now" aria-current="step"' in page.html


@pytest.mark.parametrize("ruling", [Ruling.FORBIDDEN, Ruling.REFUSED])
async def test_what_nobody_can_approve_says_so(rig: Rig, ruling: Ruling) -> None:
    story = whole_story(rig.ledger)
    review = story.review.model_copy(update={"id": "rev-strict", "ruling": ruling})
    rig.ledger.plans.put(story.plan.model_copy(update={"id": "pln-strict"}))
    rig.ledger.reviews.put(review.model_copy(update={"plan_id": "pln-strict"}))
    page = await page_of(rig, "ana", story.incident.id)
    assert f"ruling-{ruling}" in page.html
    assert "Nobody can approve this" in page.html
    assert "Approve" not in page.buttons


async def test_recalled_cases_say_why_they_match_and_how_their_remedy_held(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    markdown = render_case_for("trainer")
    rig.desk.library.add_case(parse_case(markdown, source="test"), markdown, embed=False)
    recalled = RecalledCase(
        case_id="shm-too-small",
        kind=CaseKind.FAULT,
        title=Text(en="Shared memory is too small", zh="共享内存过小"),
        score=0.7,
        why="fault shm-too-small",
        outcomes=(2, 1),
    )
    tell_recalled(rig, story, recalled)
    rig.person("sue", Role.VIEWER, scope=Scope(services=("qwen2-*",)))
    page = (await page_of(rig, "rui", story.incident.id)).html
    assert 'href="/knowledge/cases/shm-too-small"' in page
    assert "fault <strong>shm-too-small</strong>" in page
    assert "its remedy held 2 of 3 times" in page
    assert "shm-too-small" not in (await page_of(rig, "sue", story.incident.id)).html.split("Timeline")[0]


async def test_models_order_stands_beside_the_desks_own_where_they_differ(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    diagnosis = rig.ledger.diagnoses.latest(story.incident.id)
    assert diagnosis
    rig.ledger.diagnoses.put(
        story.incident.id, diagnosis.model_copy(update={"model_order": ("hyp-2", "hyp-1"), "model_note": "it differs"})
    )
    page = (await page_of(rig, "vera", story.incident.id)).html
    table = page.split("The model ranks the causes differently")[1].split("</table>")[0]
    assert table.index("The new image tag does not exist") < table.index("The registry is unreachable")
    assert '<td class="num">1</td><td class="num">2</td>' in table
    assert '<td class="num">2</td><td class="num">1</td>' in table
    assert "not ranked" in table
    assert "it differs" in page


async def test_reader_of_one_namespace_is_told_of_steps_elsewhere_and_shown_none_of_them(rig: Rig) -> None:
    rig.person("sam", Role.VIEWER, Role.APPROVER, Role.RESPONDER, scope=Scope(namespaces=("serving",)))
    story = whole_story(rig.ledger)
    other = story.plan.steps[0].model_copy(update={"index": 1, "text": "kubectl -n gateway scale deploy/envoy"})
    frozen = story.review.steps[0].model_copy(update={"step": other, "target": GATEWAY})
    plan = story.plan.model_copy(
        update={"id": "pln-two", "steps": (*story.plan.steps, other), "script": f"{story.plan.script}{other.text}\n"}
    )
    rig.ledger.plans.put(plan)
    rig.ledger.reviews.put(
        story.review.model_copy(update={"id": "rev-two", "plan_id": plan.id, "steps": (*story.review.steps, frozen)})
    )
    page = (await page_of(rig, "sam", story.incident.id)).html
    assert "1 steps touch what lies outside your scope" in page
    assert "gateway" not in page.replace("gateway-503", "")
    assert "envoy" not in page


async def test_evidence_is_shown_from_its_beginning_and_whole_on_its_own_page(rig: Rig) -> None:

    story = whole_story(rig.ledger)
    text = "first line\n" + "x" * 10_000 + "the very end"
    long = fact(EvidenceKind.LOG, POD, "logs container=vllm previous", text, utc_now())
    rig.ledger.evidence.put_many(story.incident.id, [long])
    vera = await signed_in(rig, "vera")
    page = drawn(await vera.get(f"/incidents/{story.incident.id}"))
    assert "first line" in page
    assert "the very end" not in page
    assert f'href="/evidence/{long.id}"' in page
    whole = drawn(await vera.get(f"/evidence/{long.id}"))
    assert "the very end" in whole
    assert f'href="/incidents/{story.incident.id}#{long.id}"' in whole


@pytest.mark.parametrize(
    ("status", "told", "now"),
    [
        (IncidentStatus.OPEN, (), "triage"),
        (IncidentStatus.INVESTIGATING, ("triage", "collect"), "detect"),
        (IncidentStatus.INVESTIGATING, ("triage", "diagnose", "reopen"), "triage"),
        (IncidentStatus.AWAITING_APPROVAL, ("triage", "plan", "review", "approve"), "approve"),
        (IncidentStatus.EXECUTING, ("approve", "execute"), "execute"),
        (IncidentStatus.VERIFYING, ("execute", "verify"), "verify"),
        (IncidentStatus.HANDED_OVER, ("triage", "hand_over"), None),
    ],
)
async def test_flow_names_the_stage_that_is_under_way(
    rig: Rig, status: IncidentStatus, told: tuple[str, ...], now: str | None
) -> None:
    incident = incident_of(rig.ledger)
    for stage in told:
        rig.ledger.timeline.add(incident.id, stage, "opsdesk", Text(en=stage, zh=stage))
    if status is not IncidentStatus.OPEN:
        rig.ledger.incidents.set_status(incident.id, status, "")
    found = stages(rig.ledger.timeline.for_incident(incident.id), rig.ledger.incidents.get(incident.id))
    assert [one.name for one in found if one.state == "now"] == ([now] if now else [])
    assert [one.name for one in found if one.state == "error"] == (["hand_over"] if "hand_over" in told else [])


def test_anything_that_happens_to_an_incident_moves_its_page(rig: Rig) -> None:
    story, other = whole_story(rig.ledger), incident_of(rig.ledger, "d9", service="else", namespace="else")
    moments = [rig.ledger.counts.last_moved(story.incident.id)]
    execution, token = running(rig, story)
    moments.append(rig.ledger.counts.last_moved(story.incident.id))
    rig.ledger.executions.record_intent(execution, token, 0, "k0", "sha256:x")
    moments.append(rig.ledger.counts.last_moved(story.incident.id))
    done = StepResult(step=0, step_key="k0", outcome=StepOutcome.DONE)
    rig.ledger.executions.record_result(execution, token, done)
    moments.append(rig.ledger.counts.last_moved(story.incident.id))
    rig.ledger.feedback.add(story.incident.id, rig.ledger.principals.by_id("ana"), "right", "")
    moments.append(rig.ledger.counts.last_moved(story.incident.id))
    rig.ledger.incidents.assign(other.id, "rui", "rui")
    assert len(set(moments)) == len(moments)
    assert rig.ledger.counts.last_moved(story.incident.id) == moments[-1]
    assert rig.ledger.counts.last_moved("inc-none") == ()


def tell_recalled(rig: Rig, story: Story, *cases: RecalledCase) -> None:
    said = Text(en=f"{len(cases)} cases recalled", zh=f"召回 {len(cases)} 个案例")
    data = {"cases": [case.model_dump(mode="json") for case in cases]}
    rig.ledger.timeline.add(story.incident.id, "retrieve", "opsdesk", said, data)


def running(rig: Rig, story: Story) -> tuple[str, int]:
    """The story's execution under way, with the fencing token of its executor."""
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "", story.review.digest)
    rig.ledger.executions.request(story.incident.id, story.plan.id, story.review, story.approval.id)
    claimed = rig.ledger.executions.claim_next("executor-1", 30.0)
    assert claimed
    return claimed[0].id, claimed[1]
