"""Puts back what terminals leave out of an object's state and its events tell: why a pod waits, which container is meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from knowledge.vocabulary import Json

_CONTAINER = re.compile(
    r"\b(?:container:?|containers? named) \"?(?P<name>[a-z0-9][a-z0-9\-]{0,62})\"?(?: in pod|,|$| to | failed)"
)
_KUBELET = frozenset(
    [
        "Created",
        "Started",
        "Pulling",
        "Pulled",
        "Failed",
        "BackOff",
        "Killing",
        "Unhealthy",
        "ProbeWarning",
        "FailedPostStartHook",
        "FailedPreStopHook",
        "ErrImageNeverPull",
        "InspectFailed",
    ]
)
_IMAGE_WAITS = frozenset(
    [
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    ]
)
_CREATE_WAITS = frozenset(["CreateContainerConfigError", "CreateContainerError", "RunContainerError"])

_About = Mapping[tuple[str, str, str], Sequence[Json]]


def enrich(objects: Sequence[Json], events: Sequence[Json]) -> None:
    about: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
    for event in events:
        subject = event["involvedObject"]
        about[subject["kind"], subject.get("namespace", ""), subject["name"]].append(event)
    for item in objects:
        if item["kind"] == "Pod" and isinstance(item.get("status"), dict):
            own = about.get(("Pod", str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"])), ())
            _explain_scheduling(item, own)
            _explain_waiting(item, own)
            _name_in_events(item, own)
        elif item["kind"] == "Job" and isinstance(item.get("status"), dict):
            _end_job(
                item,
                about.get(("Job", str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"])), ()),
            )
    _count_ready(objects)


def _end_job(job: Json, events: Sequence[Json]) -> None:
    """``describe`` leaves a Job's conditions out; the controller's event says that it gave up."""
    conditions = job["status"].get("conditions", [])
    for reason in ("BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy"):
        message = _last(events, reason)
        if (
            message
            and isinstance(conditions, list)
            and not any(isinstance(one, dict) and one.get("type") == "Failed" for one in conditions)
        ):
            conditions.append({"type": "Failed", "status": "True", "reason": reason, "message": message})
            job["status"]["conditions"] = conditions


def _last(events: Sequence[Json], reason: str, words: str = "") -> str:
    found = [event for event in events if event["reason"] == reason and words in event["message"]]
    return str(max(found, key=lambda event: str(event.get("lastTimestamp") or ""))["message"]) if found else ""


def _explain_scheduling(pod: Json, events: Sequence[Json]) -> None:
    """``describe`` shows of conditions only type and status; the scheduler's event is what the condition says."""
    message = _last(events, "FailedScheduling")
    conditions = pod["status"].get("conditions")
    if not isinstance(conditions, list) or not message or (pod.get("spec") or {}).get("nodeName"):
        return
    scheduled = next((one for one in conditions if isinstance(one, dict) and one.get("type") == "PodScheduled"), None)
    if scheduled is None:
        scheduled = {"type": "PodScheduled", "status": "False"}
        conditions.append(scheduled)
    if scheduled.get("status") == "False":
        scheduled.setdefault("reason", "Unschedulable")
        scheduled.setdefault("message", message)


def _explain_waiting(pod: Json, events: Sequence[Json]) -> None:
    for field in ("containerStatuses", "initContainerStatuses"):
        statuses = pod["status"].get(field)
        for status in statuses if isinstance(statuses, list) else ():
            waiting = (status.get("state") or {}).get("waiting") if isinstance(status, dict) else None
            if not isinstance(waiting, dict) or waiting.get("message"):
                continue
            reason = waiting.get("reason")
            message = ""
            if reason in _IMAGE_WAITS:
                message = (
                    _last(events, "Failed", "image")
                    or _last(events, "BackOff", "image")
                    or _last(events, "InspectFailed")
                )
            elif reason in _CREATE_WAITS:
                message = _last(events, "Failed", "Error:").removeprefix("Error: ") or _last(events, "Failed")
            elif reason == "CrashLoopBackOff":
                message = _last(events, "BackOff", "restarting")
            if message:
                waiting["message"] = message


def _name_in_events(pod: Json, events: Sequence[Json]) -> None:
    """Which container an event of the kubelet means: the one it names, or the only one."""
    containers = (pod.get("spec") or {}).get("containers")
    names = (
        [str(one.get("name")) for one in containers if isinstance(one, dict)] if isinstance(containers, list) else []
    )
    init = (pod.get("spec") or {}).get("initContainers") or ()
    for event in events:
        if event["reason"] not in _KUBELET or event["involvedObject"].get("fieldPath"):
            continue
        found = _CONTAINER.search(event["message"])
        name = found["name"] if found else names[0] if len(names) == 1 and not init else ""
        if name in names:
            event["involvedObject"]["fieldPath"] = f"spec.containers{{{name}}}"
        elif name:
            event["involvedObject"]["fieldPath"] = f"spec.initContainers{{{name}}}"


def _count_ready(objects: Sequence[Json]) -> None:
    """``describe`` of ReplicaSets and StatefulSets counts what runs, not what is ready: that is counted from the pods."""
    ready: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for item in objects:
        if item["kind"] != "Pod":
            continue
        owner = next(iter(item["metadata"].get("ownerReferences") or ()), None)
        if isinstance(owner, dict):
            key = (str(owner.get("kind")), str(item["metadata"].get("namespace") or ""), str(owner.get("name")))
            ready[key].append(_is_ready(item))
    for item in objects:
        status = item.get("status")
        if item["kind"] not in {"ReplicaSet", "StatefulSet"} or not isinstance(status, dict):
            continue
        running = status.pop("runningReplicas", None)
        if "readyReplicas" not in status and running is not None:
            pods = ready.get(
                (item["kind"], str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"]))
            )
            status["readyReplicas"] = sum(pods) if pods else running


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions")
    given = conditions if isinstance(conditions, list) else ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in given if isinstance(one, dict))
