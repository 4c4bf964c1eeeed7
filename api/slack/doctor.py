"""What `opsdesk doctor` says of Slack: whose token it is, whether anything can come in, and whether the channels are the app's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from knowledge.errors import AccessDenied, OpsdeskError

if TYPE_CHECKING:
    from api.health import Check
    from api.settings import Settings
    from api.slack.calls import SlackCalls

SECONDS = 20.0
_INVITE = "in Slack: /invite the app into it"


async def check_slack(settings: Settings) -> list[Check]:
    """Bounded; raises nothing of the desk's own. It tells nobody in Slack anything."""
    from api.health import Check

    if not settings.slack.is_on:
        return [Check("slack", "off", "no bot token: Slack is not one of the desk's faces")]
    try:
        async with asyncio.timeout(SECONDS):
            return await _checked(settings)
    except OpsdeskError as error:
        return [Check("slack", "broken", error.message, error.next_step or "look at slack.bot_token")]
    except TimeoutError:
        return [Check("slack", "broken", f"no answer within {SECONDS:g} s", "check slack.api_url and the network")]


async def _checked(settings: Settings) -> list[Check]:
    from api.health import Check
    from api.slack.calls import SlackCalls
    from api.slack.face import open_client

    options = settings.slack
    token = options.bot_token
    assert token is not None
    calls = SlackCalls(open_client(options, token.get_secret_value()))
    known = await calls.call("auth.test")
    team = str(known.get("team_id", ""))
    if options.team and options.team != team:
        step = "set slack.team to the token's workspace, or use that workspace's token"
        return [Check("slack", "broken", f"the token is of {team}, the settings name {options.team}", step)]
    found = [Check("slack", "ok", f"{known.get('user', '?')} in {known.get('team', '?')} ({team})")]
    if options.app_token is not None:
        found += await _socket(settings)
    elif options.signing_secret is None:
        step = "set slack.app_token (Socket Mode) or slack.signing_secret (HTTP)"
        found.append(Check("slack requests", "warning", "nobody's words come in: there is no way for them", step))
    else:
        address = f"{settings.server_url}/api/v1/slack/events"
        found.append(Check("slack requests", "ok", f"over HTTP, at {address}"))
    if not options.channels:
        step = "add slack.channels: [{channel: C0123456789}]"
        found.append(Check("slack channels", "warning", "no channel is told of incidents", step))
    for one in options.channels:
        found.append(await _channel(calls, one.channel))
    return found


async def _socket(settings: Settings) -> list[Check]:
    from api.health import Check
    from api.slack.calls import SlackCalls
    from api.slack.face import open_client

    token = settings.slack.app_token
    assert token is not None
    try:
        await SlackCalls(open_client(settings.slack, token.get_secret_value())).call("apps.connections.open")
    except OpsdeskError as error:
        step = error.next_step or "make an app-level token with the scope connections:write, and turn Socket Mode on"
        return [Check("slack requests", "broken", error.message, step)]
    return [Check("slack requests", "ok", "over Socket Mode")]


async def _channel(calls: SlackCalls, channel: str) -> Check:
    from api.health import Check

    name = f"slack channel {channel}"
    try:
        told: dict[str, Any] = (await calls.call("conversations.info", channel=channel)).get("channel") or {}
    except AccessDenied as error:
        return Check(
            name, "warning", f"cannot be looked at: {error.message}", "give the app channels:read and groups:read"
        )
    except OpsdeskError as error:
        return Check(name, "broken", error.message, error.next_step or _INVITE)
    if not told.get("is_member"):
        return Check(name, "broken", "the app is not in it", _INVITE)
    if told.get("is_ext_shared"):
        step = "name a channel of your own organisation in slack.channels"
        return Check(name, "warning", "it is shared with another organisation, which reads every incident", step)
    return Check(name, "ok", str(told.get("name") or "the app is in it"))
