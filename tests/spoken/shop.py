"""The shop that lines are said to: the same objects in every cluster that holds it."""

from __future__ import annotations

from knowledge.vocabulary import Json

NODES = ("gpu-1", "gpu-2")


def _meta(name: str, **more: object) -> Json:
    return {"name": name, "namespace": "shop", "labels": {"app": name, "tier": "a"}, **more}


def _pod(name: str, containers: tuple[str, ...]) -> Json:
    first = {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["--x", "--y"],
        "ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {"limits": {"memory": "1Gi", "cpu": "1"}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }  # fmt: skip
    made = [
        {"name": one, "image": f"registry.example.com/shop/{one}:1", **(first if at == 0 else {})}
        for at, one in enumerate(containers)
    ]
    spec = {"containers": made, "volumes": [{"name": "v", "emptyDir": {}}], "nodeSelector": {"a": "b"}}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def _workload(kind: str, name: str, containers: tuple[str, ...], **spec: object) -> Json:
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": _meta(name, annotations={"note": "x"}),
        "spec": {"selector": selector, "template": _pod(name, containers), **spec},
    }  # fmt: skip


def _job_template() -> Json:
    template = _pod("train", ("train",))
    template["spec"]["restartPolicy"] = "Never"
    return template


def objects() -> list[Json]:
    """In the order in which they can be created."""
    nodes: list[Json] = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"pool": "gpu"}}, "spec": {}}
        for name in NODES
    ]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, *nodes,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("settings"), "data": {"level": "info", "old": "1"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("spare"), "data": {"a": "b"}},
        {
            "apiVersion": "v1", "kind": "Service", "metadata": _meta("web"),
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}], "clusterIP": "None"},
        },
        _workload("Deployment", "web", ("app", "side"), replicas=2), _workload("Deployment", "api", ("app",), replicas=1),
        _workload("StatefulSet", "db", ("db",), replicas=1, serviceName="db"), _workload("DaemonSet", "agent", ("agent",)),
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": _meta("train"), "spec": {"template": _job_template()}},
        {
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": _meta("sync"),
            "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": _job_template()}}},
        },
        {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": _meta("web"),
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        },
    ]  # fmt: skip


def revision(deployment: Json, number: int) -> Json:
    """A ReplicaSet of the Deployment as its controller would have left it: what a rollback goes back to."""
    template = {**deployment["spec"]["template"]}
    labels = {**template["metadata"]["labels"], "pod-template-hash": f"h{number}"}
    template["metadata"] = {**template["metadata"], "labels": labels}
    template["spec"] = {**template["spec"], "terminationGracePeriodSeconds": 10 + number}
    name = f"{deployment['metadata']['name']}-h{number}"
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"], "uid": deployment["metadata"]["uid"],
             "controller": True, "blockOwnerDeletion": True}  # fmt: skip
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "ownerReferences": [owner],
                     "annotations": {"deployment.kubernetes.io/revision": str(number)}},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip


def pod_of(replica_set: Json, name: str, node: str) -> Json:
    """A pod of a ReplicaSet, placed on a node."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set["metadata"]["name"], "uid": replica_set["metadata"]["uid"],
             "controller": True}  # fmt: skip
    template = replica_set["spec"]["template"]
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": template["metadata"]["labels"], "ownerReferences": [owner]},
        "spec": {**template["spec"], "nodeName": node, "nodeSelector": {}, "automountServiceAccountToken": False},
    }  # fmt: skip
