"""Slack's payloads, read: who asks what, where, and by which id a repetition is known."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from api.messengers.contract import Account, Asked, Place, SharedFile, Way

Json = dict[str, Any]

TEXT_MOST = 300_000
_CONTROL = re.compile(r"<([^<>\n]*)>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
DIRECT = "D"


def plain_text(text: str, *, bot: str = "") -> str:
    """What the person typed: Slack's links and mentions as words, its entities as characters, the desk's own name left out."""
    without = re.sub(rf"<@{re.escape(bot)}(?:\|[^>]*)?>", " ", text) if bot else text
    spelled = _CONTROL.sub(_spelled, without)
    for entity, letter in _ENTITIES:
        spelled = spelled.replace(entity, letter)
    return spelled.strip()[:TEXT_MOST]


def _spelled(found: re.Match[str]) -> str:
    target, _, label = found[1].partition("|")
    if target.startswith(("@", "#", "!")):
        return label or target
    return label if label and label in target else target


def team_of(body: Json) -> str:
    """The workspace that a request is of; empty when it does not say."""
    team = body.get("team_id")
    if not team and isinstance(body.get("team"), dict):
        team = body["team"].get("id")
    return str(team or "")


def request_id(body: Json) -> str:
    """What is the same when Slack repeats itself: an event's id, or the trigger of an interaction. Empty: neither is there."""
    event = body.get("event_id")
    if event:
        return f"event:{event}"
    trigger = body.get("trigger_id")
    if trigger:
        return f"trigger:{trigger}"
    view = body.get("view") or {}
    return f"view:{view['id']}:{view.get('hash', '')}" if view.get("id") else ""


def account_of(body: Json) -> Account:
    """Who sent it, with the workspace that this user is of: in a shared channel that is not the desk's own."""
    event = body.get("event") or {}
    user: Any = event.get("user") or body.get("user_id") or body.get("user") or ""
    team: Any = event.get("user_team") or event.get("source_team") or event.get("team")
    if isinstance(user, dict):
        team = user.get("team_id") or team
        user = user.get("id", "")
    return Account(provider=f"slack:{team or team_of(body)}", subject=str(user))


def asked_in_event(body: Json, way: Way, *, bot: str) -> Asked:
    """A mention, or a message in the direct channel."""
    event = body["event"]
    thread = str(event.get("thread_ts") or ("" if way == "direct" else event["ts"]))
    return Asked(
        id=request_id(body),
        way=way,
        account=account_of(body),
        place=Place(channel=str(event["channel"]), thread=thread),
        text=plain_text(str(event.get("text") or ""), bot=bot),
        files=files_of(event),
        at=moment(str(event["ts"])),
        is_external=bool(body.get("is_ext_shared_channel")),
    )


def asked_by_command(body: Json) -> Asked:
    return Asked(
        id=request_id(body),
        way="command",
        account=account_of(body),
        place=Place(channel=str(body["channel_id"])),
        text=plain_text(str(body.get("text") or "")) or "help",
        at=datetime.now(UTC),
    )


def asked_by_shortcut(body: Json, words: str) -> Asked:
    """The message that somebody pointed at, to be diagnosed in its thread."""
    message = body.get("message") or {}
    return Asked(
        id=request_id(body),
        way="shortcut",
        account=account_of(body),
        place=Place(
            channel=str(body["channel"]["id"]), thread=str(message.get("thread_ts") or message.get("ts") or "")
        ),
        text=words,
        quoted=plain_text(str(message.get("text") or "")),
        files=files_of(message),
        at=datetime.now(UTC),
        is_external=bool(body.get("is_ext_shared_channel")),
    )


def place_of_press(body: Json) -> Place:
    """Where the message with the button stands; an answer to it goes into its thread, in a direct channel beside it."""
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or "")
    thread = message.get("thread_ts") or ("" if channel.startswith(DIRECT) else message.get("ts"))
    return Place(channel=channel, thread=str(thread or ""))


def asked_by_button(body: Json, text: str, *, opens: bool) -> Asked:
    """An offer that was taken: the same as if the person had typed it in that thread."""
    place = place_of_press(body)
    return Asked(
        id=request_id(body),
        way="direct" if place.channel.startswith(DIRECT) else "offer",
        account=account_of(body),
        place=place,
        text=text,
        at=datetime.now(UTC),
        opens=opens,
        pressed=str((body.get("message") or {}).get("ts") or (body.get("container") or {}).get("message_ts") or ""),
        is_external=bool(body.get("is_ext_shared_channel")),
    )


def files_of(message: Json) -> tuple[SharedFile, ...]:
    found = []
    for file in message.get("files") or ():
        if not isinstance(file, dict) or file.get("mode") == "tombstone" or not file.get("id"):
            continue
        size = file.get("size")
        found.append(
            SharedFile(
                id=str(file["id"]),
                name=str(file.get("name") or file.get("title") or file["id"])[:200],
                url=str(file.get("url_private_download") or file.get("url_private") or ""),
                kind=str(file.get("mimetype") or ""),
                size=size if isinstance(size, int) else 0,
            )
        )
    return tuple(found)


def moment(ts: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)
