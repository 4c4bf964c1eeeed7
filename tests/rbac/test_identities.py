"""The printed roles at work: the reader reads all that collectors ask for, the executor does what it is enabled to, the
cluster's own log tells who approved, and the executor finds its rights to be right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.bootstrap import open_collectors
from api.health import _check_executor
from api.rights import fitness_of, policy_in_force
from api.settings import ClusterSettings
from knowledge.vocabulary import ExecutionStatus, Focus, Json, Mode
from tests.fakes.memory_cluster import StillClock
from tests.rbac.live import MemoryLog
from tests.rbac.practice import Practice, practice
from tools.adapters.kubernetes_cluster import KubernetesReader, KubernetesWriter
from tools.adapters.system_clock import SystemClock
from tools.execution.mark import BY, STEP
from tools.execution.runner import StepRunner
from tools.ports import Cluster
from tools.rbac.manifests import Privileges
from tools.review import make_plan, review_plan
from tools.safety.policy import Policy

POLICY = Policy.load()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with practice(tmp_path_factory.mktemp("identities")) as found:
        with admin(found) as api:
            make(api, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
            labels = {"app": "web"}
            template = {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
            }
            make(api, "/apis/apps/v1/namespaces/shop/deployments", {
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                "spec": {"selector": {"matchLabels": labels}, "template": template}})  # fmt: skip
        yield found


def admin(found: Practice) -> httpx.Client:
    return httpx.Client(base_url=found.url, headers={"Authorization": f"Bearer {found.admin_token}"}, trust_env=False)


def make(api: httpx.Client, path: str, body: Json) -> None:
    answer = api.post(path, json=body)
    assert answer.status_code in {201, 409}, answer.text


def settings(cluster: Practice, **more: Any) -> ClusterSettings:
    return ClusterSettings(
        name="lab", mode=Mode.EXECUTE, kubeconfig=cluster.reader, executor_kubeconfig=cluster.executor, **more
    )


async def test_reader_reads_everything_that_collectors_ask_for(cluster: Practice) -> None:
    lab = Cluster("lab", KubernetesReader.connect("lab", cluster.reader))
    now = SystemClock().now()
    focus = Focus(cluster="lab", namespaces=("shop",), since=now - timedelta(hours=1), until=now)
    so_far: list[Json] = []
    denied = []
    for collector in open_collectors():
        gathered = await collector.collect(lab, focus, so_far, SystemClock())
        so_far += gathered.objects
        denied += [gap for gap in gathered.gaps if "forbidden" in gap.reason or "403" in gap.reason]
    assert denied == []
    assert {"Deployment", "Pod", "Namespace", "Node"} & {item["kind"] for item in so_far}


async def test_executor_finds_its_printed_rights_to_be_right(cluster: Practice) -> None:
    reader, writer = KubernetesReader.connect("lab", cluster.reader), KubernetesWriter.connect("lab", cluster.executor)
    fitness = await fitness_of(settings(cluster), reader, writer, POLICY)
    assert (fitness.excess, fitness.because) == ((), "")
    assert fitness.user == "system:serviceaccount:opsdesk:opsdesk-executor"


async def test_executor_names_its_excess_when_an_action_is_not_enabled_or_it_is_an_administrator(
    cluster: Practice,
) -> None:
    reader, writer = KubernetesReader.connect("lab", cluster.reader), KubernetesWriter.connect("lab", cluster.executor)
    without = ("scale", "rollout_restart", "cordon")
    fitness = await fitness_of(settings(cluster, actions=without), reader, writer, POLICY)
    assert "delete pods" in fitness.excess
    mighty = KubernetesWriter.connect("lab", cluster.admin)
    fitness = await fitness_of(settings(cluster), reader, mighty, POLICY)
    assert {"* *", "get secrets", "create pods/exec", "impersonate users", "get nodes/proxy"} <= set(fitness.excess)
    assert "opsdesk rbac print --cluster lab" in fitness.next_step


async def test_doctor_tells_rights_and_whether_the_policy_binds(cluster: Practice) -> None:
    first, second = await _check_executor(settings(cluster), POLICY)
    assert (first.state, second.state) == ("ok", "warning")
    assert "missing" in second.detail
    reader = KubernetesReader.connect("lab", cluster.reader)
    objects = Privileges(POLICY).objects(("policy",))
    with admin(cluster) as api:
        for one in objects:
            plural = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies"}.get(
                one["kind"], "validatingadmissionpolicybindings"
            )
            make(api, f"/apis/admissionregistration.k8s.io/v1/{plural}", one)
    assert await policy_in_force(settings(cluster), reader, POLICY, "") == ""
    narrower = settings(cluster, actions=("scale",))
    assert "differs" in await policy_in_force(narrower, reader, POLICY, "")
    assert "differs" in await policy_in_force(settings(cluster), reader, POLICY, "somebody-else")


async def test_clusters_own_log_tells_which_step_wrote_and_who_approved(cluster: Practice) -> None:
    reader, writer = KubernetesReader.connect("lab", cluster.reader), KubernetesWriter.connect("lab", cluster.executor)
    script = "kubectl set image deployment/web web=registry.example.com/web:2 -n shop\nkubectl scale deployment/web --replicas=2 -n shop"
    plan = make_plan(script, incident_id="i", cluster="lab", written_by="desk", now=StillClock().now())
    review = await review_plan(plan, reader=reader, writer=writer, policy=POLICY, clock=StillClock())
    by = "opsdesk-executor (approved by ann, bob)"
    runner = StepRunner(
        execution_id="exec-7", review=review, reader=reader, writer=writer, log=MemoryLog(), clock=StillClock(),
        redact=lambda text: text, user_agent=by,
    )  # fmt: skip
    assert (await runner.run()).status is ExecutionStatus.DONE
    with admin(cluster) as api:
        written = [
            one for one in api.get("/practice/requests", params={"writes": "true"}).json()["requests"]
            if "opsdesk-executor" in one["user"] and "/shop/" in one["path"] and "dryRun" not in one["query"]
        ]  # fmt: skip
    assert [(one["method"], one["path"].rsplit("/", 1)[-1]) for one in written] == [
        ("PATCH", "web"),
        ("PATCH", "scale"),
    ]
    assert {one["user_agent"] for one in written} == {by}
    assert {one["query"]["fieldManager"] for one in written} == {"opsdesk"}
    marks = {op["path"]: op["value"] for op in json.loads(written[0]["body"]) if "opsdesk.io" in op["path"]}
    assert marks == {
        f"/metadata/annotations/{STEP.replace('/', '~1')}": "exec-7/0/0",
        f"/metadata/annotations/{BY.replace('/', '~1')}": by,
    }
