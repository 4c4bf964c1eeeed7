"""The event stream over a real connection: everything once, in order, resumable, and ended with its token."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from api.web.routes import events
from knowledge.vocabulary import Text
from tests.web.conftest import Rig
from tests.web.serving import served
from tests.web.story import incident_of


@pytest.fixture
def address(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(events, "RECHECK_SECONDS", 0.05)
    with served(rig.app) as url:
        yield url


def tell(rig: Rig, incident_id: str, words: str) -> None:
    rig.ledger.timeline.add(incident_id, "collect", "opsdesk", Text(en=words, zh=words))


def read(lines: Iterator[str], count: int) -> list[tuple[int, str]]:
    """The next ``count`` events: (id, English summary)."""
    found: list[tuple[int, str]] = []
    sequence = 0
    for line in lines:
        if line.startswith("id: "):
            sequence = int(line[4:])
        if line.startswith("data: "):
            found.append((sequence, json.loads(line[6:])["summary"]["en"]))
        if len(found) == count:
            break
    return found


def test_stream_gives_what_was_and_then_what_comes(rig: Rig, address: str) -> None:
    one = incident_of(rig.ledger)
    url = f"{address}/api/v1/incidents/{one.id}/events"
    with httpx.stream("GET", url, headers=rig.as_("vera"), timeout=10, trust_env=False) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        ((first, _),) = read(lines, 1)
        tell(rig, one.id, "second\nwith a line")
        tell(rig, one.id, "third")
        assert read(lines, 2) == [(first + 1, "second\nwith a line"), (first + 2, "third")]


def test_stream_resumes_after_the_last_event_that_was_seen(rig: Rig, address: str) -> None:
    one = incident_of(rig.ledger)
    tell(rig, one.id, "second")
    url = f"{address}/api/v1/incidents/{one.id}/events"
    headers = rig.as_("vera") | {"Last-Event-ID": "1"}
    with httpx.stream("GET", url, headers=headers, timeout=10, trust_env=False) as answer:
        assert read(answer.iter_lines(), 1) == [(2, "second")]


def test_stream_ends_when_its_token_is_revoked(rig: Rig, address: str) -> None:
    one = incident_of(rig.ledger)
    url = f"{address}/api/v1/incidents/{one.id}/events"
    with httpx.stream("GET", url, headers=rig.as_("vera"), timeout=10, trust_env=False) as answer:
        lines = answer.iter_lines()
        assert read(lines, 1)
        rig.ledger.principals.revoke_token("vera", "test")
        assert all(not line.startswith("data") for line in lines)


@pytest.mark.parametrize("seen", ["-1", "x", "9" * 400, "²"])
def test_stream_starts_over_or_stays_empty_when_the_last_event_is_nonsense(rig: Rig, address: str, seen: str) -> None:
    one = incident_of(rig.ledger)
    url = f"{address}/api/v1/incidents/{one.id}/events"
    headers = [(b"Authorization", rig.as_("vera")["Authorization"].encode()), (b"Last-Event-ID", seen.encode())]
    with httpx.stream("GET", url, headers=headers, timeout=10, trust_env=False) as answer:
        assert answer.status_code == 200


def test_stream_of_an_unknown_incident_is_404(rig: Rig, address: str) -> None:
    answer = httpx.get(f"{address}/api/v1/incidents/inc-none/events", headers=rig.as_("vera"), trust_env=False)
    assert answer.status_code == 404
