"""What each verb of a story does to the stage: as a person, an operator, a kubelet or the world would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.recorder import reference_to
from evals.practice.controllers.resources import amount
from evals.practice.errors import ApiError, forbidden
from evals.practice.faults import acts
from evals.practice.faults.switch import catalogue
from evals.practice.hooks import LogLine, Operation
from evals.practice.kinds import resource_of
from evals.practice.kubelet.behaviour import Exit
from evals.practice.kubelet.trouble import Change
from evals.practice.kubelet.trouble import Obstacle as Standing
from evals.practice.platform.install import create
from evals.practice.store import copy_of, name_of, namespace_of
from evals.scenarios.format import Condition, Eviction, Obstacle, Program, Refusal, Said, Step, Told
from evals.scenarios.paths import put, reference
from evals.scenarios.stage import Stage, chosen_pods
from knowledge.errors import BadInput

Object = dict[str, Any]
_LOST = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
_NEVER = 1e9


def act(stage: Stage, step: Step) -> None:
    """Do one step, with its ``${...}`` filled in."""
    verb = step.verb
    value = getattr(step, verb)
    if hasattr(value, "model_dump"):
        value = type(value).model_validate(stage.filled(value.model_dump(by_alias=True)))
    else:
        value = stage.filled(value)
    VERB[verb](stage, value)


def let(stage: Stage, value: dict[str, str]) -> None:
    stage.names.update(value)


def fault(stage: Stage, name: str) -> None:
    _known_fault(name).inject(stage.store)


def heal(stage: Stage, name: str) -> None:
    _known_fault(name).heal(stage.store)


def _known_fault(name: str) -> Any:
    if name not in catalogue():
        raise BadInput(f"the practice cluster knows no fault {name!r} (known: {', '.join(catalogue())})")
    return catalogue()[name]


def apply(stage: Stage, objects: list[Object]) -> None:
    for one in objects:
        resource = resource_of(one["apiVersion"], one["kind"])
        if resource is None:
            raise BadInput(f"the practice cluster does not serve {one['apiVersion']} {one['kind']}")
        found = stage.store.find(resource, one["metadata"].get("namespace"), one["metadata"]["name"])
        made = create(stage.store, one) if found is None else stage.store.update(resource, copy_of(one))
        if one.get("status"):
            stage.store.set_status(resource, made, {**(made.get("status") or {}), **one["status"]})


def set_fields(stage: Stage, changes: dict[str, dict[str, Any]]) -> None:
    for text, fields in changes.items():
        row, namespace, name = reference(text)
        changed = copy_of(stage.store.get(row.store_key, namespace, name))
        for path, value in fields.items():
            put(changed, path, value)
        stage.store.update(row.store_key, changed)


def set_status(stage: Stage, changes: dict[str, dict[str, Any]]) -> None:
    for text, fields in changes.items():
        row, namespace, name = reference(text)
        found = stage.store.get(row.store_key, namespace, name)
        status = copy_of(found).get("status") or {}
        for path, value in fields.items():
            put(status, path, value)
        stage.store.set_status(row.store_key, found, status)


def delete(stage: Stage, names: list[str]) -> None:
    for text in names:
        row, namespace, name = reference(text)
        stage.store.get(row.store_key, namespace, name)
        stage.store.mark_deleted(row.store_key, namespace, name)


def delete_pods(stage: Stage, pods: str) -> None:
    chosen = chosen_pods(pods)
    for pod in stage.store.list("pods", chosen.namespace):
        if chosen.has(pod):
            stage.store.mark_deleted("pods", namespace_of(pod), name_of(pod))


def condition(stage: Stage, value: Condition) -> None:
    acts.set_node_condition(stage.store, value.node, value.type, value.status, value.reason, value.message)


def node_lost(stage: Stage, node: str) -> None:
    for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"):
        acts.set_node_condition(stage.store, node, kind, "Unknown", *_LOST)


def program(stage: Stage, value: Program) -> None:
    """From now on: running containers turn, later ones start so."""
    changes = stage.running.kubelets.troubles.changes
    pods = chosen_pods(value.pods, container=value.container, node=value.node)
    if value.usual:
        changes[:] = [one for one in changes if one.pods != pods]
    else:
        changes.append(Change(pods, _fields(value)))
    for worker in stage.workers(value.pods, node=value.node):
        for container in worker.containers:
            if pods.has(worker.pod, str(container.spec["name"])):
                container.turn()


def _fields(value: Program) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if value.output:
        fields["output"] = tuple((0.5 * (number + 1), line) for number, line in enumerate(value.output))
    if value.exits is not None:
        fields["exit"] = Exit(
            max(value.exits.after, 0.5 * len(value.output) + 0.2), value.exits.code, value.exits.message
        )
    if value.memory:
        fields.update(memory_bytes=int(amount(value.memory)), memory_after=max(2.0, 0.5 * len(value.output) + 1.0))
    if value.cpu is not None:
        fields["cpu_cores"] = value.cpu
    if not value.is_ready:
        fields.update(ready_after=_NEVER, unready_status=value.health_status)
        fields["unready_paths"] = value.unready_paths or None
    if value.refuses:
        fields["ports"] = {}
    if value.is_hung:
        fields["is_hung"] = True
    if value.start_error:
        fields["start_error"] = value.start_error
    return fields


def obstacle(stage: Stage, value: Obstacle) -> None:
    standing = stage.running.kubelets.troubles.obstacles
    pods = chosen_pods(value.pods)
    if value.usual:
        standing[:] = [one for one in standing if one.pods != pods]
    else:
        standing.append(Standing(pods, value.at, value.reason, value.message))


def refuse(stage: Stage, value: Refusal) -> None:
    chosen = chosen_pods(value.pods)

    def step(operation: Operation, resource: str, new: Object | None, old: Object | None, subresource: str) -> None:  # noqa: ARG001
        if operation != "CREATE" or resource != "pods" or new is None or not chosen.has(new):
            return
        if value.status == 403:
            raise forbidden("pods", "", name_of(new), value.message)
        raise ApiError(500, "InternalError", f"Internal error occurred: {value.message}")

    stage.store.admission.append(step)


def evict(stage: Stage, value: Eviction) -> None:
    found = stage.workers(value.pods, node=value.node)
    if not found:
        raise LookupError(f"no pod {value.pods} to evict on {value.node}")
    for worker in found:
        worker.evict(value.message)


def log(stage: Stage, value: Said) -> None:
    chosen = chosen_pods(value.pods, container=value.container)
    said = 0
    for worker in stage.workers(value.pods):
        for container in worker.containers:
            if container.run is not None and container.view.running and chosen.has(worker.pod, container.spec["name"]):
                now = stage.clock.now()
                container.run.extra.extend(
                    LogLine(now + timedelta(seconds=number * value.seconds_apart), line)
                    for number, line in enumerate(value.lines)
                )
                said += 1
    if not said:
        raise LookupError(f"no running container of {value.pods} to print anything")


def event(stage: Stage, value: Told) -> None:
    row, namespace, name = reference(value.about)
    found = stage.store.find(row.store_key, namespace, name)
    if found is None:  # events outlive their objects
        meta = {"name": name, "uid": f"gone-{name}"} | ({"namespace": namespace} if namespace else {})
        found = {"apiVersion": row.api_version, "kind": row.kind, "metadata": meta}
    last = stage.clock.now() - timedelta(minutes=value.age)
    first = last - timedelta(minutes=min(value.count - 1, 30))
    stage.store.create("events", {
        "metadata": {"name": f"{name}.{stage.store.version:016x}", "namespace": namespace or "default"},
        "involvedObject": reference_to(found, value.component), "reason": value.reason, "message": value.message,
        "type": value.type, "source": {"component": value.component}, "firstTimestamp": timestamp(first),
        "lastTimestamp": timestamp(last), "count": value.count, "eventTime": None,
        "reportingComponent": value.component, "reportingInstance": "",
    })  # fmt: skip


def load(stage: Stage, factors: dict[str, float]) -> None:
    stage.running.traffic.load_factor.update(factors)
    stage.running.traffic.flows()


def restart(stage: Stage, name: str) -> None:
    _, namespace, own = reference(name)
    acts.restart(stage.store, str(namespace), own)


VERB: dict[str, Callable[[Stage, Any], None]] = {
    "let": let, "fault": fault, "heal": heal, "apply": apply, "set": set_fields, "status": set_status, "delete": delete,
    "delete_pods": delete_pods, "condition": condition, "node_lost": node_lost, "program": program, "obstacle": obstacle,
    "evict": evict, "refuse": refuse, "log": log, "event": event, "load": load, "restart": restart,
}  # fmt: skip
