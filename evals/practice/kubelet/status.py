"""The status of a pod as a kubelet writes it: a pure function of what its containers do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(slots=True)
class ContainerView:
    """One container's state, as far as the status tells it."""

    spec: Object
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Object = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0
    image: str = ""
    """The name that the runtime reports once it runs; until then the one of the spec."""
    image_id: str = ""
    container_id: str = ""

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def terminated(self) -> Object | None:
        found: Object | None = self.state.get("terminated")
        return found

    @property
    def has_stopped(self) -> bool:
        """Terminated, also while it waits for its next start."""
        return "terminated" in self.state or ("waiting" in self.state and bool(self.last_state))

    def row(self) -> Object:
        found: Object = {
            "name": self.spec["name"], "state": self.state, "lastState": self.last_state, "ready": self.ready,
            "restartCount": self.restarts, "image": self.image or self.spec["image"], "imageID": self.image_id,
        }  # fmt: skip
        if self.container_id:
            found["containerID"] = self.container_id
        found["started"] = self.started
        mounts = [_mount(one) for one in self.spec.get("volumeMounts") or ()]
        if mounts:
            found["volumeMounts"] = mounts
        return found


def _mount(mount: Object) -> Object:
    found: Object = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        found.update(readOnly=True, recursiveReadOnly="Disabled")
    return found


@dataclass(slots=True)
class PodView:
    """Everything the status of one pod is made of."""

    pod: Object
    containers: list[ContainerView]
    inits: list[ContainerView]
    host_address: str = ""
    address: str = ""
    start_time: str = ""
    ended: tuple[str, str] | None = None
    """(reason, message) when the kubelet ended the pod itself."""

    def phase(self) -> str:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        if self.ended:
            return "Failed"
        if policy == "Never" and any(one.terminated and one.terminated["exitCode"] for one in self.inits):
            return "Failed"
        if not self.initialized() or any(not one.running and not one.has_stopped for one in self.containers):
            return "Pending"
        if any(one.running for one in self.containers) or policy == "Always":
            return "Running"
        codes = [one.terminated["exitCode"] for one in self.containers if one.terminated]
        if len(codes) < len(self.containers):
            return "Running"
        if not any(codes):
            return "Succeeded"
        return "Failed" if policy == "Never" else "Running"

    def initialized(self) -> bool:
        return all(one.terminated is not None and one.terminated["exitCode"] == 0 for one in self.inits)

    def status(self, old: Object, now: str) -> Object:
        """The whole status; times of conditions that did not change are kept from `old`."""
        phase = self.phase()
        found: Object = {"phase": phase, "conditions": _with_times(self._conditions(phase), old, now)}
        if self.ended:
            found["reason"], found["message"] = self.ended
        if self.host_address:
            found["hostIP"] = self.host_address
            found["hostIPs"] = [{"ip": self.host_address}]
        if self.address:
            found["podIP"] = self.address
            found["podIPs"] = [{"ip": self.address}]
        found["startTime"] = self.start_time
        if self.inits:
            found["initContainerStatuses"] = [one.row() for one in self.inits]
        found["containerStatuses"] = [one.row() for one in self.containers]
        found["qosClass"] = old.get("qosClass", "BestEffort")
        return found

    def _conditions(self, phase: str) -> list[Object]:
        if phase in ("Succeeded", "Failed"):
            reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
            initialized = _row("Initialized", self.initialized(), reason if phase == "Succeeded" else "")
            return [_row("PodReadyToStartContainers", False), initialized, _row("Ready", False, reason),
                    _row("ContainersReady", False, reason), _row("PodScheduled", True)]  # fmt: skip
        undone = [one.spec["name"] for one in self.inits
                  if one.terminated is None or one.terminated["exitCode"]]  # fmt: skip
        unready = [one.spec["name"] for one in self.containers if not one.ready]
        initialized = (
            _row(
                "Initialized", False, "ContainersNotInitialized", f"containers with incomplete status: {_names(undone)}"
            )
            if undone
            else _row("Initialized", True)
        )
        message = f"containers with unready status: {_names(unready)}"
        both = [_row(kind, False, "ContainersNotReady", message) if unready else _row(kind, True)
                for kind in ("Ready", "ContainersReady")]  # fmt: skip
        return [_row("PodReadyToStartContainers", bool(self.address)), initialized, *both, _row("PodScheduled", True)]


def _names(names: list[str]) -> str:
    return "[" + " ".join(names) + "]"


def _row(kind: str, is_true: bool, reason: str = "", message: str = "") -> Object:
    found: Object = {"type": kind, "status": "True" if is_true else "False", "lastProbeTime": None}
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def _with_times(rows: list[Object], old: Object, now: str) -> list[Object]:
    before = {one["type"]: one for one in old.get("conditions") or ()}
    for row in rows:
        known = before.pop(row["type"], None)
        kept = known is not None and known["status"] == row["status"]
        row["lastTransitionTime"] = known["lastTransitionTime"] if kept and known else now
    return rows + [one for one in before.values() if one["type"] == "DisruptionTarget"]
