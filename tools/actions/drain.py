"""Drains a node: cordons it, then evicts its pods one by one, so that disruption budgets hold. What kubectl would refuse
(bare pods, local data, daemon pods) is refused with kubectl's own way out."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest, Json, Ruling
from tools.actions.contract import Frozen, Look, Permission
from tools.actions.edit import edited, single_target
from tools.actions.grant import Grant, patching
from tools.script.command import Command
from tools.script.kinds import known_kinds

_MIRROR = "kubernetes.io/config.mirror"


def _must_leave(pod: Json, command: Command) -> bool:
    """Whether the pod is evicted. Raises BadInput for one that kubectl would refuse to evict."""
    metadata, name = pod["metadata"], pod["metadata"]["name"]
    owner = next((owner for owner in metadata.get("ownerReferences", []) if owner.get("controller")), None)
    if _MIRROR in (metadata.get("annotations") or {}) or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return False
    if owner is not None and owner.get("kind") == "DaemonSet":
        if not command.has("ignore-daemonsets"):
            raise BadInput(f"{name} belongs to a DaemonSet", next_step="--ignore-daemonsets")
        return False
    if owner is None:
        raise BadInput(f"{name} has no controller: nothing would make it again", next_step="move it by hand first")
    if any("emptyDir" in volume for volume in pod["spec"].get("volumes", [])) and not command.has(
        "delete-emptydir-data"
    ):
        raise BadInput(
            f"{name} keeps local data in an emptyDir", next_step="--delete-emptydir-data when it may be lost"
        )
    return True


def eviction(cluster: str, pod: Json, command: Command) -> ApiRequest:
    metadata = pod["metadata"]
    options: Json = {"preconditions": {"uid": metadata["uid"]}}
    if command.value("grace-period", "-1") != "-1":
        options["gracePeriodSeconds"] = int(command.value("grace-period"))
    name, namespace = metadata["name"], metadata["namespace"]
    return ApiRequest(
        cluster=cluster, method="POST", path=f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", content_type="application/json",
        body={
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": options,
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Drain:
    id: str = "drain"
    verbs: tuple[str, ...] = ("drain",)
    is_read: bool = False
    risk: Ruling = Ruling.TWO
    grants: tuple[Grant, ...] = (patching(("nodes",), "/spec/unschedulable"), Grant("create", ("pods",), "eviction"))

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, _, name = single_target(command)
        pods = known_kinds().find("pods")
        assert pods is not None
        return (Permission("patch", kind, "", name), Permission("create", pods, subresource="eviction"))

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, _, name = single_target(command)
        observed = await look.get(kind, "", name)
        desired = copy.deepcopy(observed)
        desired["spec"] = {**(desired.get("spec") or {}), "unschedulable": True}
        frozen = edited(look, kind, observed, desired)
        pods = await look.list(
            look.kind("pods"), label_selector=command.value("pod-selector"), field_selector=f"spec.nodeName={name}"
        )
        leaving = sorted(
            (pod for pod in pods if _must_leave(pod, command)),
            key=lambda p: (p["metadata"]["namespace"], p["metadata"]["name"]),
        )
        lines = [f"- evict Pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in leaving]
        return Frozen(
            frozen.target, (*frozen.requests, *(eviction(look.cluster, pod, command) for pod in leaving)),
            frozen.reversal, frozen.inverse, frozen.before, frozen.after, "\n".join([frozen.diff or str(frozen.target), *lines]),
            observed, desired, kind, (f"evicts {len(leaving)} pods; the budgets decide how fast",),
        )  # fmt: skip


ACTION = _Drain()
