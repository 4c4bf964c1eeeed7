"""The commands that need a server: none there, another there, a wrong token, and one that goes away while it is followed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.fakes.http_server import Asked, Told, running_http_server

COMMANDS = (
    ("incidents",),
    ("ticket", "slow"),
    ("ask", "why"),
    ("incident", "show", "inc-1"),
    ("incident", "show", "inc-1", "--follow"),
    ("approve", "inc-1", "--yes"),
    ("reject", "inc-1", "no"),
    ("review", "inc-1"),
    ("incident", "close", "inc-1", "done"),
)
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@pytest.fixture(autouse=True)
def token(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home
    monkeypatch.setenv("OPSDESK_TOKEN", "ops_of_someone")
    monkeypatch.setitem(_defaults(), "reconnect_seconds", 0.01)


def _defaults() -> dict[str, Any]:
    from api.commands.client import DeskClient

    defaults = DeskClient.__init__.__kwdefaults__
    assert defaults is not None
    return defaults


@every_command
def test_no_server_is_temporary_and_says_how_to_start_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OPSDESK_URL", "http://127.0.0.1:1")
    run(*words).told(75, "no answer from http://127.0.0.1:1", "opsdesk serve")


@every_command
def test_no_token_says_who_makes_one(run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.delenv("OPSDESK_TOKEN")
    run(*words).told(3, "no token", "opsdesk user token")


@pytest.mark.parametrize("url", ["nowhere", "ftp://host", "http://", "http://127.0.0.1:many", "http://[::1"])
def test_an_address_that_is_none_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPSDESK_URL", url)
    run("incidents").told(1, "no URL", "OPSDESK_URL")


@pytest.mark.parametrize("token", ["两个字", "a\nb", "a b"])
def test_a_token_that_can_be_none_is_told_and_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("OPSDESK_TOKEN", token)
    done = run("incidents")
    done.told(3, "no token of opsdesk")
    assert token not in done.err


@every_command
@pytest.mark.parametrize("code", [200, 404, 502], ids=str)
def test_another_server_is_told_as_such(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
) -> None:
    page = Told(code, b"<html>hello</html>", {"Content-Type": "text/html"})
    with running_http_server(lambda _: page) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        run(*words).told(75 if code == 502 else 1, server.url, "something else may listen there")


@every_command
def test_a_wrong_token_is_a_refusal(run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    problem = {"title": "not authenticated", "detail": "the token is not known", "next_step": "ask an admin for one"}
    with running_http_server(lambda _: Told(401, problem)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        run(*words).told(3, "the token is not known", "ask an admin")


def test_an_answer_that_never_came_says_that_the_ticket_may_be_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_http_server(lambda _: Told(hangs_up=True)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        run("ticket", "slow").told(75, "may have been taken in")
        assert [asked.method for asked in server.asked] == ["POST"]


def test_a_text_that_is_not_utf8_is_told_before_anything_is_sent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_URL", "http://127.0.0.1:1")
    run("ticket", "slow \udcff").told(1, "not UTF-8")
    run("ticket", "-", stdin=b"slow \xff").told(1, "not UTF-8")


def test_a_ticket_that_says_nothing_is_not_sent(run: Run) -> None:
    run("ticket", " ").told(1, "says nothing")
    run("ticket", "-", stdin=b"\n").told(1, "says nothing")


def test_a_status_that_is_none_names_the_choices(run: Run) -> None:
    done = run("incidents", "--status", "odd")
    assert done.code == 2
    assert "awaiting_approval" in done.err


@pytest.mark.parametrize("name", ["", "../users", "a b", "inc-1?x=1"])
def test_what_is_no_id_is_sent_nowhere(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with running_http_server(lambda _: Told(200, {})) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        run("incident", "show", name).told(1, "no incident's id")
        assert server.asked == []


def test_an_approval_asks_a_person_or_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = {"id": "apr-1", "status": "waiting", "plan_id": "pln-1", "digest": "sha256:0"}
    found = {"incident": {"language": "en"}, "approval": approval}
    with running_http_server(lambda _: Told(200, found)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        run("approve", "inc-1").told(1, "nobody is at the terminal", "--yes")
        assert {asked.method for asked in server.asked} == {"GET"}


# --- following -----------------------------------------------------------------------------------------------------


def event(sequence: int, stage: str) -> str:
    summary = {"en": f"english {sequence}", "zh": f"中文{sequence}"}
    entry = {"sequence": sequence, "at": "2026-11-21T04:00:00Z", "stage": stage, "summary": summary, "data": {}}
    return f"id: {sequence}\ndata: {json.dumps(entry)}\n\n"


STORY = {1: "intake", 2: "collect", 3: "diagnose", 4: "hand_over"}


def desk(language: str, stream: Callable[[int, int], Told]) -> Callable[[Asked], Told]:
    """A server with one incident; ``stream`` is asked with the number of the connection and the last event seen."""
    connections = 0

    def respond(asked: Asked) -> Told:
        nonlocal connections
        if asked.path.endswith("/events"):
            connections += 1
            return stream(connections, int(asked.headers.get("last-event-id", "0")))
        return Told(200, {"id": "inc-1", "incident": {"id": "inc-1", "language": language, "status": "investigating"}})

    return respond


def events(first: int, last: int, *, then: str = "", cut: bool = False) -> Told:
    body = "retry: 2000\n\n" + "".join(event(number, STORY[number]) for number in range(first, last + 1)) + then
    return Told(200, body.encode(), {"Content-Type": "text/event-stream"}, cut=cut)


def torn(connection: int, seen: int) -> Told:
    """The first connection breaks off in the middle of event 3; a proxy's 502 follows; then the rest."""
    if connection == 1:
        return events(1, 2, then='id: 3\ndata: {"sequence"', cut=True)
    return Told(502, b"bad gateway") if connection == 2 else events(seen + 1, 4)


def test_a_lost_stream_is_taken_up_after_the_last_whole_event(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_http_server(desk("en", torn)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("incident", "show", "inc-1", "--follow", "--json")
        resumed = [asked.headers.get("last-event-id") for asked in server.asked if asked.path.endswith("/events")]
    assert done.code == 0, done.err
    assert [json.loads(line)["sequence"] for line in done.out.splitlines()] == [1, 2, 3, 4]
    assert resumed == [None, "2", "2"]


def test_a_server_that_stays_away_is_told_with_the_last_event(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(connection: int, _: int) -> Told:
        return events(1, 2) if connection == 1 else Told(hangs_up=True)

    with running_http_server(desk("en", gone)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("incident", "show", "inc-1", "--follow")
    done.told(75, "was lost after event 2", "goes on without you")
    assert "english 2" in done.out


def test_a_token_revoked_while_following_ends_it_with_a_refusal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def revoked(connection: int, _: int) -> Told:
        return events(1, 1) if connection == 1 else Told(401, {"detail": "the token is revoked", "next_step": "ask"})

    with running_http_server(desk("en", revoked)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        run("incident", "show", "inc-1", "--follow").told(3, "revoked")


@pytest.mark.parametrize(
    ("language", "options", "shown"),
    [
        ("zh", (), "中文4"),
        ("en", (), "english 4"),
        ("zh", ("--lang", "en"), "english 4"),
        ("en", ("--lang", "zh"), "中文4"),
    ],
)
@pytest.mark.parametrize("words", [("incident", "show", "inc-1", "--follow"), ("ticket", "慢", "--follow")])
def test_the_story_is_told_in_the_incidents_language_unless_another_is_asked_for(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    language: str,
    options: tuple[str, ...],
    shown: str,
) -> None:
    with running_http_server(desk(language, lambda _, seen: events(seen + 1, 4))) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run(*words, *options)
    assert done.code == 0, done.err
    assert shown in done.out
