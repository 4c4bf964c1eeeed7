"""A snapshot of the practice cluster, taken from its store: what a gather would bring, without HTTP and without waiting."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from evals.practice.hooks import LogRequest
from evals.practice.kinds import KINDS
from knowledge.vocabulary import Focus, ObjectRef
from tests.practice.faults.world import World
from tools.contracts import LogText, MetricAnswer
from tools.ports import Series
from tools.snapshot import ClusterSnapshot

CLUSTER = "practice"
SAMPLE = re.compile(r"^(vllm:num_requests_waiting|DCGM_FI_DEV_XID_ERRORS)\{([^}]*)\} (\S+)", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


def snapshot_of_world(world: World, *, namespaces: tuple[str, ...] = ()) -> ClusterSnapshot:
    now = world.clock.now()
    objects: list[dict[str, Any]] = []
    for kind in KINDS:
        if kind.kind != "Secret" and not kind.virtual and not kind.stored_as:
            version = f"{kind.group}/{kind.version}" if kind.group else kind.version
            objects += [{**item, "kind": kind.kind, "apiVersion": version} for item in world.store.each(kind.resource)]
    focus = Focus(cluster=CLUSTER, namespaces=namespaces, since=now - timedelta(hours=1), until=now)
    return ClusterSnapshot(CLUSTER, focus, now, objects=objects, logs=_logs(world), metrics=_metrics(world))


def _logs(world: World) -> list[LogText]:
    found = []
    for pod in world.store.each("pods"):
        metadata = pod["metadata"]
        reference = ObjectRef(cluster=CLUSTER, kind="Pod", namespace=metadata["namespace"], name=metadata["name"])
        for row in pod.get("status", {}).get("containerStatuses") or ():
            for previous in (False, True):
                text = _log(world, pod, row["name"], previous)
                if text:
                    found.append(LogText(reference, row["name"], text, is_previous=previous))
    return found


def _log(world: World, pod: dict[str, Any], container: str, previous: bool) -> str:
    from evals.practice.errors import ApiError

    assert world.running.logs is not None
    try:
        lines = list(world.running.logs.lines(LogRequest(pod, container, previous, False)))
    except ApiError:
        return ""
    return "\n".join(f"{line.at.isoformat()} {line.text}" for line in lines[-500:])


def _metrics(world: World) -> list[MetricAnswer]:
    exposition = getattr(world.running, "exposition", None)
    text = exposition.text() if exposition is not None else ""
    now = world.clock.now().timestamp()
    keys = {"vllm:num_requests_waiting": "vllm_requests_waiting", "DCGM_FI_DEV_XID_ERRORS": "gpu_xid"}
    return [
        MetricAnswer(keys[name], name, [Series(labels=dict(LABEL.findall(labels)), points=[(now, float(value))])])
        for name, labels, value in SAMPLE.findall(text)
    ]
