"""The STATUS column of pods, taken back to what it was made of: phase, reasons of containers, restarts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from knowledge.vocabulary import Json
from tools.transcript.harvest import Harvest

if TYPE_CHECKING:
    from tools.transcript.row_readers import Row

UNNAMED = "(unnamed)"
"""A container whose name no output tells."""

_PHASES = {
    "Running": "Running", "Pending": "Pending", "Completed": "Succeeded", "Succeeded": "Succeeded", "Error": "Failed", "Failed": "Failed",
    "Unknown": "Unknown", "Evicted": "Failed", "NodeLost": "Unknown", "Terminating": "Running", "NotReady": "Running",
    "ContainerCreating": "Pending", "PodInitializing": "Pending", "SchedulingGated": "Pending", "OOMKilled": "Failed",
    "ImagePullBackOff": "Pending", "ErrImagePull": "Pending", "InvalidImageName": "Pending", "ErrImageNeverPull": "Pending",
    "CreateContainerConfigError": "Pending", "CreateContainerError": "Pending", "CrashLoopBackOff": "Running",
    "RunContainerError": "Running", "DeadlineExceeded": "Failed", "ContainerCannotRun": "Failed",
}  # fmt: skip
_POD_REASONS = frozenset(
    [
        "Evicted",
        "NodeLost",
        "NodeAffinity",
        "UnexpectedAdmissionError",
        "Shutdown",
        "Terminated",
        "Preempting",
        "DeadlineExceeded",
        "NodeShutdown",
        "TopologyAffinityError",
        "OutOfcpu",
        "OutOfmemory",
        "OutOfpods",
        "OutOfephemeral-storage",
        "Preempted",
    ]
)
_RESTARTS = re.compile(r"(\d{1,7})(?:\s+\((\S+) ago\))?")


def read_pod_row(row: Row, item: Json, harvest: Harvest) -> None:
    """What a row tells of a pod. Containers are unnamed here; merging names them where another output does."""
    spec, status = item["spec"], item["status"]
    word = row.say("STATUS") or row.get("STATUS", "")
    ready = row.parts("READY") or (0, 0)
    restarts = _RESTARTS.match(row.get("RESTARTS", ""))
    count = int(restarts.group(1)) if restarts else 0
    restarted = harvest.ago(restarts.group(2)) if restarts and restarts.group(2) else None
    status["phase"] = phase_of(word, ready)
    if word in _POD_REASONS or word.startswith("OutOf"):
        status["reason"] = word
    if word == "Terminating":
        item["metadata"]["deletionTimestamp"] = harvest.ago("0s")
    if address := row.say("IP"):
        status["podIP"] = address
    if node := row.say("NODE"):
        spec["nodeName"] = node
    if word.startswith("Init:"):
        status["initContainerStatuses"] = [_init(word, count)]
        count = 0
    if ready[1] and word not in {"Pending", "SchedulingGated"}:
        status["containerStatuses"] = _containers(word, ready, count, restarted, status["phase"])
    is_ready = ready[1] > 0 and ready[0] == ready[1]
    status["conditions"] = _conditions(is_ready, word, node or status.get("podIP", ""), row)


def phase_of(word: str, ready: tuple[int, int]) -> str:
    if word.startswith("Init:"):
        return "Pending"
    if word.startswith(("ExitCode:", "Signal:", "OutOf")) or word in _POD_REASONS:
        return "Failed"
    if word == "OOMKilled" and ready[0] > 0:
        return "Running"
    return _PHASES.get(word, "Running" if ready[0] else "Pending")


def _conditions(is_ready: bool, word: str, is_placed: str, row: Row) -> list[Json]:
    flag = "True" if is_ready else "False"
    found: list[Json] = [{"type": "Ready", "status": flag}, {"type": "ContainersReady", "status": flag}]
    if is_placed or word not in {"Pending", "SchedulingGated"}:
        found.append({"type": "PodScheduled", "status": "True"})
    elif "NODE" in row or word == "SchedulingGated":
        found.append({"type": "PodScheduled", "status": "False"})
    return found


def _init(word: str, count: int) -> Json:
    reason = word.partition(":")[2]
    if "/" in reason:
        return {"name": UNNAMED, "ready": False, "restartCount": count, "state": {"running": {}}}
    if reason.startswith(("Error", "OOMKilled", "ExitCode", "Signal")):
        return {"name": UNNAMED, "ready": False, "restartCount": count, "state": {"terminated": _ended(reason)}}
    return {"name": UNNAMED, "ready": False, "restartCount": count, "state": {"waiting": {"reason": reason}}}


def _ended(word: str) -> Json:
    kind, _, code = word.partition(":")
    if kind == "ExitCode" and code.isdigit():
        return {"reason": "Error", "exitCode": int(code[:6])}
    if kind == "Signal" and code.isdigit():
        return {"reason": "Error", "signal": int(code[:6])}
    if kind == "OOMKilled":
        return {"reason": "OOMKilled", "exitCode": 137}
    return {"reason": word, **({"exitCode": 0} if word == "Completed" else {})}


def _containers(word: str, ready: tuple[int, int], count: int, restarted: str | None, phase: str) -> list[Json]:
    """As many statuses as READY counts. The word belongs to the first container that is not ready; restarts are a sum."""
    statuses: list[Json] = []
    for at in range(min(ready[1], 50)):
        is_ready = at < ready[0]
        one: Json = {"name": UNNAMED, "ready": is_ready, "restartCount": 0, "lastState": {}, "state": {"running": {}}}
        if not is_ready:
            one["state"] = _state(word, phase)
        statuses.append(one)
    worst = next((one for one in statuses if not one["ready"]), statuses[0])
    worst["restartCount"] = count
    if restarted:
        worst["lastState"] = {"terminated": {"finishedAt": restarted}}
    return statuses


def _state(word: str, phase: str) -> Json:
    if word in {"Running", "NotReady", "Terminating"}:
        return {"running": {}}
    if word in {"Completed", "Error", "OOMKilled", "ContainerCannotRun", "DeadlineExceeded"} or word.startswith(
        ("ExitCode:", "Signal:")
    ):
        return {"terminated": _ended(word)}
    if word in {"Pending", "SchedulingGated", "Unknown", "NodeLost"} or word in _POD_REASONS:
        return {}
    if word.startswith("Init:"):
        return {"waiting": {"reason": "PodInitializing"}}
    return {"waiting": {"reason": word}} if phase != "Failed" else {"terminated": _ended(word)}
