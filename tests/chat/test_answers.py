"""Questions about the live cluster: what was read, cited, and offered next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.small_desk import ago
from tests.chat.rig import ChatRig, ScriptedMetrics, chat_rig, teach
from tests.chat.serving import QWEN_LOG, ServingCluster, serving
from tools.ports import Series

QWEN = "qwen2-7b-6d4f8b9c7d-aaaa0"


async def test_diagnosis_names_the_cause_with_citations_when_a_service_is_sick(rig: ChatRig) -> None:
    talk = await rig.say("why is web down")
    assert talk.intent == "diagnose"
    assert "The registry knows no registry.example.com/shop/web:2-typo" in talk.text
    assert talk.opening == ["why is web down"]
    kept = rig.ledger.conversations.message(talk.conversation_id, talk.message_id)
    cited = {one for one in talk.citations if one.startswith("ev-")}
    assert cited
    assert {fact["id"] for fact in kept.payload["evidence"]} >= cited


async def test_diagnosis_says_that_nothing_is_wrong_and_shows_the_latency_when_a_healthy_service_is_called_slow(
    tmp_path: Path,
) -> None:
    metrics = ScriptedMetrics([Series({"namespace": "prod", "quantile": "p95"}, [(0.0, 0.5), (600.0, 0.75)])])
    with chat_rig(tmp_path, serving(), metrics=metrics) as desk:
        talk = await desk.say("qwen2-7b 为什么这么慢")
        assert talk.intent == "diagnose"
        assert "没有故障" in talk.text
        assert talk.charts[0].unit == "seconds"
        assert not talk.opening


async def test_status_tells_replicas_and_pods_when_asked_in_chinese(rig: ChatRig) -> None:
    talk = await rig.say("web 状态怎么样")
    assert talk.intent == "status"
    assert "1/2 个副本就绪" in talk.text
    assert [row[0] for row in talk.rows[0].rows] == ["web-hash2-aaaaa"]


async def test_holders_are_told_by_pod_requests_and_measured_memory_when_gpus_are_asked_for(tmp_path: Path) -> None:
    class Dcgm(ScriptedMetrics):
        async def instant(self, query: str, at: object = None) -> list[Series]:
            del at
            self.asked.append(query)
            labels = {"Hostname": "gpu-07", "gpu": "0", "namespace": "prod", "pod": QWEN}
            return [Series(labels, [(0.0, 40_000.0)]), Series({"Hostname": "gpu-07", "gpu": "1"}, [(0.0, 3.0)])]

    with chat_rig(tmp_path, serving(), metrics=Dcgm()) as desk:
        talk = await desk.say("谁在占用 gpu-07 的显存")
        assert talk.intent == "gpu_holders"
        assert "8 张 GPU 中有 5 张 GPU 被 3 个 pod 占用" in talk.text
        pods, devices = talk.rows
        assert pods.rows[0] == (QWEN, "prod", "gpu-07", "2", "39.1 GiB", "Qwen2-7B-Instruct")
        assert devices.rows == (("gpu-07", "0", "39.1 GiB", f"prod/{QWEN}"), ("gpu-07", "1", "3.0 MiB", "未知"))


async def test_capacity_counts_what_pods_leave_free_when_asked(desk: ChatRig) -> None:
    talk = await desk.say("how many GPUs are free")
    assert talk.intent == "capacity"
    assert "10 of 16 GPUs are free on 2 usable nodes, at most 7 on one node" in talk.text
    desk.cluster.at("Node", "gpu-01")["spec"]["unschedulable"] = True
    again = await desk.say("how many GPUs are free")
    assert "3 of 16 GPUs are free on 1 usable node" in again.text


async def test_changes_tell_rollouts_with_their_time_when_there_were_any(rig: ChatRig) -> None:
    talk = await rig.say("what changed in the last hour")
    assert talk.intent == "changes"
    assert ("Deployment/shop/web", "rollout", "rollout to revision 2") in {row[1:4] for row in talk.rows[0].rows}
    none = await rig.say("what changed in the last 1 minute")
    assert "No change" in none.text


async def test_events_are_those_of_the_service_and_its_pods_when_it_is_named(desk: ChatRig) -> None:
    for name, reason in ((QWEN, "BackOff"), ("bge-m3-6d4f8b9c7d-aaaa0", "Unhealthy")):
        desk.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{name}.1", "namespace": "prod", "creationTimestamp": ago(3)},
                "involvedObject": {"kind": "Pod", "namespace": "prod", "name": name},
                "type": "Warning",
                "reason": reason,
                "message": "token=abcdefghijklmnop1234 failed",
                "lastTimestamp": ago(3),
                "count": 4,
            }
        )
    talk = await desk.say("events of qwen2-7b")
    assert talk.intent == "events"
    assert [row[2] for row in talk.rows[0].rows] == ["BackOff"]
    assert "abcdefghijklmnop1234" not in str(talk.rows[0])


async def test_logs_show_trouble_first_and_secrets_never_when_asked_for(desk: ChatRig) -> None:
    assert isinstance(desk.cluster, ServingCluster)
    desk.cluster.texts[QWEN] = QWEN_LOG
    talk = await desk.say("看下 qwen2-7b 最近的日志")
    assert talk.intent == "logs"
    assert talk.rows[0].rows[0][1].startswith("ERROR request aborted")
    assert "hunter2secret" not in str(talk.parts)
    messages = desk.ledger.conversations.messages(talk.conversation_id)
    assert "hunter2secret" not in str(messages)


async def test_an_order_in_a_log_is_shown_and_never_followed(desk: ChatRig) -> None:
    assert isinstance(desk.cluster, ServingCluster)
    desk.cluster.texts[QWEN] = QWEN_LOG
    talk = await desk.say("logs of qwen2-7b")
    assert "kubectl delete namespace prod" in str(talk.rows)
    assert not talk.scripts
    assert not talk.opening
    assert not desk.cluster.sent


async def test_where_and_who_calls_are_told_by_pods_and_by_configuration(desk: ChatRig) -> None:
    where = await desk.say("where does Qwen2 7B run")
    assert where.intent == "where"
    assert "on gpu-07 (2)" in where.text
    callers = await desk.say("谁在调用 qwen2-7b")
    assert callers.intent == "callers"
    assert callers.rows[0].rows == (("Deployment", "prod", "gateway", "calls"),)


async def test_a_model_is_found_by_the_name_that_it_serves(desk: ChatRig) -> None:
    talk = await desk.say("status of Qwen2-7B-Instruct")
    assert "prod/qwen2-7b" in talk.text


async def test_lists_keep_to_the_namespace_and_to_trouble_when_asked(desk: ChatRig) -> None:
    pods = await desk.say("list pods in staging")
    assert [row[0] for row in pods.rows[0].rows] == ["reranker-6d4f8b9c7d-aaaa0"]
    well = await desk.say("which pods are not ready")
    assert "No pods in trouble" in well.text
    desk.cluster.at("Node", "gpu-07")["status"]["conditions"][0]["status"] = "False"
    nodes = await desk.say("哪些节点不健康")
    assert [row[0] for row in nodes.rows[0].rows] == ["gpu-07"]


async def test_numbers_come_with_their_query_their_chart_and_the_comparison(tmp_path: Path) -> None:
    metrics = ScriptedMetrics([Series({"namespace": "prod", "quantile": "p95"}, [(0.0, 1.0), (600.0, 3.0)])])
    with chat_rig(tmp_path, serving(), metrics=metrics) as desk:
        talk = await desk.say("compare p95 latency of qwen2-7b with yesterday", zone="Asia/Shanghai")
        assert talk.intent == "metric"
        chart = talk.charts[0]
        assert 'namespace=~"prod",pod=~"qwen2-7b-' in chart.query
        assert [line.label for line in chart.lines] == ["p95", "p95 (a day before)"]
        assert "last 3.00 s, mean 2.00 s, peak 3.00 s" in talk.text
        assert "(+0%)" in talk.text
        (start, end), (before, _) = metrics.windows
        assert (end - start).total_seconds() == 3600
        assert (start - before).total_seconds() == 86_400
        assert chart.lines[1].points[0][0] == chart.lines[0].points[0][0]


async def test_no_series_is_said_with_the_query_and_what_has_to_export_it(desk: ChatRig) -> None:
    talk = await desk.say("KV cache usage of qwen2-7b")
    assert "Prometheus has no KV cache usage" in talk.text
    assert "vllm:kv_cache_usage_perc" in talk.citations[0]


async def test_a_paste_is_judged_without_the_cluster_and_says_so(desk: ChatRig) -> None:
    paste = (
        "what is this?\n2026-03-10T09:58:01Z ERROR engine died\n"
        "2026-03-10T09:58:02Z torch.cuda.OutOfMemoryError: CUDA out of memory\n2026-03-10T09:58:03Z exiting"
    )
    talk = await desk.say(paste)
    assert talk.intent == "paste"
    assert "From what was pasted alone, not from the cluster" in talk.text
    assert "runs out of GPU memory" in talk.text
    assert talk.opening


async def test_knowledge_is_quoted_with_its_source_and_its_absence_is_said(desk: ChatRig, tmp_path: Path) -> None:
    teach(desk, tmp_path)
    talk = await desk.say("Xid 79 是什么意思")
    assert talk.intent == "knowledge"
    assert talk.citations[0] == "gpu-xid-79-off-the-bus"
    nothing = await desk.say("how to configure kafka partitions rebalancing")
    assert nothing.intent == "knowledge"
    assert "holds nothing that fits" in nothing.text
    assert not nothing.citations


@pytest.mark.parametrize(
    ("text", "intent"),
    [("what's the weather in Beijing", "unclear"), ("帮我写个冒泡排序", "unclear"), ("asdf qwerty", "unclear")],
)
async def test_what_is_not_understood_is_said_with_ways_to_ask(desk: ChatRig, text: str, intent: str) -> None:
    talk = await desk.say(text)
    assert talk.intent == intent
    assert talk.offers
    assert "nothing was done" in talk.text or "没有执行" in talk.text


async def test_help_tells_what_the_chat_does_and_that_it_changes_nothing(desk: ChatRig) -> None:
    talk = await desk.say("你能做什么")
    assert talk.intent == "help"
    assert "我自己不做任何变更" in talk.text


async def test_a_service_that_was_named_is_shown_as_it_is_where_the_rest_was_not_understood(desk: ChatRig) -> None:
    talk = await desk.say("先别重启 qwen2-7b")
    assert talk.intent == "unclear"
    assert "没有理解" in talk.text
    assert "2/2 个副本就绪" in talk.text
    assert not talk.scripts
    assert any("诊断 qwen2-7b" in one for one in talk.offers)
