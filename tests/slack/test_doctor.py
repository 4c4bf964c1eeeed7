"""`opsdesk doctor` tries Slack for real, tells nobody in it anything, and says what to do about what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from api.settings import Settings
from api.slack.doctor import check_slack
from api.slack.manifest import manifest
from api.slack.options import SlackChannelSettings, SlackSettings
from tests.fakes.slack_server import BOT_TOKEN
from tests.slack.conftest import OPS, SlackRig


async def states(rig: SlackRig, **more: Any) -> dict[str, str]:
    given = rig.desk.settings.slack.model_dump() | more
    settings = rig.desk.settings.model_copy(update={"slack": SlackSettings.model_validate(given)})
    checks = await check_slack(settings)
    assert all(check.next_step for check in checks if check.state in {"warning", "broken"})
    assert BOT_TOKEN not in str(checks)
    return {check.name: check.state for check in checks}


async def test_sound_setting_is_ok(rig: SlackRig) -> None:
    assert await states(rig) == {"slack": "ok", "slack requests": "ok", f"slack channel {OPS}": "ok"}
    assert not any(method.startswith("chat.") for method, _ in rig.slack.calls)


async def test_slack_is_off_without_a_token() -> None:
    (check,) = await check_slack(Settings())
    assert check.state == "off"


async def test_wrong_token_is_told(rig: SlackRig) -> None:
    assert await states(rig, bot_token="xoxb-of-somebody-else") == {"slack": "broken"}


async def test_wrong_workspace_is_told(rig: SlackRig) -> None:
    assert await states(rig, team="T9OTHER") == {"slack": "broken"}


async def test_channel_that_the_app_is_not_in_is_told(rig: SlackRig) -> None:
    rig.slack.channels["C9OTHER"] = []
    found = await states(rig, channels=[{"channel": "C9OTHER"}, {"channel": "C9NONE"}])
    assert found["slack channel C9OTHER"] == "broken"
    assert found["slack channel C9NONE"] == "broken"


async def test_missing_ways_in_are_told(rig: SlackRig) -> None:
    found = await states(rig, app_token=None, signing_secret=None, channels=())
    assert found == {"slack": "ok", "slack requests": "warning", "slack channels": "warning"}
    assert (await states(rig, app_token="xapp-wrong"))["slack requests"] == "broken"


async def test_outage_is_told(rig: SlackRig) -> None:
    rig.slack.trouble.is_away = True
    assert await states(rig) == {"slack": "broken"}


@pytest.mark.parametrize(
    "given",
    [
        {"bot_token": "xoxb-1-2", "api_url": "http://slack.example/api/"},
        {"app_token": "xapp-1"},
        {"channels": [{"channel": OPS}]},
        {"bot_token": "xoxb-..."},
        {"bot_token": "xoxb-1-2", "signing_secret": ""},
        {"bot_token": "xoxb-1-2", "channels": [{"channel": "#ops"}]},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlackSettings.model_validate(given)


def test_channel_reads_within_its_patterns() -> None:
    channel = SlackChannelSettings(channel=OPS, namespaces=("serving",))
    assert channel.scope.allows(cluster="prod", namespace="serving")
    assert not channel.scope.allows(cluster="prod", namespace="billing")


def test_manifest_asks_for_what_the_desk_listens_to() -> None:
    over_socket = manifest("", uses_socket=True)
    assert over_socket["settings"]["socket_mode_enabled"] is True
    assert "url" not in over_socket["features"]["slash_commands"][0]
    over_http = manifest("https://desk.example/", uses_socket=False)
    assert over_http["settings"]["event_subscriptions"] == {
        "request_url": "https://desk.example/api/v1/slack/events",
        "bot_events": ["app_mention", "message.im"],
    }
    assert over_http["features"]["shortcuts"][0]["callback_id"] == "opsdesk_diagnose"
    assert over_http["features"]["slash_commands"][0]["command"] == "/opsdesk"
