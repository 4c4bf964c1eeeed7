"""A signed-in person makes a code for an account elsewhere: for themselves alone, shown once."""

from __future__ import annotations

from knowledge.vocabulary import Role
from tests.web.conftest import Rig


async def test_code_links_an_account_to_who_made_it(rig: Rig) -> None:
    async with rig.client("vera") as vera:
        made = (await vera.post("/api/v1/me/link-code", json={})).json()
        assert made["minutes"] == 10
        assert rig.ledger.linked_identities.redeem(made["code"], "slack:T1", "U1").id == "vera"
        links = (await vera.get("/api/v1/me/links")).json()
    assert [(one["provider"], one["subject"]) for one in links] == [("slack:T1", "U1")]
    async with rig.client("rui") as rui:
        assert (await rui.get("/api/v1/me/links")).json() == []


async def test_code_is_for_persons_who_signed_in(rig: Rig) -> None:
    rig.person("robot", Role.RESPONDER, kind="machine")
    async with rig.client("robot") as robot:
        assert (await robot.post("/api/v1/me/link-code", json={})).status_code == 403
    async with rig.client() as nobody:
        assert (await nobody.post("/api/v1/me/link-code", json={})).status_code == 401


async def test_slack_is_not_found_where_it_is_not_set_up(rig: Rig) -> None:
    async with rig.client() as slack:
        assert (await slack.post("/api/v1/slack/events", json={"type": "url_verification"})).status_code == 404
