"""The cells of a pod's row: what `kubectl get pods` shows as READY, STATUS and RESTARTS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evals.practice.hooks import Object

NONE = "<none>"
Age = Callable[[str], str]


def pod_cells(pod: Object, age: Age) -> tuple[str, str, str, list[Any]]:
    """(ready, status, restarts, [ip, node, nominated node, readiness gates])"""
    spec, status = pod["spec"], pod.get("status", {})
    statuses = status.get("containerStatuses") or []
    ready = sum(1 for one in statuses if one.get("ready") and "running" in (one.get("state") or {}))
    restarts = sum(one.get("restartCount", 0) for one in statuses)
    state = _state(pod)
    last = max((_finished(one) for one in statuses), default="")
    restarted = f"{restarts} ({age(last)} ago)" if restarts and last else str(restarts)
    gates = spec.get("readinessGates") or []
    met = {c["type"] for c in status.get("conditions") or [] if c.get("status") == "True"}
    shown_gates = f"{sum(g['conditionType'] in met for g in gates)}/{len(gates)}" if gates else NONE
    tail = [
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        shown_gates,
    ]
    return f"{ready}/{len(spec.get('containers') or [])}", state, restarted, tail


def _finished(status: Object) -> str:
    return str(((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or "")


def _container_reason(status: Object) -> str:
    state = status.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting.get("reason"):
        return str(waiting["reason"])
    if ended.get("reason"):
        return str(ended["reason"])
    if "terminated" in state:
        return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
    return ""


def _init_state(pod: Object) -> str:
    """`Init:...` while an init container is not done, else ""."""
    total = len(pod["spec"].get("initContainers") or [])
    for index, one in enumerate(pod.get("status", {}).get("initContainerStatuses") or []):
        state = one.get("state") or {}
        ended = state.get("terminated")
        if ended is not None and ended.get("exitCode", 0) == 0:
            continue
        if ended is not None:
            return "Init:" + _container_reason(one)
        waiting = (state.get("waiting") or {}).get("reason", "")
        if waiting and waiting != "PodInitializing":
            return "Init:" + str(waiting)
        return f"Init:{index}/{total}"
    return ""


def _state(pod: Object) -> str:
    status = pod.get("status", {})
    shown = str(status.get("reason") or status.get("phase") or "Unknown")
    conditions = status.get("conditions") or []
    if any(c["type"] == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in conditions):
        shown = "SchedulingGated"
    starting = _init_state(pod)
    if starting:
        shown = starting
    else:
        running = False
        for one in reversed(status.get("containerStatuses") or []):
            reason = _container_reason(one)
            if reason:
                shown = reason
            elif one.get("ready") and "running" in (one.get("state") or {}):
                running = True
        if shown == "Completed" and running:
            ready = any(c["type"] == "Ready" and c.get("status") == "True" for c in conditions)
            shown = "Running" if ready else "NotReady"
    if pod["metadata"].get("deletionTimestamp"):
        shown = "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return shown
