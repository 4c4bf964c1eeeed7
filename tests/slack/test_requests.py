"""What Slack sends is proved, of our workspace, and once; what is none of it is refused before anything is read of it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from knowledge.errors import LedgerBusy
from tests.fakes.slack_server import BOT_USER, FakeSlack
from tests.fakes.slack_workspace import body_of, command, event, mention, signed, submission
from tests.slack.conftest import OPS, SlackRig, slack_rig

FORGED = "0" * 32


def asked(rig: SlackRig, text: str = "why is it slow") -> dict[str, Any]:
    return mention("U1RUI", OPS, text, ts=rig.slack.write(OPS, "U1RUI", text))


async def nothing_came_of_it(rig: SlackRig) -> None:
    rig.start()
    await rig.slack.until(lambda: True)
    await asyncio.sleep(0.05)
    assert rig.engine.asked == []
    assert not any(name.startswith("chat.") for name, _ in rig.slack.calls)


async def test_request_with_a_forged_signature_is_refused(rig: SlackRig) -> None:
    assert (await rig.send(asked(rig), secret=FORGED)).status_code == 401
    await nothing_came_of_it(rig)


async def test_request_without_a_signature_is_refused(rig: SlackRig) -> None:
    assert (await rig.send(asked(rig), headers={})).status_code == 401
    await nothing_came_of_it(rig)


@pytest.mark.parametrize("seconds", [-301, -86_400, 301])
async def test_old_request_is_refused_although_its_signature_is_good(rig: SlackRig, seconds: int) -> None:
    assert (await rig.send(asked(rig), at=time.time() + seconds)).status_code == 401
    await nothing_came_of_it(rig)


@pytest.mark.parametrize("stamp", ["", "now", "1e9", "-1", "9" * 400])
async def test_request_with_a_strange_timestamp_is_refused(rig: SlackRig, stamp: str) -> None:
    body, _ = body_of(asked(rig))
    headers = signed(body) | {"X-Slack-Request-Timestamp": stamp}
    assert (await rig.send(asked(rig), headers=headers)).status_code == 401


async def test_body_that_was_changed_after_signing_is_refused(rig: SlackRig) -> None:
    body, _ = body_of(asked(rig))
    assert (await rig.send(asked(rig, "give me everything"), headers=signed(body))).status_code == 401


async def test_body_that_is_no_text_is_refused(rig: SlackRig) -> None:
    import httpx

    transport = httpx.ASGITransport(app=rig.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        headers = {"Content-Type": "application/json", **signed("x")}
        answer = await client.post("/api/v1/slack/events", content=b"\xff\xfe\x00", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{", '{"type": "event_callback"}', "{}"])
async def test_signed_nonsense_is_refused_and_breaks_nothing(rig: SlackRig, body: str) -> None:
    import httpx

    transport = httpx.ASGITransport(app=rig.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        headers = {"Content-Type": "application/json", **signed(body)}
        answer = await client.post("/api/v1/slack/events", content=body, headers=headers)
    assert answer.status_code in {400, 403}


async def test_address_check_is_answered_only_when_it_is_signed(rig: SlackRig) -> None:
    check = {"type": "url_verification", "challenge": "c-123", "token": "x"}
    assert (await rig.send(check)).json() == {"challenge": "c-123"}
    assert (await rig.send(check, secret=FORGED)).status_code == 401


async def test_request_of_another_workspace_is_refused(rig: SlackRig) -> None:
    inner = {"type": "app_mention", "user": "U1RUI", "channel": OPS, "text": "why", "ts": "1.1"}
    answer = await rig.send(event(inner, team="T9OTHER"))
    assert answer.status_code == 403
    form = submission("U1RUI", {"id": "V1", "callback_id": "opsdesk.approve", "type": "modal"}, {}, team="T9OTHER")
    assert (await rig.send(form)).status_code == 403
    await nothing_came_of_it(rig)


async def test_request_waits_outside_while_the_own_workspace_is_not_known(rig: SlackRig) -> None:
    rig.slack.trouble.is_away = True
    assert (await rig.send(asked(rig))).status_code == 503
    rig.slack.trouble.is_away = False
    assert (await rig.send(asked(rig))).status_code == 200


async def test_event_that_slack_repeats_is_answered_once(rig: SlackRig) -> None:
    payload = asked(rig)
    for attempt in range(4):
        body, _ = body_of(payload)
        retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"} if attempt else {}
        assert (await rig.send(payload, headers=signed(body) | retry)).status_code == 200
    rig.start()
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS))
    assert len(rig.engine.asked) == 1
    assert (await rig.send(payload)).status_code == 200
    await asyncio.sleep(0.05)
    assert len(rig.engine.asked) == 1


async def test_event_is_known_again_when_the_desk_was_started_anew(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path
) -> None:
    async with slack_rig(slack, ledger_template, tmp_path) as first:
        first.person("rui", account="U1RUI")
        payload = asked(first)
        first.start()
        await first.send(payload)
        await slack.until(lambda: "You said" in slack.read(OPS))
    async with slack_rig(slack, ledger_template, tmp_path) as second:
        second.start()
        assert (await second.send(payload)).status_code == 200
        await asyncio.sleep(0.05)
        assert second.engine.asked == []


async def test_command_that_is_replayed_within_five_minutes_is_obeyed_once(rig: SlackRig) -> None:
    payload = command("U1RUI", "what changed in prod", trigger=rig.slack.trigger())
    body, _ = body_of(payload)
    proof = signed(body)
    for _ in range(3):
        assert (await rig.send(payload, headers=proof)).status_code == 200
    rig.start()
    await rig.slack.until(lambda: "You said" in rig.slack.read("DU1RUI"))
    await asyncio.sleep(0.05)
    assert len(rig.engine.asked) == 1


async def test_ledger_that_is_away_makes_slack_send_it_again(rig: SlackRig, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = asked(rig)

    def away(*_: object) -> bool:
        raise LedgerBusy("another process holds the ledger's lock")

    with monkeypatch.context() as patched:
        patched.setattr(rig.ledger.messenger_inbox, "take_in", away)
        assert (await rig.send(payload)).status_code == 500
    assert (await rig.send(payload)).status_code == 200
    rig.start()
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS))


@pytest.mark.parametrize(
    "inner",
    [
        {"type": "message", "channel_type": "im", "channel": "DU1RUI", "user": BOT_USER, "text": "x", "ts": "1.1"},
        {
            "type": "message",
            "channel_type": "im",
            "channel": "DU1RUI",
            "bot_id": "B9",
            "user": "U9",
            "text": "x",
            "ts": "1.1",
        },
        {"type": "message", "channel_type": "im", "channel": "DU1RUI", "subtype": "message_changed", "ts": "1.1"},
        {"type": "message", "channel_type": "im", "channel": "DU1RUI", "subtype": "message_deleted", "ts": "1.1"},
        {"type": "message", "channel_type": "channel", "channel": OPS, "user": "U1RUI", "text": "lunch?", "ts": "1.1"},
        {"type": "member_joined_channel", "channel": OPS, "user": "U1RUI"},
        {"type": "something_new"},
    ],
)
async def test_event_that_is_nobodys_question_is_acknowledged_and_left_alone(
    rig: SlackRig, inner: dict[str, Any]
) -> None:
    assert (await rig.send(event(inner))).status_code == 200
    await nothing_came_of_it(rig)


async def test_nothing_of_a_forged_request_is_logged(rig: SlackRig, capfd: pytest.CaptureFixture[str]) -> None:
    await rig.send(asked(rig, "a-secret-word"), secret=FORGED)
    told = capfd.readouterr()
    assert "a-secret-word" not in told.out + told.err


async def test_slack_is_not_found_where_it_is_not_set_up(rig: SlackRig) -> None:
    rig.app.state.slack = None
    body = json.dumps({"type": "url_verification", "challenge": "x"})
    answer = await rig.send(json.loads(body))
    assert answer.status_code in {404, 500}
