"""A Prometheus-compatible query API (Prometheus, Thanos, VictoriaMetrics, Mimir) over HTTP."""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from knowledge.errors import AccessDenied, AnswerTooLarge, BadInput, MalformedSettings, MetricsUnreachable
from tools.ports import Series
from tools.redaction import redact_text

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES = 32_000_000
MAX_POINTS = 11_000
"""Prometheus refuses a range of more points for each series."""


class Prometheus:
    """Fills the Metrics port. Opened at the first query, in the loop that asks. ``token``: a bearer token; ``user`` and
    ``password``: basic authentication; ``ca_file``: a certificate authority of the site's own."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        user: str = "",
        password: str = "",
        ca_file: Path | None = None,
        certificate_file: Path | None = None,
        key_file: Path | None = None,
        verifies_tls: bool = True,
        timeout_seconds: float = 10.0,
        headers: Mapping[str, str] | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = redact_text(self._url)
        self._headers = {**(headers or {}), "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._basic = (user, password) if user else None
        self._ca_file, self._certificate_file, self._key_file = ca_file, certificate_file, key_file
        self._verifies_tls = verifies_tls
        self._timeout_seconds = timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._context: ssl.SSLContext | None = None

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]:
        form = {"query": query, "timeout": f"{self._timeout_seconds:g}s"}
        if at is not None:
            form["time"] = f"{at.timestamp():.3f}"
        return _series(await self._ask("/api/v1/query", form))

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        span = (end - start).total_seconds()
        if step_seconds <= 0 or span < 0:
            raise BadInput(
                f"a range needs a positive step and an end after its start (step {step_seconds}, span {span} s)"
            )
        step = max(step_seconds, span / MAX_POINTS, 0.001)
        form = {
            "query": query,
            "start": f"{start.timestamp():.3f}",
            "end": f"{end.timestamp():.3f}",
            "step": f"{step:.3f}",
            "timeout": f"{self._timeout_seconds:g}s",
        }
        return _series(await self._ask("/api/v1/query_range", form))

    async def ready(self) -> str:
        answer = await self._ask("/api/v1/status/buildinfo", None)
        return str(answer.get("version", "")) if isinstance(answer, dict) else ""

    async def _ask(self, path: str, form: Mapping[str, str] | None) -> Any:
        import httpx

        try:
            async with self._opened() as client:
                method = "POST" if form is not None else "GET"
                async with client.stream(method, self._url + path, data=form) as response:
                    body = await self._bounded(response, path)
        except httpx.TimeoutException as error:
            raise MetricsUnreachable(
                f"{self._shown} did not answer within {self._timeout_seconds:g} seconds",
                next_step="check that it runs and is not overloaded",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MetricsUnreachable(
                f"{self._shown} cannot be reached: {redact_text(str(error)) or type(error).__name__}",
                next_step="check that it runs, and the cluster's prometheus_url",
            ) from error
        return self._checked(response.status_code, body, path)

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        # A client for each question: the graph, the command line and tests ask from loops of their own.
        return httpx.AsyncClient(
            headers=self._headers,
            auth=self._basic,
            verify=self._tls() if self._url.startswith("https") else False,
            timeout=httpx.Timeout(self._timeout_seconds, connect=min(5.0, self._timeout_seconds)),
            follow_redirects=False,
            trust_env=False,
        )

    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the authorities takes longer than a query."""
        if self._context is not None:
            return self._context
        try:
            context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            if self._certificate_file:
                context.load_cert_chain(self._certificate_file, self._key_file)
        except OSError as error:
            raise MalformedSettings(f"the TLS files for {self._shown} cannot be used: {error}") from error
        if not self._verifies_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._context = context
        return context

    async def _bounded(self, response: httpx.Response, path: str) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > self._max_answer_bytes:
                raise AnswerTooLarge(
                    f"{self._shown}{path} gave more than {self._max_answer_bytes} bytes",
                    next_step="aggregate in the query",
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _checked(self, status: int, body: bytes, path: str) -> Any:
        if status in {401, 403}:
            raise AccessDenied(
                f"{self._shown} does not accept our credentials ({status})",
                next_step="renew the cluster's prometheus_token",
            )
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or "status" not in answer:
            raise MetricsUnreachable(
                f"{self._shown}{path} answered {status} and nothing that Prometheus says",
                next_step="check the cluster's prometheus_url: it is the base URL, without /api or /graph",
            )
        if answer["status"] == "success":
            return answer.get("data")
        told = f"{answer.get('errorType', '')}: {answer.get('error', '')}".strip(": ")
        if status in {400, 422} and answer.get("errorType") in {"bad_data", "execution"}:
            raise BadInput(f"Prometheus cannot answer the query: {told}")
        raise MetricsUnreachable(f"{self._shown} answered {status}: {told}", next_step="try again later")


def _series(data: Any) -> list[Series]:
    """Vectors, matrices and scalars as series; values that are no finite number are left out."""
    if not isinstance(data, dict):
        return []
    result = data.get("result") or []
    if data.get("resultType") in {"scalar", "string"}:
        return [Series({}, _points([result]))]
    return [
        Series({str(name): str(value) for name, value in (one.get("metric") or {}).items()},
               _points(one.get("values") or [one.get("value") or ()]))
        for one in result
    ]  # fmt: skip


def _points(pairs: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for pair in pairs:
        try:
            moment, value = float(pair[0]), float(pair[1])
        except (IndexError, TypeError, ValueError):
            continue
        if math.isfinite(value):
            points.append((moment, value))
    return points
