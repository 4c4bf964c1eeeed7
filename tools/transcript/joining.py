"""Says what no single output told: who owns whom by their names, whose a log is, whom a sentence is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from knowledge.vocabulary import Json, ObjectRef
from tools.contracts import LogText
from tools.transcript.harvest import Harvest, Spoken
from tools.transcript.kinds import kind_named, kind_of
from tools.transcript.merging import name_containers
from tools.transcript.reports import Subject, put_change

# Suffixes that controllers draw: no vowels, so that no word comes out.
_HASH = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5,10}$|-[0-9a-f]{6,10}$")
_RANDOM = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}$")
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?")
_SUBJECTS = ("Service", "Deployment", "StatefulSet", "DaemonSet", "Node", "Pod", "Job", "InferenceService")
_SAID = re.compile(
    r"(?:\b(?P<word>service|svc|node|pod|deployment)|(?P<zh>服务|节点|主机))[ =:：\"']{1,3}(?P<name>[a-z0-9][a-z0-9.\-]{1,62})",
    re.IGNORECASE,
)
_SAID_KINDS = {"服务": "service", "节点": "node", "主机": "node"}
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")

Index = Mapping[tuple[str, str, str], Json]


def index_of(objects: Sequence[Json]) -> dict[tuple[str, str, str], Json]:
    return {
        (str(item["kind"]), str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"])): item
        for item in objects
    }


def join(objects: list[Json]) -> None:
    """Owners first, then what a template tells of its pods. ReplicaSets that were not pasted are added between the two."""
    index = index_of(objects)
    for item in objects:
        if item["kind"] in {"Pod", "ReplicaSet", "Job"} and not item["metadata"].get("ownerReferences"):
            _own(item, index)
    objects += _missing_replica_sets(objects)
    index = index_of(objects)
    claims = [item for item in objects if item["kind"] == "PersistentVolumeClaim"]
    for item in objects:
        if item["kind"] == "Pod":
            _complete_pod(item, index)
            _mount_by_name(item, claims)


def _mount_by_name(pod: Json, claims: Sequence[Json]) -> None:
    """A claim that bears the name of a StatefulSet's pod (``data-db-0``) is that pod's, where its volumes were not told."""
    metadata, spec = pod["metadata"], pod.setdefault("spec", {})
    if not isinstance(spec, dict) or spec.get("volumes") or not str(metadata["name"]).rpartition("-")[2].isdigit():
        return
    found = [
        str(claim["metadata"]["name"])
        for claim in claims
        if claim["metadata"].get("namespace") == metadata.get("namespace")
        and str(claim["metadata"]["name"]).endswith(f"-{metadata['name']}")
    ]
    if found:
        spec["volumes"] = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in found]


def _own(item: Json, index: Index) -> None:
    namespace, name = str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"])
    for kind, owner in _owners(item["kind"], name):
        if (kind, namespace, owner) in index:
            item["metadata"]["ownerReferences"] = [
                {"kind": kind, "name": owner, "controller": True, "apiVersion": kind_named(kind).api_version}
            ]
            return
    if item["kind"] == "Pod" and _RANDOM.search(name):
        # The ReplicaSet between was not pasted: the Deployment stands for it.
        stem = _HASH.sub("", _RANDOM.sub("", name))
        if ("Deployment", namespace, stem) in index:
            item["metadata"]["ownerReferences"] = [
                {"kind": "ReplicaSet", "name": _RANDOM.sub("", name), "controller": True, "apiVersion": "apps/v1"}
            ]


def _owners(kind: str, name: str) -> list[tuple[str, str]]:
    if kind == "ReplicaSet":
        return [("Deployment", name.rpartition("-")[0])]
    if kind == "Job":
        return [("CronJob", name.rpartition("-")[0])]
    stem, _, suffix = name.rpartition("-")
    found = [("StatefulSet", stem)] if suffix.isdigit() else []
    if _RANDOM.search(name):
        found += [("ReplicaSet", stem), ("DaemonSet", stem), ("Job", stem)]
    return found


def _missing_replica_sets(objects: Sequence[Json]) -> list[Json]:
    """ReplicaSets that pods name as owners and no output showed, so that the chain to the Deployment is whole."""
    index = index_of(objects)
    made: dict[tuple[str, str], Json] = {}
    for item in objects:
        owner = next(iter(item["metadata"].get("ownerReferences") or ()), None) if item["kind"] == "Pod" else None
        if not isinstance(owner, dict) or owner.get("kind") != "ReplicaSet":
            continue
        namespace, name = str(item["metadata"].get("namespace") or ""), str(owner.get("name", ""))
        deployment = ("Deployment", namespace, name.rpartition("-")[0])
        if ("ReplicaSet", namespace, name) not in index and deployment in index:
            made.setdefault((namespace, name), _replica_set(namespace, name, index[deployment]))
    return list(made.values())


def _replica_set(namespace: str, name: str, deployment: Json) -> Json:
    owner = {"kind": "Deployment", "name": deployment["metadata"]["name"], "controller": True, "apiVersion": "apps/v1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "ownerReferences": [owner],
            "annotations": {"opsdesk/told-by": "its pods"},
        },
    }


def _complete_pod(item: Json, index: Index) -> None:
    """Labels and containers that only the owner's template tells."""
    template = _template_of(item, index)
    name_containers(item, (template or {}).get("spec"))
    if template is None:
        return
    labels = (template.get("metadata") or {}).get("labels")
    if isinstance(labels, dict) and not item["metadata"].get("labels"):
        item["metadata"]["labels"] = dict(labels)
    spec = item.setdefault("spec", {})
    if isinstance(spec, dict) and not spec.get("containers") and isinstance(template.get("spec"), dict):
        spec.update({key: value for key, value in template["spec"].items() if key not in spec})


def _template_of(item: Json, index: Index) -> Json | None:
    namespace = str(item["metadata"].get("namespace") or "")
    here: Json | None = item
    for _ in range(3):
        owner = next(iter((here or {}).get("metadata", {}).get("ownerReferences") or ()), None)
        if not isinstance(owner, dict):
            return None
        kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
        here = index.get((kind, namespace, name)) or (
            index.get(("Deployment", namespace, name.rpartition("-")[0])) if kind == "ReplicaSet" else None
        )
        spec = (here or {}).get("spec")
        template = spec.get("template") if isinstance(spec, dict) else None
        if isinstance(template, dict) and template.get("spec"):
            return template
    return None


def logs_of(harvest: Harvest, objects: Sequence[Json]) -> list[LogText]:
    """Each log with the object that spoke. A selector of one pod is that pod; of several, the workload that they are of."""
    index = index_of(objects)
    pods = [item for item in objects if item["kind"] == "Pod"]
    found: list[LogText] = []
    for spoken in harvest.logs:
        reference = _speaker(harvest, spoken, index, pods)
        if not reference.name:
            continue
        container = spoken.container
        pod = index.get(("Pod", reference.namespace, reference.name))
        if not container and pod is not None:
            containers: list[Json] = list((pod.get("spec") or {}).get("containers") or ())
            container = str(containers[0].get("name", "")) if len(containers) == 1 else ""
        found.append(LogText(reference, container, spoken.text, spoken.is_previous))
    return found


def _reference(harvest: Harvest, kind: str, namespace: str, name: str) -> ObjectRef:
    version = kind_named(kind).api_version
    return ObjectRef(cluster=harvest.cluster, kind=kind, namespace=namespace, name=name, api_version=version)


def _speaker(harvest: Harvest, spoken: Spoken, index: Index, pods: Sequence[Json]) -> ObjectRef:
    if spoken.node:
        return _reference(harvest, "Node", "", spoken.node)
    if spoken.pod:
        return _reference(harvest, "Pod", spoken.namespace, spoken.pod)
    matching = [pod for pod in pods if _carries(pod, spoken)]
    if len(matching) == 1:
        return _reference(harvest, "Pod", spoken.namespace, str(matching[0]["metadata"]["name"]))
    if spoken.workload[1]:
        return _reference(harvest, spoken.workload[0], spoken.namespace, spoken.workload[1])
    for kind in _WORKLOADS:
        for (its_kind, namespace, name), item in index.items():
            labels = (((item.get("spec") or {}).get("template") or {}).get("metadata") or {}).get("labels") or {}
            if (
                its_kind == kind
                and namespace == spoken.namespace
                and spoken.selector
                and spoken.selector.items() <= labels.items()
            ):
                return _reference(harvest, kind, spoken.namespace, name)
    if matching:
        return _reference(harvest, "Pod", spoken.namespace, str(matching[0]["metadata"]["name"]))
    if spoken.selector:
        return _reference(harvest, "Deployment", spoken.namespace, next(iter(spoken.selector.values())))
    named = _only_pod(pods, spoken.namespace)
    return _reference(harvest, "Pod", spoken.namespace, named or "unknown")


def _only_pod(pods: Sequence[Json], namespace: str) -> str:
    """Bare lines of a log belong to the one pod that is unwell, or to the one that was pasted."""
    here = [pod for pod in pods if pod["metadata"].get("namespace") == namespace]
    unwell = [pod for pod in here if not _is_ready(pod)]
    chosen = here if len(here) == 1 else unwell if len(unwell) == 1 else []
    return str(chosen[0]["metadata"]["name"]) if chosen else ""


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(
        one.get("type") == "Ready" and one.get("status") == "True" for one in conditions if isinstance(one, dict)
    )


def _carries(pod: Json, spoken: Spoken) -> bool:
    metadata = pod["metadata"]
    if metadata.get("namespace") != spoken.namespace:
        return False
    labels = metadata.get("labels") or {}
    if spoken.selector:
        return isinstance(labels, dict) and spoken.selector.items() <= labels.items()
    kind, name = spoken.workload
    return bool(name) and str(metadata["name"]).startswith(f"{name}-") and kind != "Service"


def place_changes(harvest: Harvest, objects: Sequence[Json]) -> None:
    """Changes told in sentences are about the object whose name stands in the sentence."""
    names: dict[str, tuple[str, str]] = {}
    for kind in reversed(_SUBJECTS):
        names.update(
            {
                str(item["metadata"]["name"]): (kind, str(item["metadata"].get("namespace") or ""))
                for item in objects
                if item["kind"] == kind
            }
        )
    for move, line in harvest.changes:
        known = next((word for word in _WORD.findall(line.lower()) if word in names), "")
        if not known:
            known = next((name for word in _WORD.findall(line.lower()) for name in (_stem(word, names),) if name), "")
        if known:
            kind, namespace = names[known]
            put_change(harvest, move, Subject(kind, known, namespace))
        elif said := _SAID.search(line):
            row = kind_of(said["word"] or _SAID_KINDS[said["zh"]])
            put_change(harvest, move, Subject(row.kind if row else "Service", said["name"].rstrip(".-"), ""))


def _stem(word: str, names: Mapping[str, tuple[str, str]]) -> str:
    """``web-p95latency`` begins with the name of ``web``."""
    while "-" in word:
        word = word.rpartition("-")[0]
        if word in names:
            return word
    return ""
