"""Replays recorded exchanges against a server and compares the answers.

`python -m tests.contracts.kubernetes.replay [--only 03 14] [-v]` starts a bare practice cluster for each file and prints
the figures; `--url` and `--token` name another server.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from evals.practice.clock import RealClock
from tests.contracts.kubernetes.compare import differences
from tests.contracts.kubernetes.placeholders import Bindings
from tests.contracts.kubernetes.recordings import Exchange, files, load

RATE = 20.0
"""How much faster than recorded the practice cluster lives through its waits."""
_PATIENCE_SECONDS = 20.0
_CONVERGENCE_SECONDS = 1.5
_RATES = {"20": 8.0, "21": 3.0, "22": 2.5, "23": 3.0, "25": 3.0, "26": 4.0, "27": 4.0, "29": 8.0, "30": 8.0}
"""Where a state must be caught before the next one comes."""
_NODES = {("node", "1"): "rig-node-1", ("node", "2"): "rig-node-2"}
Outcome = dict[str, list[str]]
"""Exchange id -> what differs; empty lists for equal ones."""


class NeverHeld(Exception):
    """The server never came to the state that the recorder waited for."""


def holds(status: int, body: Any, until: tuple[tuple[list[Any], str, Any], ...]) -> bool:
    """Whether an answer is the one that the recorder waited for."""
    return all(_holds(status, body, path, operator, wanted) for path, operator, wanted in until)


def _holds(status: int, body: Any, path: list[Any], operator: str, wanted: Any) -> bool:
    found: list[Any] = [status] if path == ["$status"] else list(_at(body, path))
    match operator:
        case "absent":
            return not found
        case "exists":
            return bool(found)
        case "count":
            return bool(len(found) == wanted)
        case "count_ge":
            return bool(len(found) >= wanted)
        case "len":
            return any(len(one) == wanted for one in found) or (wanted == 0 and not found)
        case "eq":
            return wanted in found
        case "ge":
            return any(isinstance(one, int | float) and one >= wanted for one in found)
    raise ValueError(f"the recordings know no operator {operator!r}")


def _at(value: Any, path: list[Any]) -> Iterator[Any]:
    """Everything that a path leads to."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        known = isinstance(step, str) and step in value
        chosen = list(value.values()) if step == "*" else [value[step]] if known else []
    elif isinstance(value, list):
        if isinstance(step, dict):
            chosen = [one for one in value if isinstance(one, dict) and {**one, **step} == one]
        elif isinstance(step, int):
            chosen = value[step : step + 1]
        else:
            chosen = value if step == "*" else []
    else:
        chosen = []
    for one in chosen:
        yield from _at(one, rest)


@dataclass(slots=True)
class Server:
    """Where to send the requests, and how fast its clock runs."""

    url: str
    admin_token: str
    rate: float = 1.0
    verify: ssl.SSLContext | bool = True
    certificate: tuple[str, str] | None = None


@dataclass(slots=True)
class Replay:
    """One file against one server."""

    server: Server
    client: httpx.Client
    bindings: Bindings = field(default_factory=lambda: Bindings(dict(_NODES)))
    limited_token: str = ""

    def run(self, exchanges: list[Exchange]) -> Outcome:
        """Every exchange in order."""
        return {exchange.id: self._one(exchange) for exchange in exchanges}

    def _one(self, exchange: Exchange) -> list[str]:
        time.sleep(exchange.wait_seconds / self.server.rate)
        found = self._compared(exchange)
        deadline = time.monotonic() + _CONVERGENCE_SECONDS
        while found and exchange.until and exchange.method == "GET" and time.monotonic() < deadline:
            # the recorder, too, asked until it saw what it waited for; controllers may be a step further or behind
            time.sleep(0.05)
            found = self._compared(exchange)
        return found

    def _compared(self, exchange: Exchange) -> list[str]:
        try:
            status, body = self._answer(exchange)
        except NeverHeld as error:
            return [str(error)]
        if status == 201 and isinstance(body, dict) and body.get("kind") == "TokenRequest":
            self.limited_token = body["status"]["token"]
        if status != exchange.status:
            return [f"status {status}, recorded {exchange.status}: {str(body)[:300]}"]
        found = differences(_read_yaml(exchange.answer, exchange.content_type), body, self.bindings)
        return [] if exchange.is_unstable else found

    def _answer(self, exchange: Exchange) -> tuple[int, Any]:
        """The answer, asked for again until it is the one that was waited for."""
        until = tuple((path, op, self.bindings.fill(value)) for path, op, value in exchange.until)
        request = self._request(exchange)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        pause = 0.005
        while True:
            response = self.client.send(request)
            body = _body_of(response, is_stream=exchange.is_stream)
            if holds(response.status_code, body, until):
                return response.status_code, body
            if time.monotonic() > deadline:
                raise NeverHeld(f"after {_PATIENCE_SECONDS:g} s the answer is not what was waited for: {until}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.3 if self.server.rate == 1.0 else 0.05)

    def _request(self, exchange: Exchange) -> httpx.Request:
        headers = dict(exchange.headers)
        token = {"admin": self.server.admin_token, "badtoken": "not-a-token", "limited": self.limited_token}
        if token.get(exchange.who):
            headers["Authorization"] = f"Bearer {token[exchange.who]}"
        body = self.bindings.fill(exchange.request)
        content = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        path, query = self.bindings.fill(exchange.path), self.bindings.fill(exchange.query)
        return self.client.build_request(
            exchange.method, self.server.url + path, params=query, headers=headers, content=content
        )


def _body_of(response: httpx.Response, *, is_stream: bool) -> Any:
    text = response.text
    kind = response.headers.get("content-type", "")
    if not text:
        return None
    if is_stream and response.status_code == 200:
        events = [json.loads(line) for line in text.splitlines() if line.strip()]
        return _folded(events) or None
    if "json" in kind:
        return json.loads(text)
    return _read_yaml(text, kind)


def _read_yaml(body: Any, kind: str) -> Any:
    """YAML answers are compared as the strings that they hold."""
    return yaml.load(body, Loader=yaml.BaseLoader) if isinstance(body, str) and "yaml" in kind else body


def _folded(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of neighbouring bookmarks the first, as recorded."""
    kept: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "BOOKMARK" and kept and kept[-1]["type"] == "BOOKMARK":
            continue
        kept.append(event)
    return kept


def replay_file(server: Server, file: Path) -> Outcome:
    """One file against a server that is running."""
    with httpx.Client(
        timeout=60.0, trust_env=False, verify=server.verify, cert=server.certificate, headers={"User-Agent": "recorder"}
    ) as client:
        return Replay(server, client).run(load(file))


class HurriedClock(RealClock):
    """A clock whose time of day, too, passes faster: a CronJob's minute, a log's last second."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self._began, self._at = datetime.now(UTC), self.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic() - self._at)


@contextmanager
def bare_practice_server(file: Path) -> Iterator[Server]:
    """A practice cluster with the two recorded nodes and nothing else, its waits shortened as the file allows."""
    from evals.practice.platform.ready_made import with_rig
    from evals.practice.server import running_in_thread

    rate = _RATES.get(file.name[:2], RATE)
    with running_in_thread(clock=HurriedClock(rate), start_controllers=with_rig()) as server:
        yield Server(server.url, server.admin_token, rate)


def main() -> int:
    """Print the figures; 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.kubernetes.replay", description=__doc__)
    parser.add_argument("--url", help="a running server; without it a practice cluster is started for each file")
    parser.add_argument("--token", default="", help="the admin's token for --url")
    parser.add_argument("--only", nargs="*", default=[], help="numbers of files")
    parser.add_argument("-v", action="store_true", help="tell what differs")
    given = parser.parse_args()
    tell = sys.stdout.write
    total = equal = 0
    for file in files():
        if given.only and file.name[:2] not in given.only:
            continue
        began = time.monotonic()
        with nullcontext(Server(given.url, given.token)) if given.url else bare_practice_server(file) as server:
            outcome = replay_file(server, file)
        same = sum(1 for found in outcome.values() if not found)
        total, equal = total + len(outcome), equal + same
        tell(f"{file.stem}: {same} of {len(outcome)} equal ({time.monotonic() - began:.1f} s)\n")
        for exchange_id, found in outcome.items() if given.v else ():
            if found:
                tell(f"  {exchange_id}: {'; '.join(found[:4])[:900]}\n")
        sys.stdout.flush()
    tell(f"{equal} of {total} equal\n")
    return 0 if equal == total else 1


if __name__ == "__main__":
    sys.exit(main())
