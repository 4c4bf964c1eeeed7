"""A channel of one namespace is told nothing of the others, by whichever message."""

from __future__ import annotations

from pathlib import Path

from api.bootstrap import utc_now
from api.slack.options import SlackChannelSettings
from knowledge.vocabulary import Language, Severity, Text, Ticket
from tests.fakes.slack_server import FakeSlack
from tests.slack.conftest import OPS, _in_haste, ledger_template, slack, slack_rig
from tests.web.story import whole_story

__all__ = ["_in_haste", "ledger_template", "slack"]

SERVING = (SlackChannelSettings(channel=OPS, namespaces=("serving",)),)
OUTSIDE = "Deployment/gateway/envoy"


async def test_story_and_reason_do_not_name_what_lies_outside(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    async with slack_rig(slack, ledger_template, tmp_path, channels=SERVING) as rig:
        await rig.follow_from_now()
        story = whole_story(rig.ledger)
        said = Text(en=f"Looked at {OUTSIDE}: it is out of memory", zh=f"查看了 {OUTSIDE}")
        rig.ledger.timeline.add(story.incident.id, "diagnose", "opsdesk", said)
        by_name = Text(en="the peer envoy of gateway has secret plans", zh="envoy 有计划")
        rig.ledger.timeline.add(story.incident.id, "diagnose", "opsdesk", by_name)
        rig.ledger.incidents.set_status(story.incident.id, story.incident.status, f"waits for {OUTSIDE}")
        await rig.settle()
        top = rig.tops()[0]
        read = str(top) + rig.slack.read(OPS) + rig.slack.read(OPS, top["ts"])
        assert "Read as a fault" in read
        assert "gateway/envoy" not in read
        assert "secret plans" not in read


async def test_incident_of_no_known_place_is_not_told_to_a_channel_of_one_namespace(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    async with slack_rig(slack, ledger_template, tmp_path, channels=SERVING) as rig:
        await rig.follow_from_now()
        ticket = Ticket(
            id="tkt-1",
            requester="rui",
            text="the vault leaks its keys",
            language=Language.EN,
            cluster="prod",
            opened_at=utc_now(),
        )
        rig.ledger.tickets.open(ticket, "the vault leaks its keys", Severity.HIGH)
        await rig.settle()
        assert "vault" not in rig.slack.read(OPS)
