"""What stands in the practice cluster before a plan runs, and where what the plan left is read from. No controllers run: every
write in the cluster's log is then a person's or ours."""

from __future__ import annotations

import copy
from typing import Any

from evals.practice.store import Store
from knowledge.vocabulary import Json

NAMESPACE = "shop"
GOOD = "registry.example.com/shop/web:1"
READ_BACK = (
    f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    f"/api/v1/namespaces/{NAMESPACE}/services",
    f"/api/v1/namespaces/{NAMESPACE}/configmaps",
    f"/api/v1/namespaces/{NAMESPACE}/pods",
    "/api/v1/nodes",
)
_OURS = ("opsdesk.io/step", "opsdesk.io/by", "kubectl.kubernetes.io/restartedAt")
_GENERATED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "deletionTimestamp")


def fill(store: Store) -> None:
    """Three healthy workloads, the earlier revision of one, its pods on a node, a Service and a ConfigMap."""
    store.create("namespaces", {"metadata": {"name": NAMESPACE}})
    for name in ("n1", "n2"):
        node = store.create("nodes", {"metadata": {"name": name}, "spec": {}})
        ready = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}]
        store.set_status("nodes", node, {"conditions": ready})
    for name, replicas in (("web", 2), ("api", 2), ("worker", 3)):
        _deployment(store, name, replicas)
    store.create("services", {"metadata": _meta("web"), "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
    store.create("configmaps", {"metadata": _meta("settings"), "data": {"mode": "fast"}})


def _meta(name: str, **more: Any) -> Json:
    return {"name": name, "namespace": NAMESPACE, "labels": {"app": name}, **more}


def _deployment(store: Store, name: str, replicas: int) -> None:
    image = GOOD.replace("/web:", f"/{name}:")
    container = {"name": "app", "image": image, "resources": {"limits": {"memory": "1Gi"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    made = store.create("deployments.apps", {"metadata": _meta(name), "spec": spec})
    ready = {
        "replicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "updatedReplicas": replicas,
    }
    store.set_status("deployments.apps", made, {**ready, "observedGeneration": 99})
    for revision, tag in ((1, "0"), (2, "1")):
        replica_set = _replica_set(store, made, revision, image.rpartition(":")[0] + f":{tag}")
    for number in range(replicas):
        _pod(store, replica_set, number)


def _replica_set(store: Store, owner: Json, revision: int, image: str) -> Json:
    name = owner["metadata"]["name"]
    template = copy.deepcopy(owner["spec"]["template"])
    template["metadata"]["labels"]["pod-template-hash"] = f"hash{revision}"
    template["spec"]["containers"][0]["image"] = image
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = _meta(f"{name}-hash{revision}", annotations=annotations, ownerReferences=[_owned_by(owner)])
    selector = {"matchLabels": {"app": name, "pod-template-hash": f"hash{revision}"}}
    spec = {"replicas": owner["spec"]["replicas"] if revision == 2 else 0, "selector": selector, "template": template}
    return store.create("replicasets.apps", {"metadata": metadata, "spec": spec})


def _pod(store: Store, owner: Json, number: int) -> None:
    labels = owner["spec"]["template"]["metadata"]["labels"]
    name = f"{owner['metadata']['name']}-{number}"
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(labels), "ownerReferences": [_owned_by(owner)]}
    spec = {**copy.deepcopy(owner["spec"]["template"]["spec"]), "nodeName": "n1" if number else "n2"}
    made = store.create("pods", {"metadata": metadata, "spec": spec})
    status = {"name": "app", "ready": True, "restartCount": 0, "image": GOOD, "imageID": "", "state": {"running": {}}}
    store.set_status("pods", made, {"phase": "Running", "containerStatuses": [status]})


def _owned_by(owner: Json) -> Json:
    kept = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
    return {**kept, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}


def fingerprint(lists: list[Json]) -> Json:
    """What stands there, without what the server generates and without our marks: equal after equal histories."""
    found: Json = {}
    for one in lists:
        for item in one["items"]:
            metadata = {key: value for key, value in item["metadata"].items() if key not in _GENERATED}
            _strip(metadata)
            _strip(item.get("spec", {}).get("template", {}).get("metadata", {}))
            is_going = "deletionTimestamp" in item["metadata"]
            wanted = () if one["kind"] == "PodList" else ("spec", "data")
            kept = {key: item[key] for key in wanted if key in item}
            key = f"{one['kind']}/{metadata['name']}"
            found[key] = "going" if is_going else {"metadata": metadata, **kept}
    return found


def _strip(metadata: Json) -> None:
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _OURS}
    metadata.pop("annotations", None)
    metadata.pop("ownerReferences", None)
    if annotations:
        metadata["annotations"] = annotations
