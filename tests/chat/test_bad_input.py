"""What comes in broken, huge, hostile or late, and what is away: a sentence each time, nothing lost, nothing carried out."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from agent.chat.inventory import Inventory
from api import chat as chat_module
from api.chat_text import Attachment, readable
from knowledge.errors import BadInput, ClusterUnreachable, NotFound, Temporary
from tests.chat.rig import ChatRig, ScriptedMetrics, Talk, chat_rig
from tests.chat.serving import ServingCluster, serving
from tools.ports import Listing, ResourceKind


class DeadCluster(ServingCluster):
    """Names are known from before; then nobody answers."""

    is_dead = False

    async def list(self, kind: ResourceKind, namespace: str = "", **options: object) -> Listing:
        self._check()
        return await super().list(kind, namespace, **options)  # type: ignore[arg-type]

    async def version(self) -> str:
        self._check()
        return await super().version()

    def _check(self) -> None:
        if self.is_dead:
            raise ClusterUnreachable("connection refused", next_step="check the kubeconfig")


def dying() -> DeadCluster:
    made = DeadCluster(name="lab")
    made.objects.update(serving().objects)
    return made


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\x00", "\u200b\u202e", "\x1b[31m\x1b[0m"])
async def test_a_message_that_says_nothing_is_refused_with_an_example(desk: ChatRig, text: str) -> None:
    with pytest.raises(BadInput, match="says nothing") as refused:
        await desk.say(text)
    assert "qwen2-7b" in refused.value.next_step
    assert desk.chat.conversations(desk.people["rui"]) == []


@pytest.mark.parametrize(
    "text", ["？？？", "!!!", "。", "🙂", "\ud800 status", "a" * 5_000, "的" * 3_000, "qwen2-7b " * 400]
)
async def test_nonsense_is_answered_and_kept(desk: ChatRig, text: str) -> None:
    talk = await desk.say(text)
    assert talk.blocks
    assert len(desk.chat.history(desk.people["rui"], talk.conversation_id)) == 2


async def test_terminal_escapes_and_turned_text_are_taken_off_before_reading(desk: ChatRig) -> None:
    talk = await desk.say("\x1b[31mstatus\x1b[0m of \u202eqwen2-7b\u202c\x07")
    assert talk.intent == "status"
    (person, _) = desk.chat.history(desk.people["rui"], talk.conversation_id)
    assert person.text == "status of qwen2-7b"


async def test_a_megabyte_of_log_is_read_in_seconds_and_kept_in_part(desk: ChatRig) -> None:
    line = "2026-03-10T09:58:02Z ERROR torch.cuda.OutOfMemoryError: CUDA out of memory password=hunter2secret\n"
    text = "what is this\n" + line * (1_000_000 // len(line))
    began = time.monotonic()
    talk = await desk.say(text)
    assert time.monotonic() - began < 60
    assert talk.intent == "paste"
    assert "GPU memory" in talk.text
    (person, answer) = desk.chat.history(desk.people["rui"], talk.conversation_id)
    assert len(person.text) <= 20_000
    assert "hunter2secret" not in person.text + answer.model_dump_json()


@pytest.mark.parametrize(
    "unit", ["why ", "为什么", "a-", "在", "\u3000", "((((", "-n ", "p95 ", "restart ", "1 ", "昨天"]
)
async def test_a_message_is_read_in_linear_time_whatever_it_repeats(desk: ChatRig, unit: str) -> None:
    began = time.monotonic()
    await desk.say("status " + unit * (400_000 // len(unit)))
    assert time.monotonic() - began < 20


async def test_more_than_the_most_is_refused_and_says_what_to_do(desk: ChatRig) -> None:
    with pytest.raises(BadInput, match="characters") as refused:
        await desk.say("x" * 2_000_000)
    assert refused.value.next_step == "hand in the part that matters"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
async def test_a_file_is_read_in_the_encodings_that_terminals_write(desk: ChatRig, encoding: str) -> None:
    text = "2026-03-10T09:58:01Z 启动\n2026-03-10T09:58:02Z torch.cuda.OutOfMemoryError: 显存不足 CUDA out of memory\n2026-03-10T09:58:03Z 退出\n"
    talk = await desk.say("看看这个日志", attachments=[Attachment.of_bytes("a.log", text.encode(encoding))])
    assert talk.intent == "paste"
    assert "显存" in talk.text


async def test_a_file_that_is_no_text_is_refused(desk: ChatRig) -> None:
    with pytest.raises(BadInput, match="not readable text"):
        await desk.say("看", attachments=[Attachment("a.bin", "\ufffd" * 5_000)])


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "x" * 200, "\x00"])
async def test_a_zone_that_is_none_is_refused(desk: ChatRig, zone: str) -> None:
    with pytest.raises(BadInput, match="time zone"):
        await desk.say("help", zone=zone)


@pytest.mark.parametrize("id", ["chat-nonesuch", "' OR 1=1", "x" * 500])
async def test_a_conversation_that_there_is_not_is_not_found(desk: ChatRig, id: str) -> None:
    with pytest.raises(NotFound):
        await desk.say("help", conversation_id=id)


# --- what is away ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        "status of qwen2-7b",
        "why is qwen2-7b slow",
        "list pods",
        "how many GPUs are free",
        "logs of qwen2-7b",
        "what changed in the last hour",
    ],
)
async def test_a_dead_cluster_is_told_as_a_gap(tmp_path: Path, question: str) -> None:
    cluster = dying()
    with chat_rig(tmp_path, cluster) as desk:
        await desk.say("status of gateway")
        cluster.is_dead = True
        talk = await desk.say(question)
        assert "connection refused" in talk.text
        assert not any(word in talk.text for word in ("No fault now", "No pods.", "0 GPUs"))


async def test_names_are_a_gap_too_when_the_cluster_was_never_read(tmp_path: Path) -> None:
    cluster = dying()
    cluster.is_dead = True
    with chat_rig(tmp_path, cluster) as desk:
        talk = await desk.say("status of qwen2-7b")
        assert "connection refused" in talk.text


async def test_names_of_last_time_stand_in_while_a_cluster_is_away() -> None:
    from tools.ports import Cluster

    cluster = dying()
    inventory = Inventory({"lab": Cluster("lab", cluster)}, kept_seconds=0)
    before, _ = await inventory.known(["lab"])
    cluster.is_dead = True
    after, gaps = await inventory.known(["lab"])
    assert {one.name for one in after.things} == {one.name for one in before.things}
    assert gaps


async def test_a_dead_prometheus_is_told_with_the_next_step(tmp_path: Path) -> None:
    with chat_rig(tmp_path, serving(), metrics=ScriptedMetrics(is_dead=True)) as desk:
        talk = await desk.say("p95 latency of qwen2-7b")
        assert "connection refused" in talk.text
        assert "prometheus_url" in talk.text
        assert not talk.charts
        holders = await desk.say("who is using the GPU memory on gpu-07")
        assert "3 pods hold 5 of 8 GPUs" in holders.text
        assert "connection refused" in holders.text


# --- what breaks off -------------------------------------------------------------------------------------------------------


async def test_a_lost_connection_loses_nothing(desk: ChatRig) -> None:
    stream = desk.chat.say(desk.people["rui"], "status of qwen2-7b")
    first = await anext(stream)
    await stream.aclose()
    conversation = first.conversation_id  # type: ignore[union-attr]
    await asyncio.gather(*desk.chat.under_way())
    (person, answer) = desk.chat.history(desk.people["rui"], conversation)
    assert person.text == "status of qwen2-7b"
    assert "2 of 2 replicas ready" in answer.text


async def test_a_bug_leaves_a_sentence_and_an_end(desk: ChatRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(chat_module, "understand", broken)
    parts = [part async for part in desk.chat.say(desk.people["rui"], "status of qwen2-7b")]
    assert "failed unexpectedly" in Talk(parts).text
    assert "ZeroDivisionError" not in Talk(parts).text


async def test_too_many_at_once_are_asked_to_wait(desk: ChatRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "MOST_AT_ONCE", 0)
    with pytest.raises(Temporary, match="being answered"):
        await desk.say("help")


async def test_a_reply_that_takes_too_long_is_ended_and_kept(desk: ChatRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "REPLY_SECONDS", 0.0)
    talk = await desk.say("status of qwen2-7b")
    assert "took longer than" in talk.text
    assert len(desk.chat.history(desk.people["rui"], talk.conversation_id)) == 2


def test_readable_text_keeps_lines_and_tabs() -> None:
    assert readable("a\tb\r\nc\x1b]0;title\x07d\x9b") == "a\tb\r\ncd\x9b".strip()
