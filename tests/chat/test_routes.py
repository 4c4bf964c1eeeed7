"""The chat over HTTP: a stream or one answer, problem details for what is wrong, rights and scope as everywhere."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from api.web.app import create_app
from knowledge.vocabulary import Role
from tests.chat.rig import ChatRig


class Web:
    def __init__(self, rig: ChatRig) -> None:
        self.rig = rig
        self.app = create_app(rig.desk)

    def as_(self, name: str, *roles: Role, **scope: tuple[str, ...]) -> httpx.AsyncClient:
        person = self.rig.people.get(name) or self.rig.person(name, *roles, **scope)
        token = self.rig.ledger.principals.issue_token(person.id, "test")
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(
            transport=transport, base_url="http://desk.test/api/v1", headers={"Authorization": f"Bearer {token}"}
        )


@pytest.fixture
def web(desk: ChatRig) -> Web:
    return Web(desk)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line.startswith("data: ")]


async def test_a_message_streams_its_parts_from_begun_to_ended(web: Web) -> None:
    async with web.as_("rui") as rui:
        response = await rui.post("/chat", json={"text": "status of qwen2-7b", "zone": "Asia/Shanghai"})
    assert response.headers["content-type"].startswith("text/event-stream")
    parts = events(response)
    assert parts[0]["part"] == "begun"
    assert parts[-1]["part"] == "ended"
    assert parts[-1]["understood_as"] == "status"
    assert any(part["part"] == "answered" and part["answer"]["block"] == "rows" for part in parts)


async def test_one_answer_as_json_goes_on_in_its_conversation_and_becomes_an_incident(web: Web) -> None:
    async with web.as_("rui") as rui:
        first = (await rui.post("/chat", json={"text": "把 bge-m3 扩到 4 个副本", "stream": False})).json()
        assert first["understood_as"] == "change"
        opened = await rui.post(
            f"/chat/conversations/{first['conversation_id']}/incident", json={"message_id": first["message_id"]}
        )
        assert opened.status_code == 201
        listed = (await rui.get("/chat/conversations")).json()
        assert [one["incident_id"] for one in listed] == [opened.json()["id"]]
        about = (await rui.get("/chat/conversations", params={"incident_id": opened.json()["id"]})).json()
        assert [one["id"] for one in about] == [first["conversation_id"]]
        said = (await rui.get(f"/chat/conversations/{first['conversation_id']}/messages")).json()
        assert [one["said_by"] for one in said] == ["person", "desk"]
        hint = await rui.post(f"/incidents/{opened.json()['id']}/steer", json={"text": "look at gpu-07"})
        assert hint.status_code == 201
        assert hint.json()["stage"] == "steer"


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "\u0000"}, 422),
        ({"text": "help", "nonsense": 1}, 422),
        ({"text": "help", "conversation_id": "chat-none"}, 404),
        ({"text": "help", "incident_id": "inc-0000000000000000"}, 404),
        ({"text": "help", "zone": "Mars"}, 422),
        ({"text": "help", "language": "fr"}, 422),
        ({"text": 5}, 422),
        ({}, 422),
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_wrong_with_an_order_is_a_problem_and_no_stream(
    web: Web, order: dict[str, Any], status: int, stream: bool
) -> None:
    async with web.as_("rui") as rui:
        response = await rui.post("/chat", json={**order, "stream": stream})
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")


async def test_nobody_chats_without_a_token_and_a_viewer_opens_and_hints_nothing(web: Web) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=web.app), base_url="http://desk.test/api/v1"
    ) as nobody:
        assert (await nobody.post("/chat", json={"text": "help"})).status_code == 401
    async with web.as_("vera", Role.VIEWER) as vera:
        answer = (await vera.post("/chat", json={"text": "restart the gateway", "stream": False})).json()
        path = f"/chat/conversations/{answer['conversation_id']}/incident"
        assert (await vera.post(path, json={"message_id": answer["message_id"]})).status_code == 403
        assert (await vera.post("/incidents/inc-0/steer", json={"text": "x y"})).status_code == 403


async def test_anothers_conversation_is_404_on_every_route(web: Web) -> None:
    async with web.as_("rui") as rui, web.as_("stella") as stella:
        answer = (await rui.post("/chat", json={"text": "status of qwen2-7b", "stream": False})).json()
        here = f"/chat/conversations/{answer['conversation_id']}"
        assert (await stella.get(f"{here}/messages")).status_code == 404
        assert (await stella.post(f"{here}/incident", json={"message_id": answer["message_id"]})).status_code == 404
        told = await stella.post("/chat", json={"text": "and?", "conversation_id": answer["conversation_id"]})
        assert told.status_code == 404
        assert (await stella.get("/chat/conversations")).json() == []
