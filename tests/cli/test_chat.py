"""`opsdesk ask` and `opsdesk chat`: a streamed answer drawn on a terminal, offers by number, hostile text harmless, a lost stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.commands.render_chat import spark
from tests.cli.conftest import Run
from tests.fakes.http_server import Asked, Told, running_http_server

Json = dict[str, Any]
SCRIPT = "kubectl -n prod scale deployment/bge-m3 --replicas=4\n"
BLOCKS: list[Json] = [
    {"block": "said", "text": "p95 is 1.2 s [1] \x1b[31mred\u202e", "tone": "bad", "citations": [{"kind": "metric", "id": "up{}", "title": "up"}]},
    {"block": "rows", "title": "Pods", "columns": ["pod", "node"], "rows": [["bge-0", "gpu-01"]], "left_out": 3},
    {"block": "chart", "title": "latency", "query": "up{}", "unit": "seconds",
     "lines": [{"label": "p95", "points": [["2026-03-10T10:00:00Z", 0.5], ["2026-03-10T10:01:00Z", 1.5]]}]},
    {"block": "script", "script": SCRIPT, "ruling": "one", "reasons": ["change: scale changes the cluster"]},
    {"block": "incident", "incident_id": "inc-1", "title": "slow", "status": "open"},
    {"block": "offers", "offers": [{"label": "Open it", "does": "open", "text": SCRIPT}, {"label": "Logs", "does": "say", "text": "logs of bge-m3"}]},
]  # fmt: skip


def stream(blocks: list[Json], *, cut: bool = False) -> Told:
    parts: list[Json] = [{"part": "begun", "conversation_id": "chat-1"}, {"part": "progress", "text": "looking ..."}]
    parts += [{"part": "delta", "text": "as it is written"}]
    parts += [{"part": "answered", "answer": block} for block in blocks]
    if not cut:
        parts.append({"part": "ended", "message_id": "msg-1", "understood_as": "metric", "conversation_id": "chat-1"})
    body = "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + ("data: {" if cut else "")
    return Told(200, body.encode(), {"Content-Type": "text/event-stream"}, cut=cut)


def desk(asked: Asked) -> Told:
    if asked.path.endswith("/incident"):
        return Told(201, {"id": "inc-9", "title": "opened from the chat"})
    body = json.loads(asked.body)
    if body.get("stream") is False:
        return Told(
            200, {"conversation_id": "chat-1", "message_id": "msg-1", "understood_as": "metric", "blocks": BLOCKS}
        )
    return stream(BLOCKS)


@pytest.fixture
def served(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Asked], Told]], Any]:
    assert home
    monkeypatch.setenv("OPSDESK_TOKEN", "ops_of_someone")

    def serve(respond: Callable[[Asked], Told]) -> Any:
        return running_http_server(respond)

    return serve


def test_an_answer_is_drawn_with_its_citations_and_nothing_of_it_moves_the_terminal(
    run: Run, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(desk) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("ask", "bge-m3 的 p95", "--lang", "en", "-n", "prod")
        (asked,) = server.asked
    assert done.code == 0, done.err
    for word in (
        "p95 is 1.2 s [1]",
        "[1] metric up{}",
        "bge-0",
        "+ 3",
        "500 ms – 1.50 s",
        "needs one approver",
        "scale deployment/bge-m3",
        "inc-1",
        "1) Open it",
    ):
        assert word in done.out, word
    assert "\x1b[31m" not in done.out
    assert "\u202e" not in done.out
    assert "looking ..." in done.err
    assert "as it is written" in done.err
    assert "--conversation chat-1" in done.err
    sent = json.loads(asked.body)
    assert sent["text"] == "bge-m3 的 p95 (namespace prod)"
    assert sent["channel"] == "cli"
    assert sent["zone"]


def test_json_is_one_value(run: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(desk) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("ask", "-", "--json", stdin="为什么慢".encode())
    assert json.loads(done.out)["blocks"][0]["block"] == "said"


def test_a_file_goes_along_in_whatever_encoding(
    run: Run, served: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes("显存不足\n".encode("gb18030"))
    with served(desk) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        assert run("ask", "look", "--file", str(log)).code == 0
        assert json.loads(server.asked[0].body)["attachments"] == [{"name": "a.log", "text": "显存不足\n"}]
    run("ask", "look", "--file", str(tmp_path / "none")).told(1, "cannot read it")


def test_a_lost_stream_says_that_the_answer_is_kept(run: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(lambda _: stream(BLOCKS[:1], cut=True)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("ask", "why")
    done.told(75, "was lost", "goes on without you and is kept")
    assert "p95 is 1.2 s" in done.out


def test_the_loop_goes_on_in_one_conversation_and_takes_offers_by_their_number(
    run: Run, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        'p95 of bge-m3\n2\n1\n\n"""\nline 1\nline 2\n"""\n/incident inc-7\nwhy\n/new\nhello\n/open\n/quit\nnever sent\n'
    )
    with served(desk) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("chat", stdin=lines.encode())
        bodies = [json.loads(asked.body) for asked in server.asked]
    assert done.code == 0, done.err
    said = [
        (body.get("text"), body.get("conversation_id"), body.get("incident_id")) for body in bodies if "text" in body
    ]
    assert said == [
        ("p95 of bge-m3", "", ""),
        ("logs of bge-m3", "chat-1", ""),
        ("line 1\nline 2", "chat-1", ""),
        ("why", "", "inc-7"),
        ("hello", "", ""),
    ]
    assert [body["message_id"] for body in bodies if "message_id" in body] == ["msg-1", "msg-1"]
    assert "incident inc-9 opened" in done.out
    assert "opsdesk chat --conversation chat-1" in done.err


def test_an_error_does_not_end_the_loop(run: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(
        [Told(429, {"detail": "4 of your questions are being answered", "next_step": "wait"}), stream(BLOCKS[:1])]
    )
    with served(lambda _: next(answers)) as server:
        monkeypatch.setenv("OPSDESK_URL", server.url)
        done = run("chat", stdin=b"/open\none\ntwo\n")
    assert done.code == 0
    assert "there is no answer yet" in done.err
    assert "questions are being answered" in done.err
    assert "p95 is 1.2 s" in done.out


@pytest.mark.parametrize(
    ("values", "cells"), [([], 0), ([1.0], 1), ([2.0] * 5, 5), ([float(one) for one in range(500)], 48)]
)
def test_a_line_of_blocks_is_never_wider_than_its_room(values: list[float], cells: int) -> None:
    assert len(spark(values)) == cells
