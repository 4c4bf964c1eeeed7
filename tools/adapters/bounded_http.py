"""One question over HTTP to a telemetry store: bounded in time and bytes, its failures put into the desk's words."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import AnswerTooLarge, MalformedSettings, OpsdeskError
from tools.redaction import redact_text

if TYPE_CHECKING:
    import httpx


@dataclass(slots=True)
class BoundedHttp:
    """``shown`` is the URL as errors may show it; ``unreachable`` the error of this kind of peer; ``url_setting`` and
    ``too_large_step`` end its sentences. Opened at each question, in the loop that asks."""

    url: str
    unreachable: type[OpsdeskError]
    url_setting: str
    too_large_step: str
    headers: Mapping[str, str]
    timeout_seconds: float
    max_answer_bytes: int
    basic: tuple[str, str] | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    verifies_tls: bool = True
    shown: str = field(init=False)
    _context: ssl.SSLContext | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        self.shown = redact_text(self.url)

    async def get(self, path: str, params: Mapping[str, str]) -> tuple[int, bytes]:
        """(status, body). Raises ``unreachable``, AnswerTooLarge, MalformedSettings."""
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """The same with a form: queries may be longer than a URL."""
        return await self._ask("POST", path, form=form)

    async def _ask(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        import httpx

        try:
            async with (
                self._opened() as client,
                client.stream(method, self.url + path, params=params, data=form) as response,
            ):
                return response.status_code, await self._bounded(response, path)
        except httpx.TimeoutException as error:
            raise self.unreachable(
                f"{self.shown} did not answer within {self.timeout_seconds:g} seconds",
                next_step="check that it runs and is not overloaded",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.unreachable(
                f"{self.shown} cannot be reached: {redact_text(str(error)) or type(error).__name__}",
                next_step=f"check that it runs, and the cluster's {self.url_setting}",
            ) from error

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        # A client for each question: the graph, the command line and tests ask from loops of their own.
        return httpx.AsyncClient(
            headers=dict(self.headers),
            auth=self.basic,
            verify=self._tls() if self.url.startswith("https") else False,
            timeout=httpx.Timeout(self.timeout_seconds, connect=min(5.0, self.timeout_seconds)),
            follow_redirects=False,
            trust_env=False,
        )

    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the authorities takes longer than a query."""
        if self._context is not None:
            return self._context
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
            if self.certificate_file:
                context.load_cert_chain(self.certificate_file, self.key_file)
        except OSError as error:
            raise MalformedSettings(f"the TLS files for {self.shown} cannot be used: {error}") from error
        if not self.verifies_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._context = context
        return context

    async def _bounded(self, response: httpx.Response, path: str) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > self.max_answer_bytes:
                raise AnswerTooLarge(
                    f"{self.shown}{path} gave more than {self.max_answer_bytes} bytes", next_step=self.too_large_step
                )
            pieces.append(piece)
        return b"".join(pieces)


__all__ = ["BoundedHttp"]
