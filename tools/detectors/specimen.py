"""Turns a specimen's short form into a snapshot, so that a detector can be tried on what stands in its own file.

::

    pods: {web-1: crashing, web-2: well}       pods of Deployment web: well | crashing | pending | terminated | waiting:Reason
    objects: [{kind: Service, name: web, spec: ...}]   metadata in short: name, namespace, labels, owner: Deployment/web
    events: [{about: Pod/web-1, reason: Failed, message: ..., age: 2m, type: Warning, count: 3}]
    logs: [{pod: web-1, text: ..., age: 1m, previous: false, container: main} | {node: gpu-1, text: ...}]
    metrics: [{key: container_memory, labels: {pod: web-1}, values: [1, 2]}]     one point a minute, the last one now
    alerts: [{name: KubePodCrashLooping, labels: {...}}]

Everything stands in namespace ``default`` on node ``node-1``. Ages are told back from the moment of the snapshot; within an
object, a time may be written ``<10m ago>``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from knowledge.errors import MalformedDetector
from knowledge.vocabulary import Alert, Focus, Gap, Json, ObjectRef, Severity
from tools.contracts import LogText, MetricAnswer
from tools.detectors.scanner import read_duration
from tools.ports import Series
from tools.snapshot import ClusterSnapshot

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CLUSTER = "specimen"
AGO = re.compile(r"<(\d+[smhd]) ago>")
CLUSTER_SCOPED = frozenset({"Node", "PersistentVolume", "StorageClass", "Namespace", "APIService"})
PARTS = frozenset({"pods", "objects", "events", "logs", "metrics", "alerts", "gaps", "why"})


def snapshot_of(specimen: Json) -> ClusterSnapshot:
    """Raises MalformedDetector for an unknown part or state."""
    unknown = set(specimen) - PARTS
    if unknown:
        raise MalformedDetector(
            f"a specimen has no part {', '.join(sorted(unknown))}; it has {', '.join(sorted(PARTS))}"
        )
    objects = [pod_in_state(name, state) for name, state in (specimen.get("pods") or {}).items()]
    objects += [_object(item) for item in specimen.get("objects") or ()]
    objects += [_event(number, event) for number, event in enumerate(specimen.get("events") or ())]
    return ClusterSnapshot(
        CLUSTER,
        Focus(cluster=CLUSTER, since=NOW - timedelta(hours=1), until=NOW),
        NOW,
        objects=objects,
        logs=[_log(log) for log in specimen.get("logs") or ()],
        metrics=[_metric(metric) for metric in specimen.get("metrics") or ()],
        alerts=[_alert(alert) for alert in specimen.get("alerts") or ()],
        gaps=[Gap(source=gap, query=gap, reason="denied") for gap in specimen.get("gaps") or ()],
    )


def ago(age: str) -> str:
    return (NOW - timedelta(seconds=read_duration(age))).isoformat().replace("+00:00", "Z")


def pod_in_state(name: str, state: str) -> Json:
    """A pod of Deployment ``name`` less its last part, with one container ``main``."""
    owner = name.rsplit("-", 1)[0]
    is_well = state == "well"
    status: Json = {
        "phase": "Pending" if state == "pending" else "Running",
        "conditions": [
            {"type": "Ready", "status": "True" if is_well else "False", "lastTransitionTime": ago("10m")},
            {"type": "PodScheduled", "status": "False" if state == "pending" else "True"},
        ],
    }
    if state != "pending":
        status["containerStatuses"] = [{"name": "main", "ready": is_well, **_container_state(state)}]
    return _object(
        {
            "kind": "Pod",
            "name": name,
            "labels": {"app": owner},
            "owner": f"Deployment/{owner}",
            "spec": {
                **({} if state == "pending" else {"nodeName": "node-1"}),
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example/app:1",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "resources": {"limits": {"memory": "512Mi"}},
                    }
                ],
            },
            "status": status,
        }
    )


def _container_state(state: str) -> Json:
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago("1m")}}
    running = {"running": {"startedAt": ago("60m")}}
    if state == "well":
        return {"restartCount": 0, "state": running}
    if state == "unready":
        return {"restartCount": 0, "state": running}
    if state == "crashing":
        return {"restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}
    if state == "terminated":
        return {"restartCount": 1, "state": ended}
    if state.startswith("waiting:"):
        return {"restartCount": 0, "state": {"waiting": {"reason": state.partition(":")[2]}}}
    raise MalformedDetector(f"a pod in a specimen cannot be {state!r}")


def _object(short: Json) -> Json:
    item: Json = _timed(
        {key: value for key, value in short.items() if key not in ("name", "labels", "owner", "namespace")}
    )
    metadata = item.setdefault("metadata", {})
    metadata["name"] = short.get("name", metadata.get("name", ""))
    if item["kind"] not in CLUSTER_SCOPED:
        metadata["namespace"] = short.get("namespace", "default")
    if "labels" in short:
        metadata["labels"] = short["labels"]
    if "owner" in short:
        kind, _, name = short["owner"].partition("/")
        metadata["ownerReferences"] = [{"kind": kind, "name": name, "controller": True, "apiVersion": "apps/v1"}]
    return item


def _timed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_timed(one) for one in value]
    if isinstance(value, str) and "<" in value:
        return AGO.sub(lambda found: ago(found.group(1)), value)
    return value


def _event(number: int, event: Json) -> Json:
    kind, _, name = event["about"].partition("/")
    namespace = "" if kind in CLUSTER_SCOPED else event.get("namespace", "default")
    at = ago(event.get("age", "2m"))
    about: Json = {"kind": kind, "name": name, "namespace": namespace}
    if "container" in event:
        about["fieldPath"] = f"spec.containers{{{event['container']}}}"
    return {
        "kind": "Event",
        "metadata": {"name": f"event-{number}", "namespace": namespace or "default"},
        "involvedObject": about,
        "reason": event.get("reason", ""),
        "type": event.get("type", "Warning"),
        "message": event.get("message", ""),
        "count": event.get("count", 1),
        "firstTimestamp": at,
        "lastTimestamp": at,
    }


def _log(log: Json) -> LogText:
    at = ago(log.get("age", "1m"))
    text = "\n".join(f"{at} {line}" for line in str(log["text"]).splitlines())
    if "node" in log:
        return LogText(ObjectRef(cluster=CLUSTER, kind="Node", name=log["node"]), "", text)
    reference = ObjectRef(cluster=CLUSTER, kind="Pod", namespace=log.get("namespace", "default"), name=log["pod"])
    return LogText(reference, log.get("container", "main"), text, is_previous=bool(log.get("previous")))


def _metric(metric: Json) -> MetricAnswer:
    values = metric["values"]
    start = NOW.timestamp() - read_duration(metric.get("age", "0s")) - 60 * (len(values) - 1)
    points = [(start + 60 * index, float(value)) for index, value in enumerate(values)]
    labels = {"namespace": "default", **metric.get("labels", {})}
    return MetricAnswer(key=metric["key"], query=metric["key"], series=[Series(labels=labels, points=points)])


def _alert(alert: Json) -> Alert:
    labels = {"namespace": "default", **alert.get("labels", {})}
    return Alert(
        source="specimen",
        fingerprint=alert["name"],
        status=alert.get("status", "firing"),
        name=alert["name"],
        severity=Severity.HIGH,
        cluster=CLUSTER,
        namespace=labels["namespace"],
        labels=labels,
        annotations=alert.get("annotations", {}),
        starts_at=NOW - timedelta(minutes=5),
    )
