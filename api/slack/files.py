"""Files of Slack's own host: downloaded with the bot's token, which no other host ever gets to see, and pictures uploaded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.messengers.contract import MessengerUnreachable, SharedFile
from knowledge.errors import AccessDenied, AnswerTooLarge, BadInput

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

FILE_SECONDS = 60.0
_SCOPE = "give the app the scope files:read, and invite it into the channel"


class Files:
    """``hosts``: those that may be sent the token, as ``host`` or ``host:port``; only over TLS unless ``allows_plain``."""

    def __init__(
        self,
        token: Callable[[], str],
        hosts: tuple[str, ...],
        *,
        allows_plain: bool = False,
        session: Callable[[], AbstractAsyncContextManager[ClientSession]] | None = None,
    ) -> None:
        self._token, self._hosts, self._allows_plain = token, hosts, allows_plain
        self._session = session or _session

    async def download(self, file: SharedFile, maximum_bytes: int) -> bytes:
        """Raises BadInput for another host, AnswerTooLarge above the bound, AccessDenied where a sign-in page comes instead."""
        self._check_host(file.url)
        if file.size > maximum_bytes:
            raise AnswerTooLarge(
                f"the file has {file.size} bytes; {maximum_bytes} are read", next_step="share the part that matters"
            )
        from aiohttp import ClientError

        try:
            async with self._session() as session:
                headers = {"Authorization": f"Bearer {self._token()}"}
                async with session.get(file.url, headers=headers, allow_redirects=False) as response:
                    return await _content(response, maximum_bytes)
        except (ClientError, TimeoutError, OSError) as error:
            raise MessengerUnreachable(f"the file could not be fetched from Slack ({type(error).__name__})") from None

    async def upload(self, url: str, content: bytes) -> None:
        """To the address that Slack gave for it; it needs no token."""
        self._check_host(url)
        from aiohttp import ClientError

        try:
            async with self._session() as session:
                headers = {"Content-Type": "application/octet-stream"}
                async with session.post(url, data=content, headers=headers, allow_redirects=False) as response:
                    if response.status != 200:
                        raise MessengerUnreachable(f"Slack did not take the picture (HTTP {response.status})")
        except (ClientError, TimeoutError, OSError) as error:
            raise MessengerUnreachable(f"the picture could not be sent to Slack ({type(error).__name__})") from None

    def _check_host(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            place = f"{host}:{parts.port}" if parts.port else host
        except ValueError:
            raise BadInput("the file has no address that can be read") from None
        is_ours = place in self._hosts or (host in self._hosts and parts.port in {None, 443})
        is_safe = parts.scheme == "https" or (self._allows_plain and parts.scheme == "http")
        if not is_ours or not is_safe or parts.username or parts.password:
            raise BadInput(
                "the file does not lie with Slack: it is not fetched",
                next_step="paste its text, or upload it to Slack itself",
            )


async def _content(response: ClientResponse, maximum_bytes: int) -> bytes:
    if 300 <= response.status < 400 or response.status in {401, 403}:
        raise AccessDenied("Slack does not hand the file to the desk", next_step=_SCOPE)
    if response.status == 404:
        raise BadInput("the file is gone from Slack")
    if response.status != 200:
        raise MessengerUnreachable(f"Slack answers {response.status} for the file")
    content = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        content += chunk
        if len(content) > maximum_bytes:
            raise AnswerTooLarge(
                f"the file has more than {maximum_bytes} bytes", next_step="share the part that matters"
            )
    if response.content_type == "text/html" and b"<html" in content[:2_000].lower():
        raise AccessDenied("Slack answers with its sign-in page instead of the file", next_step=_SCOPE)
    return bytes(content)


def _session() -> ClientSession:
    from aiohttp import ClientSession, ClientTimeout

    return ClientSession(timeout=ClientTimeout(total=FILE_SECONDS), trust_env=False)
