"""One message per incident, brought up to date as the incident goes on, with the story and the diagnosis in its thread."""

from __future__ import annotations

from knowledge.vocabulary import Severity
from tests.slack.conftest import OPS, SlackRig
from tests.web.story import finish, incident_of, whole_story


async def settled(rig: SlackRig) -> None:
    """Everything that is due now is shown."""
    await rig.settle()


async def test_incident_gets_one_message_that_changes_as_it_goes_on(rig: SlackRig) -> None:
    await rig.follow_from_now()
    incident = incident_of(rig.ledger)
    await settled(rig)
    (message,) = rig.tops()
    assert "qwen2-7b has no ready replica" in rig.slack.read(OPS)
    story = whole_story(rig.ledger, key="d1")
    assert story.incident.id == incident.id
    await settled(rig)
    assert [one["ts"] for one in rig.tops()] == [message["ts"]]
    assert "awaiting approval" in str(rig.tops()[0])
    assert "image tag does not exist" in str(rig.tops()[0])


async def test_thread_holds_diagnosis_story_and_review(rig: SlackRig) -> None:
    await rig.follow_from_now()
    story = whole_story(rig.ledger)
    await settled(rig)
    thread = rig.slack.read(OPS, rig.tops()[0]["ts"])
    assert "Read as a fault" in thread
    assert story.evidence[0].id in thread
    assert "[Approve…] [Reject…]" in thread
    assert "kubectl -n serving rollout undo deployment/qwen2-7b" in thread
    assert "5f5f5f" in thread


async def test_outcome_updates_the_review_and_takes_its_buttons_away(rig: SlackRig) -> None:
    rig.person("ana", *("viewer", "approver"), account="U3ANA")  # type: ignore[arg-type]
    await rig.follow_from_now()
    story = whole_story(rig.ledger)
    await settled(rig)
    finish(rig.ledger, story)
    await settled(rig)
    thread = rig.slack.read(OPS, rig.tops()[0]["ts"])
    assert "[Approve…]" not in thread
    assert "the tag is a typo" in thread
    assert "resolved" in str(rig.tops()[0])


async def test_nothing_is_sent_when_nothing_has_changed(rig: SlackRig) -> None:
    await rig.follow_from_now()
    whole_story(rig.ledger)
    await settled(rig)
    before = len(rig.slack.calls)
    await settled(rig)
    assert len(rig.slack.calls) == before


async def test_incident_goes_to_the_first_channel_that_takes_it(rig: SlackRig) -> None:
    await rig.follow_from_now()
    incident_of(rig.ledger)
    await settled(rig)
    assert len(rig.tops()) == 1
    rig.ledger.incidents.update(rig.ledger.incidents.list(rig.everything)[0].id, severity=Severity.LOW)
    await settled(rig)
    assert len(rig.tops()) == 1


async def test_incidents_of_before_the_first_start_are_not_posted(rig: SlackRig) -> None:
    incident_of(rig.ledger)
    await rig.follow_from_now()
    await settled(rig)
    assert rig.tops() == []
