"""``kubectl describe``: cuts the output into objects, finds out of which kind each is, and hands it to the kind's reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from knowledge.vocabulary import Json
from tools.transcript import described_cluster as cluster
from tools.transcript import described_pods as pods
from tools.transcript import described_traffic as traffic
from tools.transcript.described import skeleton
from tools.transcript.event_tables import read_described_events
from tools.transcript.harvest import Depth, Harvest
from tools.transcript.kinds import Kind, kind_named
from tools.transcript.tree import Branch, grow

Reader = Callable[[Branch, Json, Harvest], None]

READERS: dict[str, Reader] = {
    "Pod": pods.read_pod,
    "Deployment": pods.read_deployment,
    "ReplicaSet": pods.read_replica_set,
    "ReplicationController": pods.read_replica_set,
    "StatefulSet": pods.read_stateful_set,
    "DaemonSet": pods.read_daemon_set,
    "Job": pods.read_job,
    "CronJob": pods.read_cron_job,
    "Node": cluster.read_node,
    "PersistentVolumeClaim": cluster.read_volume_claim,
    "PersistentVolume": cluster.read_volume,
    "StorageClass": cluster.read_storage_class,
    "Namespace": cluster.read_namespace,
    "ResourceQuota": cluster.read_quota,
    "LimitRange": cluster.read_limit_range,
    "PriorityClass": cluster.read_priority_class,
    "Lease": cluster.read_lease_object,
    "Service": traffic.read_service,
    "Endpoints": traffic.read_endpoints,
    "Ingress": traffic.read_ingress,
    "ConfigMap": traffic.read_data,
    "Secret": traffic.read_data,
    "ServiceAccount": traffic.read_service_account,
    "HorizontalPodAutoscaler": traffic.read_autoscaler,
    "PodDisruptionBudget": traffic.read_disruption_budget,
    "NetworkPolicy": traffic.read_network_policy,
    "RoleBinding": traffic.read_binding,
    "ClusterRoleBinding": traffic.read_binding,
}

# Keys that only one kind has, told of the rarer ones first.
_SIGNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Node", frozenset({"System Info", "Non-terminated Pods", "Allocatable", "PodCIDR"})),
    ("Deployment", frozenset({"StrategyType", "OldReplicaSets", "NewReplicaSet", "RollingUpdateStrategy"})),
    ("DaemonSet", frozenset({"Desired Number of Nodes Scheduled"})),
    ("CronJob", frozenset({"Concurrency Policy"})),
    ("Job", frozenset({"Parallelism", "Completions"})),
    ("Service", frozenset({"Session Affinity", "IP Family Policy", "TargetPort"})),
    ("Endpoints", frozenset({"Subsets"})),
    ("PersistentVolume", frozenset({"Reclaim Policy", "Claim"})),
    ("PersistentVolumeClaim", frozenset({"Used By", "Mounted By"})),
    ("StorageClass", frozenset({"Provisioner", "IsDefaultClass"})),
    ("ServiceAccount", frozenset({"Mountable secrets", "Image pull secrets"})),
    ("HorizontalPodAutoscaler", frozenset({"Min replicas", "Max replicas"})),
    ("PodDisruptionBudget", frozenset({"Min available", "Max unavailable"})),
    ("Ingress", frozenset({"Default backend", "Ingress Class"})),
    ("StatefulSet", frozenset({"Volume Claims", "Update Strategy"})),
    ("Pod", frozenset({"QoS Class", "Containers", "Node-Selectors", "Start Time"})),
    ("ReplicaSet", frozenset({"Pods Status"})),
)


_MIDDLE = re.compile(
    r"(?:Containers|Conditions|Events|Volumes|Labels|Status|Pod Template|Allocatable|Selector|Endpoints):"
)


def documents(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Where each described object begins and ends: at ``Name:`` that stands leftmost."""
    starts = [at for at, line in enumerate(lines) if line.startswith("Name:")]
    if not starts:
        return []
    ends = [*starts[1:], len(lines)]
    return list(zip(starts, ends, strict=True))


def looks_described(lines: Sequence[str]) -> bool:
    head = next((line for line in lines if line.strip()), "")
    return re.match(r"\s*Name:\s+\S", head) is not None


def read_described(harvest: Harvest, lines: Sequence[str], kind: Kind | None, namespace: str, name: str = "") -> int:
    """Says how many objects were read. A beginning that was cut off is read when it is clear what it belonged to."""
    lines = _rejoined(_dedented(lines))
    spans = documents(lines)
    if not spans and name and any(_MIDDLE.match(line) for line in lines):
        # The beginning was cut off, and the command says whose it was.
        lines = [f"Name: {name}", *lines]
        spans = documents(lines)
        harvest.gap("transcript", f"line {harvest.line}: describe {name}", "its beginning was cut off")
    base = harvest.line
    found = 0
    for start, end in spans:
        harvest.line = base + start
        found += _read_one(harvest, lines[start:end], kind, namespace, is_alone=len(spans) == 1)
    harvest.line = base
    return found


_RULE = frozenset("- ")
_KEY = re.compile(r"[A-Z][\w /().\-]{0,60}:(?:\s|$)|No |Resource|Type |-{3}|Name")


def _rejoined(lines: Sequence[str]) -> Sequence[str]:
    """Lines that the terminal broke at its width go on leftmost, where only keys stand. Data of ConfigMaps stays as it is."""
    if not any(len(line) >= 79 for line in lines) or any(line.rstrip() == "Data" for line in lines):
        return lines
    joined: list[str] = []
    was_full = False
    for line in lines:
        is_rest = was_full and line[:1] not in {"", " ", "\t"} and _KEY.match(line) is None
        if is_rest:
            joined[-1] += line
        else:
            joined.append(line)
        was_full = len(line) >= 79 and not set(line) <= _RULE
    return joined


def _dedented(lines: Sequence[str]) -> Sequence[str]:
    head = next((line for line in lines if line.strip()), "")
    indent = len(head) - len(head.lstrip(" "))
    if not indent:
        return lines
    return [line[indent:] if not line[:indent].strip() else line for line in lines]


def _read_one(harvest: Harvest, lines: Sequence[str], kind: Kind | None, namespace: str, *, is_alone: bool) -> int:
    tree = grow(lines)
    name = tree.text("Name")
    if not name or " " in name:
        return 0
    word = guess_kind(tree, lines) if kind is None else kind.kind
    if not word:
        harvest.gap("transcript", f"line {harvest.line}: describe of {name}", "its kind cannot be told")
        return 0
    item = skeleton(tree, word, namespace or harvest.namespace)
    reader = READERS.get(word)
    if reader is not None:
        reader(tree, item, harvest)
    else:
        _read_custom(tree, item)
    harvest.put(item, Depth.DESCRIBE)
    events = tree.child("Events")
    if events is not None and events.body():
        read_described_events(harvest, events.body(), word, item["metadata"].get("namespace", ""), name)
    # Of several objects at once newer kubectl shows no events.
    if events is None and is_alone and word in {"Pod", "Deployment", "Node"} and not tree.has("No events."):
        harvest.gap(
            "transcript", f"line {harvest.line}: describe {word} {name}", "its end was cut off, the events are missing"
        )
    return 1


def guess_kind(tree: Branch, lines: Sequence[str]) -> str:
    if told := tree.text("Kind"):
        return told
    keys = {child.key for child in tree.children}
    for kind, signs in _SIGNS:
        if keys & signs:
            if kind == "Pod" and "Pod Template" in keys:
                continue
            return kind
    text = {line.rstrip() for line in lines}
    if "BinaryData" in text or ("Data" in text and "====" in text):
        return "Secret" if any(re.match(r"[\w.\-]+:\s+\d+ bytes", line) for line in lines) else "ConfigMap"
    if any(line.startswith(("No resource quota", "No LimitRange", "Resource Quotas")) for line in lines):
        return "Namespace"
    if any(re.match(r"Type\s+Resource\s+Min", line) for line in lines):
        return "LimitRange"
    if any(re.match(r"Resource\s+Used\s+Hard", line) for line in lines):
        return "ResourceQuota"
    if "Spec" in keys and any("PodSelector" in line for line in lines):
        return "NetworkPolicy"
    return ""


def _read_custom(tree: Branch, item: Json) -> None:
    """A custom resource is told as its own YAML with capitalised words: ``Last Transition Time: ...``."""
    version = tree.text("API Version")
    if version:
        item["apiVersion"] = version
    for child in tree.children:
        if child.key in {"Spec", "Status"}:
            item[child.key.lower()] = _plain(child)
    metadata = tree.child("Metadata")
    if metadata is not None:
        for key in ("creationTimestamp", "generation", "uid", "deletionTimestamp"):
            if value := _plain(metadata).get(key):
                item["metadata"][key] = value
    kind_named(item["kind"])


def _plain(branch: Branch) -> Json:
    """Keys back in camel case. A repeated first key begins the next element of a list."""
    found: Json = {}
    rows: list[Json] = []
    first = branch.children[0].key if branch.children else ""
    is_list = sum(1 for child in branch.children if child.key == first) > 1
    for child in branch.children:
        key = _camel(child.key)
        value = _plain(child) if child.children else (child.extra or _scalar(child.value))
        if is_list and child.key == first:
            rows.append({})
        (rows[-1] if rows else found)[key] = value
    for key, value in list(found.items()):
        if isinstance(value, dict) and "__rows__" in value:
            found[key] = value["__rows__"]
        elif key == "conditions" and isinstance(value, dict):
            found[key] = [value]
    return {"__rows__": rows} if rows else found


def _scalar(value: str) -> object:
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if value.isdigit() and len(value) < 12 else value


def _camel(key: str) -> str:
    words = key.split()
    if not words or ("." in key or "/" in key):
        return key
    return words[0][:1].lower() + words[0][1:] + "".join(words[1:])
