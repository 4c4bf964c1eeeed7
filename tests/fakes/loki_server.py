"""A Loki in memory, behind its documented HTTP API: selectors with equality and regex matchers, line filters, paging both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.http_server import Asked, HttpServer, Told, running_http_server

_QUERY = re.compile(r'^\s*\{(?P<matchers>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\}\s*(?:\|=\s*"(?P<has>(?:[^"\\]|\\.)*)"\s*)?$')
_MATCHER = re.compile(r'\s*(\w+)\s*(=~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
MOST = 5_000


@dataclass(slots=True)
class FakeLoki:
    """``token`` and ``tenant``: wanted of every request when set."""

    token: str = ""
    tenant: str = ""
    entries: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url

    def push(self, at: datetime, labels: Mapping[str, str], text: str, *, nanoseconds: int = 0) -> None:
        self.entries.append((int(at.timestamp()) * 10**9 + at.microsecond * 1_000 + nanoseconds, dict(labels), text))

    def respond(self, asked: Asked) -> Told:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Told(401, b"no credentials")
        if self.tenant and asked.headers.get("x-scope-orgid") != self.tenant:
            return Told(401, b"no org id")
        if asked.path == "/loki/api/v1/status/buildinfo":
            return Told(200, {"version": "3.1.0", "revision": "fake"})
        if asked.path == "/loki/api/v1/query_range":
            return self._query_range(asked.query)
        return Told(404, b"404 page not found")

    def _query_range(self, form: dict[str, str]) -> Told:
        query = form.get("query", "")
        limit = int(form.get("limit", "100"))
        if limit > MOST:
            return _bad(f"max entries limit per query exceeded, limit > max_entries_limit ({limit} > {MOST})")
        if query.startswith(("rate(", "sum(")):
            return Told(200, {"status": "success", "data": {"resultType": "matrix", "result": []}})
        parsed = _QUERY.match(query)
        if parsed is None:
            return _bad("parse error at line 1, col 1: syntax error: unexpected IDENTIFIER")
        matchers = _MATCHER.findall(parsed["matchers"])
        if not matchers:
            return _bad(
                "queries require at least one regexp or equality matcher that does not have an empty-compatible value"
            )
        start, end = int(form["start"]), int(form["end"])
        has = (parsed["has"] or "").replace('\\"', '"')
        found = [
            one for one in sorted(self.entries, key=lambda one: one[0])
            if start <= one[0] < end and has in one[2] and all(_fits(one[1], *matcher) for matcher in matchers)
        ]  # fmt: skip
        found = found[:limit] if form.get("direction") == "forward" else found[::-1][:limit]
        return Told(
            200, {"status": "success", "data": {"resultType": "streams", "result": _streams(found), "stats": {}}}
        )


def _bad(told: str) -> Told:
    return Told(400, told.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


def _fits(labels: Mapping[str, str], name: str, operator: str, value: str) -> bool:
    wanted, has = value.replace('\\"', '"').replace("\\\\", "\\"), labels.get(name, "")
    if operator == "=~":
        return re.fullmatch(wanted, has) is not None
    return (has == wanted) is (operator == "=")


def _streams(found: list[tuple[int, dict[str, str], str]]) -> list[dict[str, Any]]:
    streams: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for at, labels, text in found:
        stream = streams.setdefault(tuple(sorted(labels.items())), {"stream": labels, "values": []})
        stream["values"].append([str(at), text])
    return list(streams.values())


@contextmanager
def running_loki(*, token: str = "", tenant: str = "") -> Iterator[FakeLoki]:
    loki = FakeLoki(token, tenant)
    with running_http_server(loki.respond) as server:
        loki.server = server
        yield loki
