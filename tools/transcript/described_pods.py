"""Pods, and the workloads that make them, from ``describe``."""

from __future__ import annotations

import re

from knowledge.vocabulary import Json
from tools.transcript.containers import read_containers, read_tolerations, read_volumes
from tools.transcript.described import counts, read_annotations, read_conditions, read_selector, whole
from tools.transcript.harvest import Harvest
from tools.transcript.times import rfc3339, time_in
from tools.transcript.tree import Branch, pairs, told


def read_pod(tree: Branch, item: Json, harvest: Harvest) -> None:
    spec, status = item["spec"], item["status"]
    containers, statuses = read_containers(tree.child("Containers"))
    init, init_statuses = read_containers(tree.child("Init Containers"))
    spec["containers"] = containers
    if init:
        spec["initContainers"] = init
    if statuses:
        status["containerStatuses"] = statuses
    if init_statuses:
        status["initContainerStatuses"] = init_statuses
    _pod_common(tree, spec)
    node, _, address = tree.text("Node").partition("/")
    if node:
        spec["nodeName"] = node
    if address:
        status["hostIP"] = address
    phase = tree.text("Status")
    if phase.startswith("Terminating"):
        lasts = re.search(r"lasts ([\w.]+)", phase)
        item["metadata"]["deletionTimestamp"] = (harvest.ago(lasts.group(1)) if lasts else None) or rfc3339(harvest.now)
        phase = "Running" if statuses else "Pending"
    status["phase"] = phase or (
        "Running" if any(one["state"].get("running") or one["restartCount"] for one in statuses) else "Pending"
    )
    for key, field in (("IP", "podIP"), ("Reason", "reason"), ("QoS Class", "qosClass"), ("Message", "message")):
        if value := tree.text(key):
            status[field] = value
    if conditions := read_conditions(tree.child("Conditions")):
        status["conditions"] = conditions
    if at := rfc3339(time_in(tree.text("Start Time"))):
        status["startTime"] = at
        item["metadata"].setdefault("creationTimestamp", at)


def _pod_common(tree: Branch, spec: Json) -> None:
    """What a pod and a template of pods share."""
    if account := tree.text("Service Account"):
        spec["serviceAccountName"] = account
    if volumes := read_volumes(tree.child("Volumes")):
        spec["volumes"] = volumes
    if selectors := pairs(tree.child("Node-Selectors")):
        spec["nodeSelector"] = selectors
    if (branch := tree.child("Tolerations")) and (tolerations := read_tolerations(branch.entries())):
        spec["tolerations"] = tolerations
    for key, field in (("Priority Class Name", "priorityClassName"), ("Runtime Class Name", "runtimeClassName")):
        if value := tree.text(key):
            spec[field] = value
    if (priority := whole(tree.text("Priority"))) is not None:
        spec["priority"] = priority
    if gates := [line.strip() for line in _body(tree.child("Scheduling Gates"))]:
        spec["schedulingGates"] = [{"name": gate} for gate in gates]


def _body(branch: Branch | None) -> list[str]:
    return branch.body() if branch else []


def read_template(branch: Branch | None) -> Json:
    if branch is None:
        return {}
    containers, _ = read_containers(branch.child("Containers"))
    init, _ = read_containers(branch.child("Init Containers"))
    spec: Json = {"containers": containers}
    if init:
        spec["initContainers"] = init
    _pod_common(branch, spec)
    metadata: Json = {}
    if labels := pairs(branch.child("Labels")):
        metadata["labels"] = labels
    if annotations := read_annotations(branch.child("Annotations")):
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": spec}


def _workload(tree: Branch, item: Json) -> tuple[Json, Json]:
    spec, status = item["spec"], item["status"]
    if template := read_template(tree.child("Pod Template")):
        spec["template"] = template
    if selector := read_selector(tree):
        spec["selector"] = {"matchLabels": selector}
    if conditions := read_conditions(tree.child("Conditions")):
        status["conditions"] = conditions
    revision = (item["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", "")
    if revision.isdigit():
        item["metadata"]["generation"] = int(revision)
        status["observedGeneration"] = int(revision)
    return spec, status


def read_deployment(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = _workload(tree, item)
    told_counts = counts(tree.text("Replicas"))
    if told_counts:
        spec["replicas"] = told_counts.get("desired", 0)
        status["replicas"] = told_counts.get("total", 0)
        status["updatedReplicas"] = told_counts.get("updated", 0)
        status["availableReplicas"] = told_counts.get("available", 0)
        status["readyReplicas"] = told_counts.get("available", 0)
        status["unavailableReplicas"] = told_counts.get("unavailable", 0)
    strategy: Json = {"type": tree.text("StrategyType") or "RollingUpdate"}
    rolling = re.match(r"(\S+) max unavailable, (\S+) max surge", tree.text("RollingUpdateStrategy"))
    if rolling:
        strategy["rollingUpdate"] = {"maxUnavailable": _share(rolling.group(1)), "maxSurge": _share(rolling.group(2))}
    spec["strategy"] = strategy
    if (seconds := whole(tree.text("MinReadySeconds"))) is not None:
        spec["minReadySeconds"] = seconds
    if "paused" in tree.text("Conditions").lower() or tree.text("Paused") == "true":
        spec["paused"] = True


def _share(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def read_replica_set(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = _workload(tree, item)
    numbers = counts(tree.text("Replicas"))
    spec["replicas"] = numbers.get("desired", numbers.get("total", 0))
    status["replicas"] = numbers.get("current", 0)
    _pods_status(tree, status)


def _pods_status(tree: Branch, status: Json) -> None:
    """Of pods only how many run is told; ready ones are counted where the table of ``get`` tells them."""
    running = counts(tree.text("Pods Status", "Pods Statuses"))
    if running:
        status.setdefault("runningReplicas", running.get("running", 0))


def read_stateful_set(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = _workload(tree, item)
    numbers = counts(tree.text("Replicas"))
    spec["replicas"] = numbers.get("desired", 0)
    status["replicas"] = numbers.get("total", numbers.get("current", 0))
    _pods_status(tree, status)
    strategy = tree.text("Update Strategy")
    if strategy:
        spec["updateStrategy"] = {"type": strategy}
    claims = tree.child("Volume Claims")
    templates = [_claim(each) for each in _grouped(claims)]
    if templates:
        spec["volumeClaimTemplates"] = templates


def _grouped(branch: Branch | None) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for child in branch.children if branch else ():
        if child.key == "Name" or not found:
            found.append({})
        found[-1][child.key] = told(child.value)
    return found


def _claim(given: dict[str, str]) -> Json:
    spec: Json = {
        "accessModes": given.get("Access Modes", "").strip("[]").replace(",", " ").split(),
        "resources": {"requests": {"storage": given.get("Capacity", "")}},
    }
    if given.get("StorageClass"):
        spec["storageClassName"] = given["StorageClass"]
    return {"metadata": {"name": given.get("Name", "")}, "spec": spec}


def read_daemon_set(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = _workload(tree, item)
    if (selector := pairs(tree.child("Node-Selector"))) and "template" in spec:
        spec["template"]["spec"]["nodeSelector"] = selector
    for key, field in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        if (value := whole(tree.text(key))) is not None:
            status[field] = value
    if "numberAvailable" in status:
        status["numberReady"] = status["numberAvailable"]
        status["numberUnavailable"] = max(0, status.get("desiredNumberScheduled", 0) - status["numberAvailable"])


def read_job(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = _workload(tree, item)
    for key, field in (
        ("Parallelism", "parallelism"), ("Completions", "completions"), ("Backoff Limit", "backoffLimit"),
    ):  # fmt: skip
        if (value := whole(tree.text(key))) is not None:
            spec[field] = value
    if (seconds := whole(tree.text("Active Deadline Seconds"))) is not None:
        spec["activeDeadlineSeconds"] = seconds
    if tree.text("Suspend") == "true":
        spec["suspend"] = True
    for key, field in (("Start Time", "startTime"), ("Completed At", "completionTime")):
        if at := rfc3339(time_in(tree.text(key))):
            status[field] = at
    numbers = counts(tree.text("Pods Statuses", "Pods Status"))
    for word, field in (("active", "active"), ("running", "active"), ("succeeded", "succeeded"), ("failed", "failed")):
        if word in numbers:
            status[field] = numbers[word]
    if "completionTime" in status:
        status.setdefault("conditions", []).append({"type": "Complete", "status": "True"})


def read_cron_job(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    spec["schedule"] = tree.text("Schedule")
    spec["suspend"] = tree.text("Suspend").lower() == "true"
    spec["concurrencyPolicy"] = tree.text("Concurrency Policy")
    if template := read_template(tree.child("Pod Template")):
        spec["jobTemplate"] = {"spec": {"template": template}}
    if at := rfc3339(time_in(tree.text("Last Schedule Time"))):
        status["lastScheduleTime"] = at
