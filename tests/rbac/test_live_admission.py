"""The printed roles and policy on a real API server: what the executor does passes, what it must not do is denied there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knowledge.vocabulary import ExecutionStatus, Json
from tests.rbac.live import PATHS, WRITER, Bound, bind, request, unbind
from tools.execution.mark import BY, STEP

pytestmark = pytest.mark.cluster
LIVE = os.environ.get("OPSDESK_TEST_KUBECONFIG", "")
IMAGE = "registry.example.com/shop/web:1"


def web(name: str = "web", **pod: Any) -> Json:
    labels = {"app": name}
    container: Json = {
        "name": "web", "image": IMAGE, "env": [{"name": "MODE", "value": "a"}],
        "resources": {"limits": {"memory": "64Mi"}},
    }  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **pod}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bound]:
    if not LIVE:
        pytest.skip("OPSDESK_TEST_KUBECONFIG names no cluster")
    cluster = asyncio.run(bind(Path(LIVE), tmp_path_factory.mktemp("bound")))
    try:
        asyncio.run(_furnish(cluster))
        yield cluster
    finally:
        asyncio.run(unbind(cluster))


async def _furnish(cluster: Bound) -> None:
    await cluster.create(web())
    await cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    )
    ports = [{"port": 80}]
    await cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": ports}})


DONE = [
    "kubectl rollout restart deployment/web -n {ns}",
    "kubectl set image deployment/web web=registry.example.com/shop/web:2 -n {ns}",
    "kubectl set resources deployment/web --limits=memory=128Mi -n {ns}",
    "kubectl set env deployment/web MODE=b -n {ns}",
    "kubectl scale deployment/web --replicas=1 -n {ns}",
    "kubectl rollout pause deployment/web -n {ns}",
    "kubectl rollout resume deployment/web -n {ns}",
    "kubectl label deployment/web tier=front -n {ns}",
    "kubectl annotate configmap/settings note=x -n {ns}",
    'kubectl patch service/web --type=merge -p \'{{"spec":{{"selector":{{"app":"web"}},"sessionAffinity":"ClientIP"}}}}\' -n {ns}',
    "kubectl create configmap extra --from-literal=a=b -n {ns}",
    "kubectl autoscale deployment/web --min=1 --max=3 --name=scaler -n {ns}",
    "kubectl delete configmap extra -n {ns}",
    "kubectl apply -n {ns} -f - <<'EOF'\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{a: '2'}}\nEOF",
]


@pytest.mark.parametrize("script", DONE, ids=lambda script: " ".join(script.split()[1:4]))
async def test_executor_passes_when_it_does_what_actions_write(bound: Bound, script: str) -> None:
    ending = await bound.run(script.format(ns=bound.namespace))
    assert ending.status is ExecutionStatus.DONE, ending


async def test_nodes_pass_when_they_are_cordoned_and_tainted(bound: Bound) -> None:
    name = f"{bound.namespace}-node"
    await bound.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    for script in ("cordon {n}", "taint nodes {n} gpu=bad:NoSchedule", "label node {n} pool=b", "uncordon {n}"):
        ending = await bound.run(f"kubectl {script.format(n=name)}")
        while "reviewed as" in ending.message:  # the cluster's own node controller taints it too: reviewed again, then
            ending = await bound.run(f"kubectl {script.format(n=name)}")
        assert ending.status is ExecutionStatus.DONE, ending
    denied = await bound.patch("Node", name, {"spec": {"providerID": "cloud://other"}})
    assert denied.status == 403
    assert "write only" in denied.body["message"]


async def test_pods_pass_when_they_are_deleted_or_evicted(bound: Bound) -> None:
    labels = {"app": "pods"}
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "controller": True}
    settings = await bound.reader.raw(f"{PATHS['ConfigMap'].format(ns=bound.namespace)}/settings")
    owner["uid"] = settings["metadata"]["uid"]
    names = ("deleted", "evicted", "kept")
    for name in names:
        pod = {
            "containers": [{"name": "c", "image": IMAGE}],
            "schedulerName": "nobody",
            "automountServiceAccountToken": False,
        }
        metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
        await bound.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod})
    assert (await bound.run(f"kubectl delete pod deleted -n {bound.namespace}")).status is ExecutionStatus.DONE
    path = PATHS["Pod"].format(ns=bound.namespace)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "evicted", "namespace": bound.namespace},
    }
    assert (await bound.writer.send(request("POST", f"{path}/evicted/eviction", eviction))).is_ok
    left = (await bound.reader.raw(path))["items"]
    assert [
        one["metadata"]["name"]
        for one in left
        if "deletionTimestamp" not in one["metadata"] and one["metadata"]["name"] in names
    ] == ["kept"]
    denied = await bound.patch(
        "Pod", "kept", {"spec": {"containers": [{"name": "c", "image": "registry.example.com/other:1"}]}}
    )
    assert denied.status == 403
    assert "write only" in denied.body["message"]


async def test_only_pods_of_listed_workloads_leave_a_protected_namespace(bound: Bound) -> None:
    path = PATHS["Pod"].format(ns=bound.guarded)
    answers = {}
    for name in ("dns-7f-a1", "guard-7f-b2"):
        container = {"name": "c", "image": IMAGE}
        spec = {"containers": [container], "schedulerName": "nobody", "automountServiceAccountToken": False}
        metadata = {"name": name, "namespace": bound.guarded}
        await bound.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        answers[name] = await bound.writer.send(request("POST", f"{path}/{name}/eviction", eviction))
    assert answers["dns-7f-a1"].is_ok, answers["dns-7f-a1"].body
    assert answers["guard-7f-b2"].status == 403
    assert "nothing is written in a protected namespace" in answers["guard-7f-b2"].body["message"]


async def test_protected_namespace_lets_nothing_pass_but_a_restart_that_the_policy_lists(bound: Bound) -> None:
    for name in ("dns", "other"):
        item = web(name)
        item["metadata"]["namespace"] = bound.guarded
        await bound.create(item)
    ending = await bound.run(f"kubectl rollout restart deployment/dns -n {bound.guarded}")
    assert ending.status is ExecutionStatus.DONE, ending
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    restart = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    other = await bound.patch("Deployment", "other", restart, namespace=bound.guarded)
    assert other.status == 403
    image = container(image="registry.example.com/shop/web:9")
    more = await bound.patch("Deployment", "dns", image, namespace=bound.guarded)
    assert more.status == 403
    assert "nothing but a restart" in more.body["message"]
    path = f"{PATHS['Deployment'].format(ns=bound.guarded)}/dns/scale"
    sent = request("PATCH", path, {"spec": {"replicas": 1}}, WRITER, "application/merge-patch+json")
    scaled = await bound.writer.send(sent)
    assert scaled.status == 403
    assert "protected namespace" in scaled.body["message"]


async def test_undo_passes_when_a_step_is_taken_back(bound: Bound) -> None:
    ending = await bound.run(f"kubectl set env deployment/web UNDONE=yes -n {bound.namespace}", undo=True)
    assert ending.status is ExecutionStatus.UNDONE, ending


def spec(**pod: Any) -> Json:
    return {"spec": {"template": {"spec": pod}}}


def container(**fields: Any) -> Json:
    return spec(containers=[{"name": "web", **fields}])


DENIED: dict[str, tuple[str, str, Any, str]] = {
    "service account": ("Deployment", "web", spec(serviceAccountName="admin"), "service account"),
    "host network": ("Deployment", "web", spec(hostNetwork=True), "host's network"),
    "host pid": ("Deployment", "web", spec(hostPID=True), "host's network"),
    "host path": ("Deployment", "web", spec(volumes=[{"name": "h", "hostPath": {"path": "/"}}]), "path of the host"),
    "token volume": ("Deployment", "web", spec(volumes=[{"name": "t", "projected": {"sources": [
        {"serviceAccountToken": {"path": "t"}}]}}]), "path of the host or a token"),
    "privileged": ("Deployment", "web", container(securityContext={"privileged": True}), "privileges"),
    "capability": ("Deployment", "web", container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), "capabilities"),
    "host port": ("Deployment", "web", container(ports=[{"containerPort": 80, "hostPort": 80}]), "port of the host"),
    "kernel setting": ("Deployment", "web", spec(securityContext={"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "0"}]}), "kernel settings"),
    "template label": ("Deployment", "web", {"spec": {"template": {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}}}, "exempt"),
    "preload": ("Deployment", "web", container(env=[{"name": "LD_PRELOAD", "value": "/x"}]), "decides which code"),
    "image": ("Deployment", "web", container(image="registry.example.com.evil.io/web:1"), "registry"),
    "owner": ("Deployment", "web", {"metadata": {"ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": "u"}]}}, "write only"),
    "finalizer": ("Deployment", "web", {"metadata": {"finalizers": ["example.com/stay"]}}, "write only"),
    "exempting label": ("ConfigMap", "settings", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}, "exempt"),
    "cloud identity": ("ConfigMap", "settings", {"metadata": {"annotations": {"iam.gke.io/gcp-service-account": "a@b"}}}, "identity"),
    "external address": ("Service", "web", {"spec": {"externalIPs": ["192.0.2.1"]}}, "external addresses"),
    "external name": ("Service", "web", {"spec": {"type": "ExternalName", "externalName": "example.com"}}, "outside the cluster"),
}  # fmt: skip


@pytest.mark.parametrize("name", DENIED)
async def test_server_denies_when_a_write_goes_beyond_the_actions(bound: Bound, name: str) -> None:
    kind, target, body, said = DENIED[name]
    answer = await bound.patch(kind, target, body)
    assert answer.status == 403, answer.body
    assert said in answer.body["message"], answer.body["message"]


async def test_server_denies_when_nobody_is_named_as_approver(bound: Bound) -> None:
    answer = await bound.patch("ConfigMap", "settings", {"data": {"a": "3"}}, mark=False)
    assert answer.status == 403
    assert "who approved it" in answer.body["message"]


async def test_server_denies_when_an_old_mark_is_used_again(bound: Bound) -> None:
    first = {"metadata": {"annotations": {STEP: "exec-1/0/0", BY: "ann"}}, "data": {"a": "4"}}
    assert (await bound.patch("ConfigMap", "settings", first, mark=False)).is_ok
    again = await bound.patch("ConfigMap", "settings", {"data": {"a": "5"}}, mark=False)
    assert again.status == 403, again.body


async def test_server_denies_when_the_field_manager_is_another(bound: Bound) -> None:
    answer = await bound.patch("ConfigMap", "settings", {"data": {"a": "6"}}, fieldManager="kubectl-edit")
    assert answer.status == 403
    assert "field manager opsdesk" in answer.body["message"]


async def test_server_denies_when_the_namespace_is_protected(bound: Bound) -> None:
    item = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "annotations": {STEP: "e/0/0", BY: "ann"}},
    }
    answer = await bound.writer.send(request("POST", PATHS["ConfigMap"].format(ns="kube-system"), item, WRITER))
    assert answer.status == 403
    assert "protected namespace" in answer.body["message"]


async def test_server_denies_when_too_many_replicas_are_asked_for(bound: Bound) -> None:
    path = f"{PATHS['Deployment'].format(ns=bound.namespace)}/web/scale"
    body = {"spec": {"replicas": 5000}}
    answer = await bound.writer.send(request("PATCH", path, body, WRITER, "application/merge-patch+json"))
    assert answer.status == 403
    assert "replicas" in answer.body["message"]


async def test_server_denies_when_a_delete_names_no_uid(bound: Bound) -> None:
    path = f"{PATHS['ConfigMap'].format(ns=bound.namespace)}/settings"
    answer = await bound.writer.send(request("DELETE", path))
    assert answer.status == 403
    assert "uid" in answer.body["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/{ns}/secrets"), ("GET", "/api/v1/secrets"),
        ("POST", "/api/v1/namespaces/{ns}/pods/x/exec?command=id"), ("POST", "/api/v1/namespaces/{ns}/pods"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings"),
        ("POST", "/api/v1/namespaces/{ns}/serviceaccounts/default/token"),
        ("DELETE", "/api/v1/namespaces/{ns}"), ("DELETE", "/api/v1/namespaces/{ns}/configmaps"),
        ("PATCH", "/api/v1/namespaces/{ns}"), ("GET", "/api/v1/nodes/x/proxy/pods"),
    ],
)  # fmt: skip
async def test_role_denies_when_a_verb_is_not_the_actions(bound: Bound, method: str, path: str) -> None:
    answer = await bound.writer.send(request(method, path.format(ns=bound.namespace), {} if method != "GET" else None))
    assert answer.status == 403, answer.body


async def test_nobody_else_is_bound_when_the_policy_is_in_force(bound: Bound) -> None:
    path = f"{PATHS['Deployment'].format(ns=bound.namespace)}/web"
    body = spec(hostPID=False)
    answer = await bound.admin.send(request("PATCH", path, body, {}, "application/merge-patch+json"))
    assert answer.is_ok, answer.body
