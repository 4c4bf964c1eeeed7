"""Whether a pod looks troubled: only to choose whose logs are worth reading. What is wrong is the detectors' business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge.vocabulary import Json

_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_SERVICE_LABELS = (
    "app",
    "app.kubernetes.io/name",
    "service",
    "app.kubernetes.io/instance",
    "serving.kserve.io/inferenceservice",
)


@dataclass(frozen=True, slots=True)
class PodHealth:
    is_unhealthy: bool
    reason: str = ""


WELL = PodHealth(is_unhealthy=False)


def health_of(pod: Json, since: datetime) -> PodHealth:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return WELL
    if status.get("phase") in {"Failed", "Unknown"}:
        return PodHealth(is_unhealthy=True, reason=str(status.get("reason") or status["phase"]))
    statuses = _statuses(pod)
    if statuses and all(each.get("ready") and not each.get("restartCount") for each in statuses):
        return WELL
    for each in statuses:
        state = each.get("state") or {}
        if (waiting := state.get("waiting")) and waiting.get("reason") not in _STARTING:
            return PodHealth(is_unhealthy=True, reason=str(waiting.get("reason", "")))
        if (state.get("terminated") or {}).get("exitCode"):
            return PodHealth(is_unhealthy=True, reason="exited")
        if _restarted_lately(each, since):
            return PodHealth(is_unhealthy=True, reason="restarted")
        if "running" in state and each.get("ready") is False:
            return PodHealth(is_unhealthy=True, reason="not ready")
    return WELL


def _restarted_lately(container: Json, since: datetime) -> bool:
    last = (container.get("lastState") or {}).get("terminated") or {}
    try:
        finished = datetime.fromisoformat(str(last["finishedAt"]))
    except (KeyError, ValueError):
        return False
    return finished >= since - timedelta(hours=1)


def has_started(pod: Json, container: str) -> bool:
    """Whether the container's present state has a log; before its first start there is none."""
    each = _status(pod, container)
    state = each.get("state") or {}
    return "running" in state or "terminated" in state or bool(each.get("restartCount"))


def has_previous(pod: Json, container: str) -> bool:
    each = _status(pod, container)
    return bool(each.get("restartCount")) or "terminated" in (each.get("lastState") or {})


def owner_key(pod: Json) -> str:
    metadata = pod.get("metadata") or {}
    owners = metadata.get("ownerReferences") or [{}]
    return f"{metadata.get('namespace')}/{owners[0].get('uid') or metadata.get('name')}"


def runs_to_an_end(pod: Json) -> bool:
    """Whether the pod is part of a run that is under way (a Job, a training), not of a service."""
    is_running = (pod.get("status") or {}).get("phase") == "Running"
    return is_running and (pod.get("spec") or {}).get("restartPolicy") in {"Never", "OnFailure"}


def serves(pod: Json, service: str) -> bool:
    """Whether the pod is by its labels, or by its name, one of this service."""
    metadata = pod.get("metadata") or {}
    labels = metadata.get("labels") or {}
    return any(labels.get(label) == service for label in _SERVICE_LABELS) or str(metadata.get("name", "")).startswith(
        f"{service}-"
    )


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _status(pod: Json, container: str) -> Json:
    return next((each for each in _statuses(pod) if each.get("name") == container), {})
