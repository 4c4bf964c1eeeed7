"""Loki's HTTP API: range queries over what the site ships, above all the nodes' system logs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from knowledge.errors import AccessDenied, BadInput, LogsUnreachable, MalformedSettings
from tools.adapters.bounded_http import BoundedHttp
from tools.ports import LogAnswer, LogLine
from tools.redaction import redact_text

NODE_SELECTOR = '{job="systemd-journal", hostname="<node>"}'
MAX_ANSWER_BYTES = 16_000_000
PAGE_LINES = 2_000
"""Loki refuses more than 5,000 lines for one query unless it is told otherwise."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Raw = tuple[int, str, Mapping[str, str]]


class Loki:
    """Fills the Logs port. Opened at each question, in the loop that asks. ``tenant``: for X-Scope-OrgID. ``node_selector``:
    LogQL that selects one node's system logs, with ``<node>`` for its name. ``ca_file``: an authority of the site's own."""

    def __init__(
        self,
        url: str,
        *,
        node_selector: str = NODE_SELECTOR,
        token: str = "",
        tenant: str = "",
        ca_file: Path | None = None,
        timeout_seconds: float = 10.0,
        page_lines: int = PAGE_LINES,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        if "<node>" not in node_selector:
            raise MalformedSettings(
                f"loki_node_selector {node_selector!r} does not say which node it means",
                next_step="put <node> where the node's name stands in it",
            )
        self._node_selector = node_selector
        self._page_lines = page_lines
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if tenant:
            headers["X-Scope-OrgID"] = tenant
        self._http = BoundedHttp(
            url,
            LogsUnreachable,
            url_setting="loki_url",
            too_large_step="narrow the selector or the time",
            headers=headers,
            timeout_seconds=timeout_seconds,
            max_answer_bytes=max_answer_bytes,
            ca_file=ca_file,
        )

    async def of_node(self, node: str, start: datetime, end: datetime, *, max_lines: int = 5_000) -> LogAnswer:
        quoted = node.replace("\\", "\\\\").replace('"', '\\"')
        return await self.range(self._node_selector.replace("<node>", quoted), start, end, max_lines=max_lines)

    async def range(self, query: str, start: datetime, end: datetime, *, max_lines: int = 5_000) -> LogAnswer:
        """Pages backwards from the newest line. Lines of one nanosecond that a page's end falls among are asked for again."""
        if end < start or max_lines < 1:
            raise BadInput(f"a range of logs needs an end after its start and at least one line ({start} to {end})")
        found: dict[_Key, _Raw] = {}
        since, until = _nanoseconds(start), _nanoseconds(end)
        left_out = ""
        while until > since:
            page = await self._page(query, since, until)
            fresh = {(at, text, tuple(sorted(labels.items()))): (at, text, labels) for at, text, labels in page}
            had = len(found)
            found.update(fresh)
            if len(page) < self._page_lines:
                break
            oldest = min(at for at, _, _ in page)
            if len(found) >= max_lines:
                left_out = f"lines before {_time(oldest).isoformat()}"
                break
            if len(found) == had:  # more lines in one nanosecond than a page holds
                left_out = f"some of the lines at {_time(oldest).isoformat()}"
                until = oldest
                continue
            until = oldest + 1
        lines = sorted(found.values(), key=lambda one: one[0])
        if len(lines) > max_lines:
            lines = lines[-max_lines:]
            left_out = f"lines before {_time(lines[0][0]).isoformat()}"
        return LogAnswer([LogLine(_time(at), labels, text) for at, text, labels in lines], left_out)

    async def ready(self) -> str:
        answer = await self._ask("/loki/api/v1/status/buildinfo", {})
        return str(answer.get("version", "")) if isinstance(answer, dict) else ""

    async def _page(self, query: str, since: int, until: int) -> list[_Raw]:
        form = {
            "query": query,
            "start": str(since),
            "end": str(until),
            "limit": str(self._page_lines),
            "direction": "backward",
        }
        answer = await self._ask("/loki/api/v1/query_range", form)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict) or data.get("resultType") != "streams":
            raise BadInput(f"the query gives no log lines: {query}", next_step="ask for a stream, not for a number")
        return [
            (int(value[0]), str(value[1]), {str(name): str(label) for name, label in (one.get("stream") or {}).items()})
            for one in data.get("result") or ()
            for value in one.get("values") or ()
        ]

    async def _ask(self, path: str, params: Mapping[str, str]) -> Any:
        status, body = await self._http.get(path, params)
        return self._checked(status, body, path)

    def _checked(self, status: int, body: bytes, path: str) -> Any:
        """Loki tells errors as plain text; a proxy before it in any form."""
        told = redact_text(body[:500].decode("utf-8", "replace")).strip()
        if status in {401, 403}:
            raise AccessDenied(
                f"{self._http.shown} does not accept our credentials ({status}): {told[:200]}",
                next_step="renew the cluster's loki_token, or set its loki_tenant",
            )
        if status == 400:
            raise BadInput(
                f"Loki cannot answer the query: {told}", next_step="correct the cluster's loki_node_selector"
            )
        if status >= 300:
            raise LogsUnreachable(f"{self._http.shown}{path} answered {status}: {told}", next_step="try again later")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise LogsUnreachable(
                f"{self._http.shown}{path} answered {status} and nothing that Loki says",
                next_step="check the cluster's loki_url: it is the base URL, without /loki/api",
            ) from error


_Key = tuple[int, str, tuple[tuple[str, str], ...]]


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1_000


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)
