"""Nodes, storage, quotas and namespaces from ``describe``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.vocabulary import Json
from tools.transcript.columns import read_table
from tools.transcript.containers import read_taints
from tools.transcript.described import read_conditions, whole
from tools.transcript.harvest import Depth, Harvest
from tools.transcript.times import rfc3339, time_in
from tools.transcript.tree import Branch, told

ACCESS_MODES = {"RWO": "ReadWriteOnce", "ROX": "ReadOnlyMany", "RWX": "ReadWriteMany", "RWOP": "ReadWriteOncePod"}


def access_modes(text: str) -> list[str]:
    return [ACCESS_MODES.get(word, word) for word in text.replace(",", " ").replace("[", "").replace("]", "").split()]


def _quantities(branch: Branch | None) -> dict[str, str]:
    return {child.key: child.value for child in branch.children if told(child.value)} if branch else {}


def read_node(tree: Branch, item: Json, harvest: Harvest) -> None:
    spec, status = item["spec"], item["status"]
    if (branch := tree.child("Taints")) and (taints := read_taints(branch.entries())):
        spec["taints"] = taints
    if tree.text("Unschedulable") == "true":
        spec["unschedulable"] = True
    status["conditions"] = read_conditions(tree.child("Conditions"))
    status["capacity"] = _quantities(tree.child("Capacity"))
    status["allocatable"] = _quantities(tree.child("Allocatable"))
    addresses = tree.child("Addresses")
    status["addresses"] = [
        {"type": each.key, "address": each.value} for each in (addresses.children if addresses else ())
    ]
    if provider := tree.text("ProviderID"):
        spec["providerID"] = provider
    if network := tree.text("PodCIDR"):
        spec["podCIDR"] = network
    info = tree.child("System Info")
    if info is not None:
        fields = {
            "Kernel Version": "kernelVersion", "OS Image": "osImage", "Architecture": "architecture",
            "Container Runtime Version": "containerRuntimeVersion", "Kubelet Version": "kubeletVersion",
            "Kube-Proxy Version": "kubeProxyVersion", "Operating System": "operatingSystem",
        }  # fmt: skip
        status["nodeInfo"] = {field: info.text(key) for key, field in fields.items() if info.text(key)}
    _lease(tree, item, harvest)
    _pods_of(tree, item, harvest)
    if allocated := _allocated(tree.child("Allocated resources")):
        item["metadata"].setdefault("annotations", {})["opsdesk/allocated"] = allocated


def _lease(tree: Branch, item: Json, harvest: Harvest) -> None:
    """The node's heartbeat: the kubelet renews it every ten seconds."""
    lease = tree.child("Lease")
    renewed = rfc3339(time_in(lease.text("RenewTime"))) if lease else None
    if lease is not None and renewed:
        harvest.put(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": item["metadata"]["name"], "namespace": "kube-node-lease"},
                "spec": {"holderIdentity": lease.text("HolderIdentity"), "renewTime": renewed},
            },
            Depth.DESCRIBE,
        )


def _pods_of(tree: Branch, item: Json, harvest: Harvest) -> None:
    """Who runs there and what it asked for: mentions, which fill in pods that are told elsewhere."""
    branch = tree.child("Non-terminated Pods")
    for row in read_table(branch.body() if branch else ()):
        name, namespace = row.get("Name", ""), row.get("Namespace", "")
        if not name or not namespace or set(name) <= {"-"}:
            continue
        harvest.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"nodeName": item["metadata"]["name"]},
            },
            Depth.MENTION,
        )


def _allocated(branch: Branch | None) -> str:
    """``cpu requests 425m (5%) limits 0 (0%)``: kept as text; the numbers are those of the pods."""
    told_rows = []
    lines = [line for line in (branch.body() if branch else ()) if not line.strip().startswith("(")]
    for row in read_table(lines):
        resource = row.get("Resource", "")
        if resource and not set(resource) <= {"-"}:
            told_rows.append(f"{resource} requests {row.get('Requests', '')} limits {row.get('Limits', '')}")
    return "; ".join(told_rows)


def read_volume_claim(tree: Branch, item: Json, harvest: Harvest) -> None:
    spec, status = item["spec"], item["status"]
    phase = tree.text("Status")
    status["phase"] = phase.split(" ")[0] or "Pending"
    if phase.startswith("Terminating"):
        item["metadata"]["deletionTimestamp"] = rfc3339(harvest.now)
        status["phase"] = "Bound"
    # No class and the empty class look alike here, and a claim that is not bound shows no modes: they stay unsaid.
    if name := tree.text("StorageClass"):
        spec["storageClassName"] = name
    if modes := access_modes(tree.text("Access Modes")):
        spec["accessModes"] = modes
    if volume := tree.text("Volume"):
        spec["volumeName"] = volume
    if mode := tree.text("VolumeMode"):
        spec["volumeMode"] = mode
    if capacity := tree.text("Capacity"):
        status["capacity"] = {"storage": capacity}
    if conditions := read_conditions(tree.child("Conditions")):
        status["conditions"] = conditions


def read_volume(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    status["phase"] = tree.text("Status").split(" ")[0]
    for key, field in (("Reason", "reason"), ("Message", "message")):
        if value := tree.text(key):
            status[field] = value
    spec["storageClassName"] = tree.text("StorageClass")
    spec["persistentVolumeReclaimPolicy"] = tree.text("Reclaim Policy")
    spec["accessModes"] = access_modes(tree.text("Access Modes"))
    if mode := tree.text("VolumeMode"):
        spec["volumeMode"] = mode
    if capacity := tree.text("Capacity"):
        spec["capacity"] = {"storage": capacity}
    namespace, _, claim = tree.text("Claim").partition("/")
    if claim:
        spec["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim}
    if affinity := _node_affinity(tree.child("Node Affinity")):
        spec["nodeAffinity"] = affinity
    if source := _source(tree.child("Source")):
        spec.update(source)


def _node_affinity(branch: Branch | None) -> Json | None:
    """``Term 0: kubernetes.io/hostname in [node-1, node-2]``."""
    terms: list[Json] = []
    for line in branch.body() if branch else ():
        text = line.strip()
        if text.startswith("Term"):
            terms.append({"matchExpressions": []})
            text = text.partition(":")[2].strip()
        found = re.match(r"(\S+) (in|not in|exists|does not exist|>|<)\s*(?:\[(.*)\]|(\S+))?$", text)
        if found and terms:
            operator = {"in": "In", "not in": "NotIn", "exists": "Exists", "does not exist": "DoesNotExist"}
            values = [value.strip() for value in (found.group(3) or found.group(4) or "").split(",") if value.strip()]
            one: Json = {"key": found.group(1), "operator": operator.get(found.group(2), found.group(2))}
            terms[-1]["matchExpressions"].append({**one, **({"values": values} if values else {})})
    return {"required": {"nodeSelectorTerms": terms}} if terms else None


def _source(branch: Branch | None) -> Json | None:
    if branch is None:
        return None
    sort = branch.text("Type").split(" ")[0]
    if sort == "HostPath":
        return {"hostPath": {"path": branch.text("Path"), "type": branch.text("HostPathType")}}
    if sort == "LocalVolume":
        return {"local": {"path": branch.text("Path")}}
    if sort == "NFS":
        return {"nfs": {"server": branch.text("Server"), "path": branch.text("Path")}}
    if sort == "CSI":
        return {"csi": {"driver": branch.text("Driver"), "volumeHandle": branch.text("VolumeHandle")}}
    return None


def read_storage_class(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item.pop("spec")
    item.pop("status")
    item["provisioner"] = tree.text("Provisioner")
    item["reclaimPolicy"] = tree.text("ReclaimPolicy")
    item["volumeBindingMode"] = tree.text("VolumeBindingMode")
    expansion = tree.text("AllowVolumeExpansion")
    if expansion:
        item["allowVolumeExpansion"] = expansion.lower() == "true"
    if tree.text("IsDefaultClass") == "Yes":
        item["metadata"].setdefault("annotations", {})["storageclass.kubernetes.io/is-default-class"] = "true"


def read_namespace(tree: Branch, item: Json, harvest: Harvest) -> None:
    item["status"]["phase"] = tree.text("Status") or "Active"
    if item["status"]["phase"] == "Terminating":
        item["metadata"]["deletionTimestamp"] = rfc3339(harvest.now)
    if conditions := read_conditions(tree.child("Conditions")):
        item["status"]["conditions"] = conditions
    lines = list(tree.source)
    for at, line in enumerate(lines):
        if line.strip().lower().startswith(("resource quotas", "resource limits")):
            _quotas_of(lines[at + 1 :], item["metadata"]["name"], harvest)
            break


def _quotas_of(lines: Sequence[str], namespace: str, harvest: Harvest) -> None:
    """Quotas as a namespace tells them: ``Name:`` and a table each."""
    name, rows = "", list[str]()
    for line in [*lines, " Name: "]:
        text = line.strip()
        if not line.startswith((" ", "\t")) and text:
            break
        if text.startswith("Name:") or not text:
            if name and rows:
                harvest.put(_quota_item(name, namespace, rows), Depth.DESCRIBE)
            name, rows = (text[5:].strip() if text else ""), []
        elif text and not text.startswith("Scopes:"):
            rows.append(line)
    if name and rows:
        harvest.put(_quota_item(name, namespace, rows), Depth.DESCRIBE)


def _quota_item(name: str, namespace: str, rows: Sequence[str]) -> Json:
    used, hard = _used_and_hard(rows)
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hard": hard},
        "status": {"hard": hard, "used": used},
    }


def _used_and_hard(rows: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    used: dict[str, str] = {}
    hard: dict[str, str] = {}
    for row in rows:
        cells = row.split()
        if len(cells) == 3 and any(character.isdigit() for character in cells[2]):
            used[cells[0]], hard[cells[0]] = cells[1], cells[2]
    return used, hard


def read_quota(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    used, hard = _used_and_hard(tree.source)
    item["spec"]["hard"] = hard
    item["status"] = {"hard": dict(hard), "used": used}


def read_limit_range(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    limits: list[Json] = []
    at = next((at for at, line in enumerate(tree.source) if line.startswith("Type ")), None)
    for row in read_table(list(tree.source[at:]) if at is not None else []):
        if not row.get("Resource") or set(row["Resource"]) <= {"-"}:
            continue
        one: Json = {"type": row.get("Type", "")}
        for column, field in (
            ("Min", "min"),
            ("Max", "max"),
            ("Default Request", "defaultRequest"),
            ("Default Limit", "default"),
        ):
            if (value := row.get(column, "")) not in {"", "-"}:
                one[field] = {row["Resource"]: value}
        limits.append(one)
    item["spec"]["limits"] = limits


def read_lease_object(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec = tree.child("Spec")
    if spec and (at := rfc3339(time_in(spec.text("Renew Time")))):
        item["spec"] = {"renewTime": at, "holderIdentity": spec.text("Holder Identity")}


def read_priority_class(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item["value"] = whole(tree.text("Value")) or 0
    item["globalDefault"] = tree.text("GlobalDefault") == "true"
