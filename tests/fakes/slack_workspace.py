"""What Slack sends to an app: events, commands, shortcuts and presses, as its reference documents them, signed as it signs."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from typing import Any
from urllib.parse import urlencode

from tests.fakes.slack_server import BOT_USER, SIGNING_SECRET, TEAM

Json = dict[str, Any]
_numbers = itertools.count(1)


def signed(body: str, *, secret: str = SIGNING_SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a request with this body."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def event(inner: Json, *, team: str = TEAM, event_id: str = "", **more: Any) -> Json:
    return {
        "type": "event_callback",
        "team_id": team,
        "api_app_id": "A0DESK",
        "event_id": event_id or f"Ev{next(_numbers):06d}",
        "event_time": int(time.time()),
        "authorizations": [{"team_id": team, "user_id": BOT_USER, "is_bot": True}],
        "is_ext_shared_channel": False,
        "event": inner,
        **more,
    }


def mention(user: str, channel: str, text: str, *, ts: str, thread: str = "", **more: Any) -> Json:
    inner = {"type": "app_mention", "user": user, "channel": channel, "text": f"<@{BOT_USER}> {text}", "ts": ts, **more}
    return event(inner | ({"thread_ts": thread} if thread else {}))


def direct(user: str, text: str, *, ts: str, **more: Any) -> Json:
    inner = {"type": "message", "channel_type": "im", "user": user, "channel": f"D{user}", "text": text, "ts": ts}
    return event(inner | more)


def command(user: str, text: str, *, trigger: str, channel: str = "C0OPS") -> Json:
    return {
        "command": "/opsdesk",
        "text": text,
        "user_id": user,
        "channel_id": channel,
        "team_id": TEAM,
        "trigger_id": trigger,
        "response_url": "https://hooks.slack.com/commands/x",
    }


def shortcut(user: str, channel: str, message: Json, *, trigger: str) -> Json:
    return {
        "type": "message_action",
        "callback_id": "opsdesk_diagnose",
        "team": {"id": TEAM},
        "user": {"id": user, "team_id": TEAM},
        "channel": {"id": channel},
        "message": message,
        "trigger_id": trigger,
    }


def press(user: str, channel: str, message: Json, button: Json, *, trigger: str, team: str = TEAM) -> Json:
    action = {"type": "button", "action_id": button["action_id"], "block_id": "b1", "value": button.get("value", "")}
    return {
        "type": "block_actions",
        "team": {"id": team},
        "user": {"id": user, "team_id": team},
        "channel": {"id": channel},
        "container": {"type": "message", "channel_id": channel, "message_ts": message.get("ts", "")},
        "message": message,
        "actions": [action],
        "trigger_id": trigger,
    }


def submission(user: str, view: Json, typed: Json, *, trigger: str = "", team: str = TEAM) -> Json:
    values = {key: {key: {"type": "plain_text_input", "value": value}} for key, value in typed.items()}
    return {
        "type": "view_submission",
        "team": {"id": team},
        "user": {"id": user, "team_id": team},
        "trigger_id": trigger or f"{next(_numbers)}.submit",
        "view": view | {"state": {"values": values}},
    }


def body_of(payload: Json) -> tuple[str, str]:
    """The raw body and its content type: events are JSON, the rest are forms."""
    if payload.get("type") in {"event_callback", "url_verification"}:
        return json.dumps(payload), "application/json"
    if "command" in payload:
        return urlencode(payload), "application/x-www-form-urlencoded"
    return urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"
