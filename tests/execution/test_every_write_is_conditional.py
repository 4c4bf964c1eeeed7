"""Whatever action writes it: a request names the object that was reviewed and the fields as they were, bears our field manager
and our mark, and its undo is as conditional as the change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from knowledge.vocabulary import ApiRequest, ExecutionStatus, Json
from tests.execution.test_each_write_once import MemoryLog, review_of, runner_of
from tests.fakes.memory_cluster import MemoryCluster, deployment, pod, replica_set, service
from tools.actions.contract import Action
from tools.discovery import load_values

NEW = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: shop}\ndata: {a: '%s'}\n"
LINES = {
    "rollout_restart": "kubectl rollout restart deploy/web -n shop",
    "rollout_undo": "kubectl rollout undo deploy/web -n shop",
    "rollout_pause": "kubectl rollout pause deploy/web -n shop",
    "rollout_resume": "kubectl rollout resume deploy/paused -n shop",
    "scale": "kubectl scale deploy/web --replicas=3 -n shop",
    "set_image": "kubectl set image deploy/web app=registry.example.com/shop/web:9 -n shop",
    "set_resources": "kubectl set resources deploy/web --limits=memory=3Gi -n shop",
    "set_env": "kubectl set env deploy/web MODE=b -n shop",
    "set_selector": "kubectl set selector svc/web app=web,tier=front -n shop",
    "label": "kubectl label deploy/web tier=front -n shop",
    "annotate": "kubectl annotate svc/web example.com/note=x -n shop",
    "patch": 'kubectl patch svc web -n shop -p \'{"spec":{"sessionAffinity":"ClientIP"}}\'',
    "apply": "kubectl apply -f - <<'EOF'\n" + NEW % ("settings", "2") + "EOF",
    "create_configmap": "kubectl create configmap fresh -n shop --from-literal=a=b",
    "create_object": "kubectl expose deploy/web -n shop --name=fresh --port=80",
    "autoscale": "kubectl autoscale deploy/web -n shop --min=1 --max=3 --name=scaler",
    "delete_pod": "kubectl delete pod web-1 -n shop",
    "delete_object": "kubectl delete configmap settings -n shop",
    "cordon": "kubectl cordon n1",
    "uncordon": "kubectl uncordon n2",
    "taint": "kubectl taint nodes n1 gpu=bad:NoSchedule",
    "drain": "kubectl drain n1 --ignore-daemonsets",
}


def world() -> MemoryCluster:
    paused = deployment("paused")
    paused["spec"]["paused"] = True
    cluster = MemoryCluster(deployment(), paused, service())
    web = cluster.at("Deployment", "web")
    cluster.put(replica_set(web, 1, "registry.example.com/shop/web:0"))
    current = cluster.put(replica_set(web, 2, "registry.example.com/shop/web:1"))
    one = pod("web-1", current)
    one["spec"]["nodeName"] = "n1"
    cluster.put(one)
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "shop"},
            "data": {"a": "1"},
        }
    )
    for name, spec in (("n1", {}), ("n2", {"unschedulable": True})):
        cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec})
    return cluster


def conditions(request: ApiRequest) -> Iterator[str]:
    """What the request insists on."""
    body = request.body
    if isinstance(body, list):
        yield from (f"test {one['path']}" for one in body if one["op"] == "test")
        return
    options: Json = body.get("deleteOptions", body)
    yield from (f"precondition {name}" for name in options.get("preconditions", {}))
    yield from (f"{name}" for name in ("uid", "resourceVersion") if body.get("metadata", {}).get(name))


def test_every_changing_action_has_a_line_here() -> None:
    assert set(LINES) == {name for name, action in load_values("tools.actions", Action).items() if not action.is_read}


@pytest.mark.parametrize("action", sorted(LINES))
async def test_write_names_what_it_was_reviewed_on(action: str) -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, LINES[action])
    step = review.steps[0]
    assert step.step.action == action
    runner = runner_of(cluster, review, log)
    ending = await runner.run()
    assert ending.status is ExecutionStatus.DONE, ending
    assert cluster.writes
    for request in cluster.writes:
        found = set(conditions(request))
        if request.method == "POST" and not request.path.endswith("/eviction"):
            assert request.body["kind"] != "Eviction"  # a create meets AlreadyExists when somebody was faster
        elif isinstance(request.body, list):
            fields = [one for one in found if one not in {"test /metadata/uid", "test /metadata/resourceVersion"}]
            opens = all(one["op"] in {"add", "test"} for one in request.body)
            assert "test /metadata/uid" in found, request.body
            assert fields or opens, request.body
        else:
            assert found & {"precondition uid", "uid"}, request
        if request.method in {"PATCH", "POST"} and not request.path.endswith("/eviction"):
            assert request.query.get("fieldManager") == "opsdesk", request
        if request.method in {"PATCH", "POST"} and not request.path.endswith(("/eviction", "/scale")):
            assert "opsdesk.io/step" in str(request.body) or "opsdesk.io~1step" in str(request.body), request
    written = len(cluster.writes)
    if step.restores:
        ending = await runner.undo()
        assert ending.status is ExecutionStatus.UNDONE, ending
        for request in cluster.writes[written:]:
            assert any(conditions(request)) or request.method == "POST", request
