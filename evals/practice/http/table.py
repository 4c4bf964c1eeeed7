"""Tables, as `kubectl get` asks for them: the columns of a kind and one row of cells for each object."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from evals.practice.hooks import Object
from evals.practice.http.selectors import selector_text
from evals.practice.http.table_pods import pod_cells
from evals.practice.kinds import Kind

_COLUMNS = pathlib.Path(__file__).with_name("table_columns.json")
NONE = "<none>"


def age(moment: str | None, now: datetime) -> str:
    """How long ago, in the short form: 5s, 3m12s, 4h, 2d."""
    if not moment:
        return "<unknown>"
    then = datetime.fromisoformat(moment).astimezone(UTC)
    seconds = max(int((now - then).total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"


@functools.cache
def _columns() -> dict[str, list[Object]]:
    loaded: dict[str, list[Object]] = json.loads(_COLUMNS.read_text())
    return loaded


def _created(obj: Object, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _template(obj: Object) -> tuple[str, str]:
    containers = obj.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    return ",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)


def _selector(obj: Object) -> str:
    return selector_text(obj.get("spec", {}).get("selector") or {}) or NONE


def _configmap(obj: Object, now: datetime) -> list[Any]:
    return [len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _created(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [obj.get("type", ""), len(obj.get("data") or {}), _created(obj, now)]


def _deployment(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [ready, *counts, _created(obj, now), *_template(obj), _selector(obj)]


def _replicaset(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    counts = [obj["spec"].get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [*counts, _created(obj, now), *_template(obj), _selector(obj)]


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    ports = []
    for port in spec.get("ports") or []:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    external = ",".join(spec.get("externalIPs") or []) or spec.get("externalName") or NONE
    if spec.get("type") == "LoadBalancer" and external == NONE:
        external = "<pending>"
    selector = ",".join(f"{k}={v}" for k, v in sorted((spec.get("selector") or {}).items())) or NONE
    address = spec.get("clusterIP") or NONE
    return [spec.get("type", "ClusterIP"), address, external, ",".join(ports) or NONE, _created(obj, now), selector]


def _event(obj: Object, now: datetime) -> list[Any]:
    subject = obj.get("involvedObject", {})
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    source = obj.get("source") or {}
    shown = [source.get("component") or obj.get("reportingComponent") or ""]
    host = source.get("host") or obj.get("reportingInstance")
    if host:
        shown.append(host)
    count = series.get("count") or obj.get("count") or 1
    about = f"{subject.get('kind', '').lower()}/{subject.get('name', '')}"
    return [age(last, now), obj.get("type", ""), obj.get("reason", ""), about, subject.get("fieldPath", ""),
            ", ".join(shown), (obj.get("message") or "").strip(), age(first, now), count, obj["metadata"]["name"]]  # fmt: skip


def _job(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    held = {c["type"] for c in status.get("conditions") or [] if c.get("status") == "True"}
    state = next(
        (w for t, w in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")) if t in held), ""
    )
    if not state:
        state = "Terminating" if obj["metadata"].get("deletionTimestamp") else "Running"
    wanted = spec.get("completions")
    done = f"{status.get('succeeded', 0)}/{wanted if wanted is not None else 1}"
    duration = ""
    if status.get("startTime"):
        end = status.get("completionTime")
        until = datetime.fromisoformat(end) if end else now
        duration = age(status["startTime"], until)
    return [state, done, duration, _created(obj, now), *_template(obj), _selector(obj)]


def _node(obj: Object, now: datetime) -> list[Any]:
    info, addresses = obj.get("status", {}).get("nodeInfo", {}), obj.get("status", {}).get("addresses", [])
    ready: Object = next((c for c in obj.get("status", {}).get("conditions", []) if c["type"] == "Ready"), {})
    state = "Ready" if ready.get("status") == "True" else "NotReady" if ready else "Unknown"
    if obj.get("spec", {}).get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(k.removeprefix(prefix) for k in obj["metadata"].get("labels", {}) if k.startswith(prefix))
    by_type = {one["type"]: one["address"] for one in addresses}
    return [state, ",".join(roles) or NONE, _created(obj, now), info.get("kubeletVersion", ""),
            by_type.get("InternalIP", NONE), by_type.get("ExternalIP", NONE), info.get("osImage", ""),
            info.get("kernelVersion", ""), info.get("containerRuntimeVersion", "")]  # fmt: skip


def _pod(obj: Object, now: datetime) -> list[Any]:
    ready, state, restarts, tail = pod_cells(obj, lambda moment: age(moment, now))
    return [ready, state, restarts, _created(obj, now), *tail]


def _plain(obj: Object, now: datetime) -> list[Any]:
    return [_created(obj, now)]


_CELLS: dict[str, Callable[[Object, datetime], list[Any]]] = {
    "configmaps": _configmap, "secrets": _secret, "deployments.apps": _deployment, "replicasets.apps": _replicaset,
    "services": _service, "events": _event, "jobs.batch": _job, "nodes": _node, "pods": _pod,
}  # fmt: skip


def table_of(kind: Kind, objects: list[Object], meta: Object, include: str, now: datetime, *, columns: bool) -> Object:
    """A Table of these objects. `include` says what each row carries: None, Metadata or Object."""
    key = kind.store_key if kind.store_key in _CELLS else ""
    cells = _CELLS.get(key, _plain)
    defined = _columns().get(key) or [_columns()["configmaps"][0], _columns()["configmaps"][-1]]
    rows = []
    for obj in objects:
        values = cells(obj, now)
        if key != "events":
            values = [obj["metadata"]["name"], *values]
        rows.append({"cells": values, "object": _carried(obj, include)})
    table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    return {**table, "columnDefinitions": defined if columns else None, "rows": rows}


def _carried(obj: Object, include: str) -> Object | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
