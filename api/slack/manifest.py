"""The app's manifest: pasted into Slack's "create an app from a manifest", it asks for what the desk needs and nothing else."""

from __future__ import annotations

from typing import Any

from api.slack.listening import COMMAND, SHORTCUT

SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "users:read",
)
"""``*:history`` finds a message again whose posting was not answered; ``*:read`` is what `opsdesk doctor` looks with."""
EVENTS = ("app_mention", "message.im")


def manifest(public_url: str, *, uses_socket: bool) -> dict[str, Any]:
    """``public_url``: where Slack reaches the desk; not needed with Socket Mode."""
    address = f"{public_url.rstrip('/')}/api/v1/slack"
    over_http = {} if uses_socket else {"url": f"{address}/commands"}
    command = {
        "command": COMMAND,
        "description": "Ask the desk, between the two of you",
        "usage_hint": "why is qwen2-7b slow",
    }
    shortcut = {
        "name": "Diagnose this message",
        "type": "message",
        "callback_id": SHORTCUT,
        "description": "The desk reads it and answers in its thread",
    }
    requests: dict[str, Any] = {} if uses_socket else {"request_url": f"{address}/interactions"}
    events: dict[str, Any] = {} if uses_socket else {"request_url": f"{address}/events"}
    return {
        "display_information": {"name": "opsdesk", "description": "The AI service desk"},
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": "opsdesk", "always_online": True},
            "shortcuts": [shortcut],
            "slash_commands": [command | over_http],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": events | {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True} | requests,
            "org_deploy_enabled": False,
            "socket_mode_enabled": uses_socket,
            "token_rotation_enabled": False,
        },
    }
