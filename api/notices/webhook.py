"""Notices as JSON to the site's own programs, signed.

``X-Opsdesk-Signature: sha256=<hex>`` is the HMAC-SHA256, with the webhook's secret, of ``X-Opsdesk-Timestamp``, a full stop,
and the body as it came. Who receives refuses what is older than some minutes, and what bears an ``X-Opsdesk-Id`` that it has
taken before: a call whose answer was lost is made again with the same id.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import orjson

from api.notices.contract import Address, AddressUnknown, Notice
from api.notices.options import WebhookSettings
from knowledge.errors import OpsdeskError, Permanent, Temporary
from knowledge.vocabulary import Json

VERSION = 1
LONGEST_ANSWER = 64 * 1024
LONGEST_WAIT_SECONDS = 3_600.0
_LATER = frozenset({408, 421, 425, 429})


class WebhookRefused(Permanent):
    title = "webhook refused"


class WebhookUnreachable(Temporary):
    title = "webhook does not take it"


class WebhookChannel:
    """Posts to the addresses of the settings, by their names. It follows no redirect, uses no proxy of the environment, and
    reads no more of an answer than it must."""

    name = "webhook"

    def __init__(self, webhooks: Sequence[WebhookSettings], *, now: Callable[[], datetime]) -> None:
        self._webhooks = {one.name: one for one in webhooks}
        self._now = now

    async def knows(self, address: Address) -> bool:
        return address.kind == "named" and address.to in self._webhooks

    async def send(self, notice: Notice, address: Address) -> None:
        webhook = self._webhooks.get(address.to)
        if webhook is None or address.kind != "named":
            raise AddressUnknown(f"no webhook named {address.to!r}", next_step="add it under notices.webhooks")
        body = orjson.dumps(payload_of(notice))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "opsdesk",
            "X-Opsdesk-Id": notice.id,
            "X-Opsdesk-Kind": notice.kind.value,
            **signed(body, webhook.secret.get_secret_value(), self._now()),
        }
        await self._post(webhook, body, headers)

    async def greet(self) -> str:
        """Reaches each address as far as its TLS greeting; nothing is posted."""
        await asyncio.gather(*(_greeted(one) for one in self._webhooks.values()))
        return ", ".join(sorted(self._webhooks)) or "none"

    async def _post(self, webhook: WebhookSettings, body: bytes, headers: dict[str, str]) -> None:
        import httpx

        try:
            async with (
                httpx.AsyncClient(
                    timeout=webhook.timeout_seconds, follow_redirects=False, trust_env=False, verify=_context(webhook)
                ) as client,
                client.stream("POST", webhook.url.get_secret_value(), content=body, headers=headers) as response,
            ):
                status, after = response.status_code, response.headers.get("retry-after", "")
                await _drained(response.aiter_raw())
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # The address may hold a secret: the error is told by its kind alone.
            raise WebhookUnreachable(f"webhook {webhook.name}: no answer ({type(error).__name__})") from None
        refusal = _refusal(webhook.name, status, after, self._now())
        if refusal is not None:
            raise refusal


async def _drained(chunks: AsyncIterator[bytes]) -> None:
    """The end of a short answer; a long one is cut off."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > LONGEST_ANSWER:
            return


def payload_of(notice: Notice) -> Json:
    """The notice as JSON, with the version of its form."""
    return {"version": VERSION, **notice.model_dump(mode="json")}


def signed(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The headers of time and signature; without a secret that of the time alone."""
    timestamp = str(int(at.timestamp()))
    if not secret:
        return {"X-Opsdesk-Timestamp": timestamp}
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Opsdesk-Timestamp": timestamp, "X-Opsdesk-Signature": f"sha256={digest}"}


def _refusal(name: str, status: int, retry_after: str, now: datetime) -> OpsdeskError | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        step = "put the address that it redirects to into the settings: a notice follows no redirect"
        return WebhookRefused(f"webhook {name} answered {status}, a redirect", next_step=step)
    if status in _LATER or status >= 500:
        wait = _seconds(retry_after, now)
        return WebhookUnreachable(f"webhook {name} answered {status}", retry_after_seconds=wait)
    return WebhookRefused(f"webhook {name} answered {status}", next_step="check its address and its secret")


def _seconds(retry_after: str, now: datetime) -> float | None:
    """``Retry-After`` in seconds or as a date, within an hour; None for none or nonsense."""
    from email.utils import parsedate_to_datetime

    told = retry_after.strip()
    if told.isascii() and told.isdecimal():
        return min(float(told[:9]), LONGEST_WAIT_SECONDS)
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, TypeError):
        return None
    if at.tzinfo is None:
        return None
    return min(max((at - now).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)


def _context(webhook: WebhookSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(webhook.ca_file) if webhook.ca_file else None)


async def _greeted(webhook: WebhookSettings) -> None:
    url = urlsplit(webhook.url.get_secret_value())
    context = _context(webhook) if url.scheme == "https" else None
    port = url.port or (443 if context else 80)
    try:
        async with asyncio.timeout(webhook.timeout_seconds):
            _, writer = await asyncio.open_connection(url.hostname, port, ssl=context)
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        told = f"webhook {webhook.name}: {type(error).__name__} at {url.hostname}:{port}"
        raise WebhookUnreachable(told, next_step="check its address") from None
