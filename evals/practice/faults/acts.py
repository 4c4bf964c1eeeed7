"""What people do to a cluster with kubectl, as functions over the store: the faults and cures are made of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import controller_of
from evals.practice.controllers.pods import condition
from evals.practice.controllers.rollout import HASH, revision_of
from evals.practice.store import Store, copy_of, name_of

Object = dict[str, Any]
DEPLOYMENTS = "deployments.apps"


def change(store: Store, resource: str, namespace: str | None, name: str, act: Callable[[Object], None]) -> Object:
    """Patch one object."""
    found = copy_of(store.get(resource, namespace, name))
    act(found)
    return store.update(resource, found)


def container(deployment: Object) -> Object:
    """The first container of the pod template."""
    found: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


def set_image(store: Store, namespace: str, name: str, image: str) -> None:
    change(store, DEPLOYMENTS, namespace, name, lambda one: container(one).update(image=image))


def set_env(store: Store, namespace: str, name: str, variable: str, value: str) -> None:
    def act(one: Object) -> None:
        rows = container(one).setdefault("env", [])
        rows[:] = [row for row in rows if row["name"] != variable] + [{"name": variable, "value": value}]

    change(store, DEPLOYMENTS, namespace, name, act)


def set_flag(store: Store, namespace: str, name: str, flag: str, value: str) -> None:
    """Give `--flag value` among the container's args."""

    def act(one: Object) -> None:
        args = container(one)["args"]
        args[args.index(flag) + 1] = value

    change(store, DEPLOYMENTS, namespace, name, act)


def set_memory(store: Store, namespace: str, name: str, limit: str, request: str) -> None:
    def act(one: Object) -> None:
        resources = container(one)["resources"]
        resources["limits"]["memory"] = limit
        resources["requests"]["memory"] = request

    change(store, DEPLOYMENTS, namespace, name, act)


def scale(store: Store, namespace: str, name: str, replicas: int) -> None:
    change(store, DEPLOYMENTS, namespace, name, lambda one: one["spec"].update(replicas=replicas))


def restart(store: Store, namespace: str, name: str) -> None:
    def act(one: Object) -> None:
        notes = one["spec"]["template"].setdefault("metadata", {}).setdefault("annotations", {})
        notes["kubectl.kubernetes.io/restartedAt"] = store.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    change(store, DEPLOYMENTS, namespace, name, act)


def roll_back(store: Store, namespace: str, name: str) -> None:
    """`kubectl rollout undo`: the template of the revision before; nothing when there is none."""
    found = store.get(DEPLOYMENTS, namespace, name)
    sets = [one for one in store.each("replicasets.apps", namespace)
            if (controller_of(one) or {}).get("uid") == found["metadata"]["uid"]]  # fmt: skip
    older = [one for one in sets if revision_of(one) < revision_of(found)]
    if not older:
        return
    template = copy_of(max(older, key=revision_of)["spec"]["template"])
    template["metadata"].get("labels", {}).pop(HASH, None)
    change(store, DEPLOYMENTS, namespace, name, lambda one: one["spec"].update(template=template))


def set_data(store: Store, namespace: str, name: str, key: str, value: str) -> None:
    """One key of a ConfigMap."""
    change(store, "configmaps", namespace, name, lambda one: one.setdefault("data", {}).update({key: value}))


def cordon(store: Store, node: str, *, is_cordoned: bool = True) -> None:
    def act(one: Object) -> None:
        one["spec"].pop("unschedulable", None)
        if is_cordoned:
            one["spec"]["unschedulable"] = True

    change(store, "nodes", None, node, act)


def set_node_condition(store: Store, node: str, kind: str, status: str, reason: str, message: str) -> None:
    """What a kubelet or a problem detector would write."""
    found = copy_of(store.get("nodes", None, node))
    row = condition(found, kind)
    if row is None:
        row = {"type": kind}
        found["status"]["conditions"].append(row)
    now = timestamp(store.clock.now())
    if row.get("status") != status:
        row["lastTransitionTime"] = now
    row.update(status=status, lastHeartbeatTime=now, reason=reason, message=message)
    store.set_status("nodes", found, found["status"])


def delete_pods(store: Store, namespace: str, app: str) -> None:
    for pod in store.list("pods", namespace):
        if (pod["metadata"].get("labels") or {}).get("app") == app:
            store.mark_deleted("pods", namespace, name_of(pod))


def delete(store: Store, resource: str, namespace: str | None, name: str) -> None:
    """Delete; what is gone already is fine."""
    if store.find(resource, namespace, name) is not None:
        store.mark_deleted(resource, namespace, name)


def event(store: Store, involved: Object, kind: str, reason: str, message: str, component: str, host: str = "") -> None:
    """An event from a component that is not part of the practice cluster, such as a node problem detector."""
    from evals.practice.controllers.recorder import Recorder

    recorder = Recorder(store, store.clock, component, host)
    (recorder.normal if kind == "Normal" else recorder.warning)(involved, reason, message)


def node_of(store: Store, namespace: str, app: str) -> str:
    """The node of the first pod of an app, by name."""
    nodes = [str(pod["spec"].get("nodeName")) for pod in store.list("pods", namespace)
             if (pod["metadata"].get("labels") or {}).get("app") == app and pod["spec"].get("nodeName")]  # fmt: skip
    if not nodes:
        raise LookupError(f"no pod of {namespace}/{app} runs on a node; let the platform come up first")
    return min(nodes)
