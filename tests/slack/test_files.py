"""Logs and transcripts come along with a question, bounded and from Slack's own host alone; charts go out as pictures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.chat.reply import Answered, Chart, Line, Said
from api.slack.mounting import draw_chart
from tests.fakes.slack_server import BOT_TOKEN
from tests.fakes.slack_workspace import direct, mention, shortcut
from tests.slack.conftest import OPS, SlackRig


async def ask_with(rig: SlackRig, *files: dict[str, Any]) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "what is this")
    await rig.send(mention("U1RUI", OPS, "what is this", ts=ts, files=list(files)))
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
async def test_log_is_read_in_the_encoding_of_its_terminal(rig: SlackRig, encoding: str) -> None:
    await ask_with(rig, rig.slack.file("pod.log", "显存不足: CUDA out of memory".encode(encoding)))
    assert rig.engine.asked[0]["files"] == {"pod.log": "显存不足: CUDA out of memory"}


async def test_files_of_the_message_that_was_pointed_at_are_read(rig: SlackRig) -> None:
    rig.start()
    ts = rig.slack.write(OPS, "U9ELSE", "look")
    message = rig.slack.said(OPS)[0] | {"files": [rig.slack.file("a.txt", b"Xid 79")]}
    await rig.send(shortcut("U1RUI", OPS, message, trigger=rig.slack.trigger()))
    await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert rig.engine.asked[0]["files"] == {"a.txt": "Xid 79"}


async def test_file_that_was_shared_by_its_id_alone_is_looked_up(rig: SlackRig) -> None:
    file = rig.slack.file("a.txt", b"Xid 79")
    await ask_with(rig, {"id": file["id"], "name": "a.txt", "file_access": "check_file_info"})
    assert rig.engine.asked[0]["files"] == {"a.txt": "Xid 79"}


async def test_too_large_file_is_not_read_and_the_rest_is_answered(rig: SlackRig) -> None:
    honest = rig.slack.file("huge.log", b"x" * 2_100_000)
    liar = rig.slack.file("liar.log", b"x" * 2_100_000) | {"size": 10}
    await ask_with(rig, honest, liar, rig.slack.file("b.log", b"small"))
    assert rig.engine.asked[0]["files"] == {"b.log": "small"}
    read = rig.slack.read(OPS)
    assert "huge.log was not read" in read
    assert "liar.log was not read" in read


async def test_binary_file_is_not_read(rig: SlackRig) -> None:
    await ask_with(rig, rig.slack.file("core.dump", b"\x7fELF\x00\x00\x01"))
    assert "core.dump was not read: the file is no text" in rig.slack.read(OPS)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/files-pri/T-F1/download/a.log",
        "http://evil.example/a.log",
        "https://files.slack.com.evil.example/a.log",
        "http://files.slack.com@evil.example/a.log",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{own}/x",
        "http://user:secret@127.0.0.1:{own}/files-pri/T-F1/download/a.log",
        "//evil.example/a.log",
        "http://[::1",
    ],
)
async def test_token_goes_to_no_other_host(rig: SlackRig, url: str) -> None:
    address = url.format(own=rig.slack.url.rsplit(":", 1)[1])
    await ask_with(rig, {"id": "F1", "name": "a.log", "size": 1, "url_private_download": address})
    assert rig.engine.asked[0]["files"] == {}
    assert "a.log was not read: the file" in rig.slack.read(OPS)


async def test_redirect_is_not_followed_with_the_token(rig: SlackRig) -> None:
    file = rig.slack.file("a.log", b"x", status=302)
    await ask_with(rig, file)
    assert "Slack does not hand the file to the desk; give the app the scope files:read" in rig.slack.read(OPS)


async def test_sign_in_page_is_not_taken_for_the_file(rig: SlackRig) -> None:
    await ask_with(rig, rig.slack.file("a.log", b"<!DOCTYPE html><html>", content_type="text/html"))
    assert "sign-in page instead of the file" in rig.slack.read(OPS)


async def test_only_so_many_files_are_read(rig: SlackRig) -> None:
    await ask_with(rig, *(rig.slack.file(f"{number}.log", b"x") for number in range(7)))
    assert len(rig.engine.asked[0]["files"]) == 5
    assert "6.log was not read: 5 files are read at a time" in rig.slack.read(OPS)


async def test_file_in_a_direct_message_is_read(rig: SlackRig) -> None:
    rig.slack.channel("DU1RUI")
    rig.start()
    file = rig.slack.file("a.log", b"Xid 79")
    await rig.send(direct("U1RUI", "", ts=rig.slack.stamp(), subtype="file_share", files=[file]))
    await rig.slack.until(lambda: "You said" in rig.slack.read("DU1RUI"))
    assert rig.engine.asked[0]["files"] == {"a.log": "Xid 79"}


def chart() -> Chart:
    start = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    points = tuple((start + timedelta(minutes=minute), float(minute)) for minute in range(30))
    return Chart(
        title="Queue of <qwen>", query="vllm:num_requests_waiting", unit="1", lines=(Line(label="qwen", points=points),)
    )


async def test_chart_is_posted_as_a_picture_into_the_thread(rig: SlackRig) -> None:
    rig.engine.answers = lambda _: [Answered(answer=Said(text="You said so")), Answered(answer=chart())]
    rig.face.talk.draw = draw_chart
    await ask_with(rig)
    await rig.slack.until(lambda: rig.slack.pictures)
    (picture,) = rig.slack.pictures
    assert picture["content"].startswith(b"\x89PNG")
    assert picture["channel"] == OPS
    assert picture["thread_ts"] == rig.slack.said(OPS)[0]["ts"]
    assert picture["title"] == "Queue of &lt;qwen&gt;"
    assert "query: vllm:num_requests_waiting" in rig.slack.read(OPS)


async def test_answer_stands_when_the_picture_cannot_be_posted(rig: SlackRig) -> None:
    rig.engine.answers = lambda _: [Answered(answer=Said(text="You said so")), Answered(answer=chart())]
    rig.face.talk.draw = draw_chart
    rig.slack.trouble.fails["files.getUploadURLExternal"] = "missing_scope"
    await ask_with(rig)
    await rig.slack.until(lambda: rig.slack.count("files.getUploadURLExternal"))
    assert len(rig.engine.asked) == 1


async def test_picture_is_posted_when_slacks_limit_is_over(rig: SlackRig) -> None:
    rig.engine.answers = lambda _: [Answered(answer=Said(text="You said so")), Answered(answer=chart())]
    rig.face.talk.draw = draw_chart
    rig.slack.trouble.limits["files.getUploadURLExternal"] = [1]
    await ask_with(rig)
    await rig.slack.until(lambda: rig.slack.pictures)
    assert rig.slack.count("files.completeUploadExternal") == 1


async def test_no_token_stands_in_anything_that_is_posted(rig: SlackRig) -> None:
    await ask_with(rig, {"id": "F1", "name": "a.log", "size": 1, "url_private_download": "http://evil.example/x"})
    assert BOT_TOKEN not in str(rig.slack.calls)
