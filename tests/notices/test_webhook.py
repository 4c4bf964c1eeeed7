"""Webhooks out: signed, bounded, and never sent where they were not told to go."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from api.notices.contract import Address, AddressUnknown, Notice, NoticeKind
from api.notices.options import WebhookSettings
from api.notices.webhook import LONGEST_ANSWER, WebhookChannel, WebhookRefused, WebhookUnreachable
from knowledge.vocabulary import Severity, Text
from tests.fakes.http_server import Asked, Told, running_http_server

AT = datetime(2026, 3, 2, 4, 5, tzinfo=UTC)
SECRET = "a-secret-of-24-characters"
PAGER = Address(to="pager")


def channel(url: str, **given: Any) -> WebhookChannel:
    settings = WebhookSettings.model_validate(
        {"name": "pager", "url": url, "secret": SECRET, "timeout_seconds": 2} | given
    )
    return WebhookChannel([settings], now=lambda: AT)


def notice(id: str = "hap-1") -> Notice:
    words = Text(en="Executed\u202e \x1b[0m", zh="已执行")
    return Notice(
        id=id, kind=NoticeKind.EXECUTED, incident="inc-1", severity=Severity.HIGH, title=words, body=words, at=AT
    )


async def test_call_is_json_whose_signature_the_receiver_can_check() -> None:
    with running_http_server(lambda asked: Told(204)) as server:
        await channel(f"{server.url}/in?key=1").send(notice(), PAGER)
    (asked,) = server.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    told = headers["x-opsdesk-timestamp"]
    digest = hmac.new(SECRET.encode(), told.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert headers["x-opsdesk-signature"] == f"sha256={digest}"
    assert int(told) == int(AT.timestamp())
    assert headers["x-opsdesk-id"] == "hap-1"
    body = json.loads(asked.body)
    assert (body["version"], body["kind"], body["incident"], body["title"]["zh"]) == (1, "executed", "inc-1", "已执行")


async def test_call_is_the_same_when_it_is_made_again() -> None:
    with running_http_server(lambda asked: Told(200)) as server:
        sender = channel(server.url)
        await sender.send(notice(), PAGER)
        await sender.send(notice(), PAGER)
    assert server.asked[0].body == server.asked[1].body


async def test_call_bears_no_signature_when_there_is_no_secret() -> None:
    with running_http_server(lambda asked: Told(200)) as server:
        await channel(server.url, secret="").send(notice(), PAGER)
    assert not any("signature" in name.lower() for name in server.asked[0].headers)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_is_not_followed(status: int) -> None:
    def respond(asked: Asked) -> Told:
        return Told(status, headers={"Location": "/elsewhere"})

    with running_http_server(respond) as server, pytest.raises(WebhookRefused, match="redirect"):
        await channel(server.url).send(notice(), PAGER)
    assert [asked.path for asked in server.asked] == ["/"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_call_is_made_again_later_when_the_receiver_is_in_trouble(status: int) -> None:
    with (
        running_http_server(lambda asked: Told(status, headers={"Retry-After": "77"})) as server,
        pytest.raises(WebhookUnreachable) as refused,
    ):
        await channel(server.url).send(notice(), PAGER)
    assert refused.value.retry_after_seconds == 77


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("Mon, 02 Mar 2026 04:06:00 GMT", 60),
        ("999999999999", 3600),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
    ],
)
async def test_retry_after_is_read_as_seconds_or_date_within_bounds(retry_after: str, seconds: float | None) -> None:
    headers = {"Retry-After": retry_after.encode().decode("latin-1")} if retry_after else {}
    with (
        running_http_server(lambda asked: Told(503, headers=headers)) as server,
        pytest.raises(WebhookUnreachable) as refused,
    ):
        await channel(server.url).send(notice(), PAGER)
    assert refused.value.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
async def test_call_is_given_up_when_the_receiver_says_no(status: int) -> None:
    with running_http_server(lambda asked: Told(status)) as server, pytest.raises(WebhookRefused, match=str(status)):
        await channel(server.url).send(notice(), PAGER)


async def test_answer_is_not_read_to_its_end_when_it_is_endless() -> None:
    with running_http_server(lambda asked: Told(200, body=b"x" * (LONGEST_ANSWER * 40))) as server:
        await channel(server.url).send(notice(), PAGER)


@pytest.mark.parametrize("trouble", [Told(hangs_up=True), Told(waits=True)])
async def test_call_is_made_again_later_when_no_answer_comes_and_the_address_stays_secret(trouble: Told) -> None:
    with running_http_server(lambda asked: trouble) as server, pytest.raises(WebhookUnreachable) as refused:
        await channel(f"{server.url}/T0/SECRETPATH", timeout_seconds=0.3).send(notice(), PAGER)
    assert "SECRETPATH" not in f"{refused.value!r} {refused.value.next_step}"
    assert refused.value.__cause__ is None


async def test_greeting_posts_nothing() -> None:
    with running_http_server(lambda asked: Told(200)) as server:
        assert await channel(server.url).greet() == "pager"
    assert server.asked == []


async def test_greeting_says_when_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(WebhookUnreachable, match="pager"):
            await channel(f"http://127.0.0.1:{port}/SECRETPATH").greet()


async def test_unknown_webhook_is_refused() -> None:
    sender = channel("http://127.0.0.1:9/")
    assert await sender.knows(PAGER)
    assert not await sender.knows(Address(to="other"))
    with pytest.raises(AddressUnknown):
        await sender.send(notice(), Address(to="other"))
