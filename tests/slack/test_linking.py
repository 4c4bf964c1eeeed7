"""Whoever is linked to nobody reads nothing; a one-time code, said where nobody else reads, makes an account somebody's."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from api.messengers import linking
from knowledge.ledger import linked_identities
from knowledge.vocabulary import Role
from tests.fakes.slack_blocks import seen
from tests.fakes.slack_server import TEAM
from tests.fakes.slack_workspace import command, direct, mention, press, shortcut
from tests.slack.conftest import OPS, SlackRig

ELSE = "U9ELSE"


@pytest.fixture(autouse=True)
def _stranger(rig: SlackRig) -> None:
    rig.slack.user(ELSE)
    rig.slack.channel(f"D{ELSE}")


async def said_to(rig: SlackRig, text: str) -> str:
    """What the desk answers a direct message of the stranger's."""
    here = f"D{ELSE}"
    count = len(rig.slack.said(here))
    await rig.send(direct(ELSE, text, ts=rig.slack.write(here, ELSE, text)))
    await rig.slack.until(lambda: len(rig.slack.said(here)) >= count + 2)
    await rig.slack.until(lambda: "Looking" not in seen(rig.slack.said(here)[-1]))
    return seen(rig.slack.said(here)[-1])


async def test_mention_of_an_unlinked_user_is_answered_to_them_alone_and_read_by_nobody(rig: SlackRig) -> None:
    rig.start()
    await rig.send(mention(ELSE, OPS, "why is qwen slow", ts=rig.slack.write(OPS, ELSE, "why is qwen slow")))
    await rig.slack.until(lambda: rig.slack.ephemeral)
    assert "opsdesk user link-code" in seen(rig.slack.ephemeral[0])
    assert rig.slack.ephemeral[0]["user"] == ELSE
    assert rig.engine.asked == []
    assert [one["user"] for one in rig.slack.said(OPS)] == [ELSE]


async def test_no_way_of_asking_gives_an_unlinked_user_an_answer(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "pod is OOMKilled")
    message = rig.slack.said(OPS)[0]
    await rig.send(direct(ELSE, "why", ts=rig.slack.write(f"D{ELSE}", ELSE, "why")))
    await rig.send(command(ELSE, "why is it slow", trigger=rig.slack.trigger()))
    await rig.send(shortcut(ELSE, OPS, message, trigger=rig.slack.trigger()))
    for does in ("say", "open"):
        button = {"action_id": f"opsdesk.{does}.0", "value": "restart everything"}
        await rig.send(press(ELSE, OPS, message, button, trigger=rig.slack.trigger()))
    told = rig.slack.ephemeral
    await rig.slack.until(lambda: len(told) == 3 and len(rig.slack.said(f"D{ELSE}")) == 3)
    await asyncio.sleep(0.05)
    assert rig.engine.asked == []
    assert rig.slack.said(OPS, ts) == []
    assert rig.ledger.incidents.list(rig.everything) == []


async def test_code_links_the_account_once(rig: SlackRig) -> None:
    rig.start()
    code = rig.ledger.linked_identities.make_code("rui", actor="rui")
    assert "You are rui in opsdesk now" in await said_to(rig, f"link {code.lower()}")
    assert rig.ledger.linked_identities.principal_of(f"slack:{TEAM}", ELSE) == rig.ledger.principals.by_id("rui")
    assert "You said: why is it slow" in await said_to(rig, "why is it slow")
    rig.slack.user("U8OTHER")
    await rig.send(command("U8OTHER", f"link {code}", trigger=rig.slack.trigger()))
    await rig.slack.until(lambda: "not known, was used, or has run out" in rig.slack.read("DU8OTHER"))


async def test_code_is_refused_when_its_ten_minutes_are_over(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.start()
    monkeypatch.setattr(linked_identities, "CODE_LIFE", timedelta(seconds=-1))
    code = rig.ledger.linked_identities.make_code("rui", actor="rui")
    assert "has run out" in await said_to(rig, f"link {code}")


async def test_codes_are_not_guessed(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.start()
    monkeypatch.setattr(linking, "TRIES", 2)
    for _ in range(2):
        assert "not known" in await said_to(rig, "link AAAA-BBBB-CCCC")
    code = rig.ledger.linked_identities.make_code("rui", actor="rui")
    assert "Too many codes" in await said_to(rig, f"link {code}")


async def test_code_that_is_said_in_a_channel_links_nobody_and_is_spoilt(rig: SlackRig) -> None:
    rig.start()
    code = rig.ledger.linked_identities.make_code("rui", actor="rui")
    await rig.send(mention(ELSE, OPS, f"link {code}", ts=rig.slack.write(OPS, ELSE, "link")))
    await rig.slack.until(lambda: rig.slack.ephemeral)
    assert "not for a channel" in seen(rig.slack.ephemeral[0])
    assert rig.ledger.linked_identities.principal_of(f"slack:{TEAM}", ELSE) is None
    assert "not known" in await said_to(rig, f"link {code}")


async def test_account_stays_its_owners_when_another_says_a_code_of_theirs(rig: SlackRig) -> None:
    rig.person("ana", Role.APPROVER)
    rig.start()
    first = rig.ledger.linked_identities.make_code("rui", actor="rui")
    await said_to(rig, f"link {first}")
    second = rig.ledger.linked_identities.make_code("ana", actor="ana")
    assert "linked to another user already" in await said_to(rig, f"link {second}")
    assert "You are rui" in await said_to(rig, "whoami")


async def test_unlinking_takes_every_right_away_at_once(rig: SlackRig) -> None:
    rig.start()
    await said_to(rig, f"link {rig.ledger.linked_identities.make_code('rui', actor='rui')}")
    assert "linked to nobody" in await said_to(rig, "unlink")
    assert "I do not know yet who you are" in await said_to(rig, "why is it slow")


async def test_disabled_principal_reads_nothing_any_more(rig: SlackRig) -> None:
    rig.start()
    await said_to(rig, f"link {rig.ledger.linked_identities.make_code('rui', actor='rui')}")
    rig.ledger.principals.disable("rui")
    assert "I do not know yet who you are" in await said_to(rig, "why is it slow")


async def test_account_of_another_workspace_is_another_account(rig: SlackRig) -> None:
    """In a shared channel a user of the other side may have any id, the linked one's too."""
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    payload = mention("U1RUI", OPS, "why is it slow", ts=ts, user_team="T9OTHER")
    await rig.send(payload)
    await rig.slack.until(lambda: rig.slack.ephemeral)
    assert rig.engine.asked == []


async def test_nothing_is_said_in_a_channel_that_is_shared_with_another_organisation(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "why")
    await rig.send(mention("U1RUI", OPS, "why is it slow", ts=ts) | {"is_ext_shared_channel": True})
    await rig.slack.until(lambda: rig.slack.ephemeral)
    assert "shared with another organisation" in seen(rig.slack.ephemeral[0])
    assert rig.engine.asked == []


async def test_linking_is_audited_without_the_code(rig: SlackRig) -> None:
    rig.start()
    code = rig.ledger.linked_identities.make_code("rui", actor="rui")
    await said_to(rig, f"link {code}")
    entries = [entry for entry in rig.ledger.audit.entries() if entry.verb.startswith("identity.")]
    assert {entry.verb for entry in entries} == {"identity.link", "identity.make_code"}
    assert code not in str(entries)
    assert code not in str(rig.slack.calls)
