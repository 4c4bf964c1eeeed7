"""One message per incident, brought up to date as the incident goes on, with the story and the diagnosis in its thread."""

from __future__ import annotations

from pathlib import Path

from api.slack.options import SlackChannelSettings
from knowledge.vocabulary import Language, Scope, Severity
from tests.fakes.slack_blocks import seen
from tests.fakes.slack_server import FakeSlack
from tests.fakes.slack_workspace import mention
from tests.slack.conftest import OPS, SlackRig, slack_rig
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


async def test_channel_reads_within_its_patterns_and_in_its_language(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    channels = (
        SlackChannelSettings(channel="C1GATE", namespaces=("gateway",)),
        SlackChannelSettings(channel=OPS, namespaces=("serving",), language=Language.ZH),
    )
    slack.channel("C1GATE")
    async with slack_rig(slack, ledger_template, tmp_path, channels=channels) as rig:
        await rig.follow_from_now()
        story = whole_story(rig.ledger)
        hidden = rig.ledger.evidence.get(story.evidence[3].id)
        assert hidden.object is not None
        assert hidden.object.namespace == "gateway"
        cites = story.evidence[3].id
        diagnosis = rig.ledger.diagnoses.latest(story.incident.id)
        assert diagnosis is not None
        assert diagnosis.chosen is not None
        chosen = diagnosis.chosen.model_copy(update={"evidence_ids": (*diagnosis.chosen.evidence_ids, cites)})
        rig.ledger.diagnoses.put(story.incident.id, diagnosis.model_copy(update={"chosen": chosen}))
        await rig.settle()
        assert rig.tops("C1GATE") == []
        read = rig.slack.read(OPS)
        assert "新镜像标签不存在" in read
        assert "待审批" in read
        assert "[批准…] [拒绝…]" in read
        assert cites not in read
        assert "gateway secret plans" not in read
        assert "Deployment/gateway/envoy" not in read


async def test_cause_outside_the_channels_scope_is_said_to_be_hidden(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    channels = (SlackChannelSettings(channel=OPS, namespaces=("serving",)),)
    async with slack_rig(slack, ledger_template, tmp_path, channels=channels) as rig:
        await rig.follow_from_now()
        story = whole_story(rig.ledger)
        diagnosis = rig.ledger.diagnoses.latest(story.incident.id)
        assert diagnosis is not None
        assert diagnosis.chosen is not None
        gateway = story.evidence[3].object
        chosen = diagnosis.chosen.model_copy(update={"object": gateway})
        rig.ledger.diagnoses.put(story.incident.id, diagnosis.model_copy(update={"chosen": chosen}))
        await rig.settle()
        assert "outside what this channel may read" in seen(rig.tops()[0])
        assert "image tag does not exist" not in seen(rig.tops()[0])


async def test_reply_in_an_incidents_thread_is_about_that_incident(rig: SlackRig) -> None:
    await rig.follow_from_now()
    story = whole_story(rig.ledger)
    await rig.settle()
    card = rig.tops()[0]["ts"]
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why", card)
    await rig.send(mention("U1RUI", OPS, "why did that happen", ts=ts, thread=card))
    await rig.slack.until(lambda: rig.engine.asked)
    assert rig.engine.asked[0]["incident"] == story.incident.id


async def test_reply_of_somebody_without_the_scope_is_about_no_incident(rig: SlackRig) -> None:
    rig.person("otto", account="U4OTTO", scope=Scope(namespaces=("billing",)))
    await rig.follow_from_now()
    whole_story(rig.ledger)
    await rig.settle()
    card = rig.tops()[0]["ts"]
    rig.start()
    ts = rig.slack.write(OPS, "U4OTTO", "why", card)
    await rig.send(mention("U4OTTO", OPS, "why did that happen", ts=ts, thread=card))
    await rig.slack.until(lambda: rig.engine.asked)
    assert rig.engine.asked[0]["incident"] == ""
