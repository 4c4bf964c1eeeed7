"""The console's socket: nobody speaks for a page that is not theirs, nor after its session has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import socketio  # type: ignore[import-untyped]
from nicegui.client import Client

from knowledge.vocabulary import Role
from tests.web.conftest import Rig
from tests.web.pages import PLAIN, Looked, looked, signed_in
from tests.web.serving import served
from tests.web.story import incident_of, whole_story
from tests.web.test_authentication import sign_in

PATIENCE_SECONDS = 20


@pytest.fixture
def address(rig: Rig) -> Iterator[str]:
    with served(rig.app) as url:
        yield url


@asynccontextmanager
async def browser_of(rig: Rig, address: str, name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, headers=PLAIN) as browser:
        await sign_in(browser, rig.tokens[name])
        yield browser


@asynccontextmanager
async def socket(address: str, cookies: str, page: Client, **headers: str) -> AsyncIterator[Any]:
    """A socket as NiceGUI's own script opens it, shaking hands for ``page`` on its way in."""
    asked = f"client_id={page.id}&implicit_handshake=true&tab_id=tab&document_id=doc&next_message_id=0"
    client = socketio.AsyncClient(reconnection=False)
    given = {"Cookie": cookies, **headers}
    try:
        await client.connect(
            f"{address}?{asked}", given, socketio_path="/_nicegui_ws/socket.io", wait_timeout=PATIENCE_SECONDS
        )
        yield client
    finally:
        await client.disconnect()


def listening(client: Any, event: str, name: str) -> asyncio.Queue[str]:
    """What the page tells its browser: ``notify`` its words, ``open`` where to go."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    client.on(event, lambda said: heard.put_nowait(str(said[name])))
    return heard


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come true")


def cookies_of(browser: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def press_of(page: Looked, text: str) -> dict[str, Any]:
    """What a browser sends when ``text`` is pressed."""
    found = [one for one in page.client.elements.values() if one.props.get("innerHTML") == text]
    button = next(one for one in found if one._event_listeners)
    (ear,) = button._event_listeners.values()
    return {"client_id": page.client.id, "id": button.id, "listener_id": ear.id, "args": []}


async def test_socket_without_a_session_is_refused(rig: Rig, address: str) -> None:
    incident = incident_of(rig.ledger)
    async with browser_of(rig, address, "rui") as rui:
        page = await looked(rui, f"/incidents/{incident.id}")
        for cookies in ("", "opsdesk_session=guessed"):
            with pytest.raises(socketio.exceptions.ConnectionError):
                async with socket(address, cookies, page.client):
                    pass
    assert not page.client.has_socket_connection


async def test_socket_of_another_sites_page_is_refused(rig: Rig, address: str) -> None:
    incident = incident_of(rig.ledger)
    async with browser_of(rig, address, "rui") as rui:
        page = await looked(rui, f"/incidents/{incident.id}")
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with socket(address, cookies_of(rui), page.client, Origin="https://evil.test"):
                pass
        async with socket(address, cookies_of(rui), page.client, Origin=address):
            assert page.client.has_socket_connection


async def test_page_of_another_principal_hears_nobody_else(rig: Rig, address: str) -> None:
    """vera knows the id of rui's page, of its button, and has a session and a page of her own."""
    incident = incident_of(rig.ledger)
    async with browser_of(rig, address, "rui") as rui, browser_of(rig, address, "vera") as vera:
        page = await looked(rui, f"/incidents/{incident.id}")
        own = await looked(vera, "/incidents")
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with socket(address, cookies_of(vera), page.client):
                pass
        async with socket(address, cookies_of(vera), own.client) as forged:
            said = {"client_id": page.client.id, "tab_id": "tab", "document_id": "doc", "next_message_id": 0}
            assert await forged.call("handshake", said, timeout=PATIENCE_SECONDS) is False
            async with socket(address, cookies_of(rui), page.client) as real:
                await forged.emit("event", press_of(page, "Take it"))
                await forged.emit("javascript_response", {"client_id": page.client.id, "request_id": "x"})
                await real.emit("event", press_of(page, "Assign"))
                await until(lambda: "Assignee" in page.html)
                assert rig.ledger.incidents.get(incident.id).assignee == ""
                heard = listening(real, "notify", "message")
                await real.emit("event", press_of(page, "Take it"))
                assert await asyncio.wait_for(heard.get(), PATIENCE_SECONDS) == "Assigned."
    assert rig.ledger.incidents.get(incident.id).assignee == "rui"


@pytest.mark.parametrize("end", ["revoke", "disable", "sign out"])
async def test_pressing_does_nothing_and_leads_to_the_sign_in_when_the_session_has_ended(
    rig: Rig, address: str, end: str
) -> None:
    incident = incident_of(rig.ledger)
    async with browser_of(rig, address, "rui") as rui:
        page = await looked(rui, f"/incidents/{incident.id}")
        async with socket(address, cookies_of(rui), page.client) as real:
            heard = listening(real, "open", "path")
            await ended(rig, rui, end)
            await real.emit("event", press_of(page, "Take it"))
            assert await asyncio.wait_for(heard.get(), PATIENCE_SECONDS) == f"/sign-in?next=/incidents/{incident.id}"
    assert rig.ledger.incidents.get(incident.id).assignee == ""


async def test_what_is_typed_after_the_session_has_ended_is_not_looked_for(rig: Rig, address: str) -> None:
    incident_of(rig.ledger)
    async with browser_of(rig, address, "vera") as vera:
        page = await looked(vera, "/incidents?status=")
        async with socket(address, cookies_of(vera), page.client) as real:
            heard = listening(real, "open", "path")
            rig.ledger.principals.disable("vera")
            incident_of(rig.ledger, "later", service="secret", namespace="other")
            field = next(one for one in page.client.elements.values() if one.props.get("data-filter") == "text")
            ear = next(one for one in field._event_listeners.values() if one.type.startswith("update:"))
            typed = {"client_id": page.client.id, "id": field.id, "listener_id": ear.id, "args": ['"secret"']}
            await real.emit("event", typed)
            assert (await asyncio.wait_for(heard.get(), PATIENCE_SECONDS)).startswith("/sign-in?next=/incidents")
    assert "other" not in page.html.split("<tbody>")[-1]


async def test_vote_of_an_approver_who_lost_the_role_meanwhile_counts_nothing(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await looked(await signed_in(rig, "ana"), f"/incidents/{story.incident.id}")
    await page.press("Approve")
    rig.ledger.principals.set_roles("ana", [Role.VIEWER])
    await page.press("Approve")
    assert page.said
    assert "Your approval is counted." not in page.said
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


@pytest.mark.parametrize("said", [None, 7, "x", [], {}, {"client_id": 7}, {"client_id": "nobody"}])
async def test_nonsense_on_the_socket_is_heard_by_nobody(rig: Rig, address: str, said: object) -> None:
    incident = incident_of(rig.ledger)
    async with browser_of(rig, address, "rui") as rui:
        page = await looked(rui, f"/incidents/{incident.id}")
        async with socket(address, cookies_of(rui), page.client) as real:
            for name in ("event", "handshake", "ack", "log", "javascript_response"):
                await real.emit(name, said)
            heard = listening(real, "notify", "message")
            await real.emit("event", press_of(page, "Take it"))
            assert await asyncio.wait_for(heard.get(), PATIENCE_SECONDS) == "Assigned."
    assert rig.ledger.incidents.get(incident.id).assignee == "rui"


async def ended(rig: Rig, browser: httpx.AsyncClient, end: str) -> None:
    if end == "revoke":
        rig.ledger.principals.revoke_token("rui", "test")
    elif end == "disable":
        rig.ledger.principals.disable("rui")
    else:
        answer = await browser.get("/sign-in", follow_redirects=True)
        csrf = answer.text.split('name=\\"csrf\\" value=\\"')[-1].split('\\"')[0]
        left = await browser.post("/sign-out", data={"csrf": csrf})
        assert left.status_code == 303
