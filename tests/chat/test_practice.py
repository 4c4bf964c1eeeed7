"""The chat over the real Kubernetes client and the practice cluster's HTTP API: what a fake reader could hide."""

from __future__ import annotations

from pathlib import Path

from api.bootstrap import open_reader
from api.settings import ClusterSettings
from evals.practice.clock import ManualClock
from evals.practice.server import PracticeServer
from evals.scenarios.stage import LOOK, platform
from tests.chat.rig import ScriptedMetrics, chat_rig
from tests.fakes.memory_cluster import MemoryCluster
from tools.ports import Cluster

MEMORY = "elsewhere"


async def test_the_chat_reads_a_real_api_server(tmp_path: Path) -> None:
    async with PracticeServer(clock=ManualClock(LOOK), contents=platform(), with_controllers=False) as server:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(server.kubeconfig(), encoding="utf-8")
        reader = open_reader(ClusterSettings(name="practice", kubeconfig=kubeconfig))
        practice = Cluster("practice", reader, ScriptedMetrics())
        with chat_rig(tmp_path, MemoryCluster(name=MEMORY), others=[practice]) as desk:
            nodes = await desk.say("show all nodes", cluster="practice")
            assert nodes.rows
            assert nodes.rows[0].rows
            name = nodes.rows[0].rows[0][0]
            one = await desk.say(f"what state is node {name} in")
            assert one.intent == "status"
            assert f"Node {name} is" in one.text
            workloads = await desk.say("what deployments do we have", cluster="practice")
            assert "Could not be read" not in workloads.text
            service, namespace = workloads.rows[0].rows[0][:2]
            where = await desk.follow(workloads, f"where does {service} run")
            assert namespace in where.text
            order = await desk.say(f"restart {service}", cluster="practice")
            assert order.scripts[0].script.startswith(f"kubectl -n {namespace} rollout restart")
