"""The account page makes the code that links a Slack account: with the password, shown once, only where there is Slack."""

from __future__ import annotations

import re

from pydantic import SecretStr

from api.slack.options import SlackSettings
from tests.identity.conftest import Door
from tests.identity.test_account import VERA, at_home


async def test_code_is_made_with_the_password_shown_once_and_links(door: Door) -> None:
    slack = SlackSettings(bot_token=SecretStr("xoxb-of-a-test"))
    door.desk.settings = door.desk.settings.model_copy(update={"slack": slack})
    browser = await at_home(door)
    refused = await browser.post("/account/link-code", {"current": "wrong"})
    assert refused.status_code == 422
    made = await browser.post("/account/link-code", {"current": VERA})
    found = re.search(r"link ((?:[A-Z0-9]{4}-){2}[A-Z0-9]{4})", made.text)
    assert found
    assert found[1] not in (await browser.get("/account")).text
    assert door.ledger.linked_identities.redeem(found[1], "slack:T1", "U1").id == "vera"
    assert "slack:T1" in (await browser.get("/account")).text


async def test_code_is_not_offered_where_there_is_no_slack(door: Door) -> None:
    browser = await at_home(door)
    assert "/account/link-code" not in (await browser.get("/account")).text
