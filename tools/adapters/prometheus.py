"""A Prometheus-compatible query API (Prometheus, Thanos, VictoriaMetrics, Mimir) over HTTP."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from knowledge.errors import AccessDenied, BadInput, MetricsUnreachable
from tools.adapters.bounded_http import BoundedHttp
from tools.ports import Series

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
        told = {**(headers or {}), "Accept": "application/json"}
        if token:
            told["Authorization"] = f"Bearer {token}"
        self._timeout_seconds = timeout_seconds
        self._http = BoundedHttp(
            url,
            MetricsUnreachable,
            url_setting="prometheus_url",
            too_large_step="aggregate in the query",
            headers=told,
            timeout_seconds=timeout_seconds,
            max_answer_bytes=max_answer_bytes,
            basic=(user, password) if user else None,
            ca_file=ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            verifies_tls=verifies_tls,
        )

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
        status, body = await (self._http.get(path, {}) if form is None else self._http.post(path, form))
        return self._checked(status, body, path)

    def _checked(self, status: int, body: bytes, path: str) -> Any:
        if status in {401, 403}:
            raise AccessDenied(
                f"{self._http.shown} does not accept our credentials ({status})",
                next_step="renew the cluster's prometheus_token",
            )
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or "status" not in answer:
            raise MetricsUnreachable(
                f"{self._http.shown}{path} answered {status} and nothing that Prometheus says",
                next_step="check the cluster's prometheus_url: it is the base URL, without /api or /graph",
            )
        if answer["status"] == "success":
            return answer.get("data")
        told = f"{answer.get('errorType', '')}: {answer.get('error', '')}".strip(": ")
        if status in {400, 422} and answer.get("errorType") in {"bad_data", "execution"}:
            raise BadInput(f"Prometheus cannot answer the query: {told}")
        raise MetricsUnreachable(f"{self._http.shown} answered {status}: {told}", next_step="try again later")


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
