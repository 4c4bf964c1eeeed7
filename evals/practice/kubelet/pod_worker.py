"""One pod on its node, from binding to removal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evals.practice.clock import Timer, timestamp
from evals.practice.controllers.resources import amount
from evals.practice.controllers.timing import Timing
from evals.practice.errors import ApiError
from evals.practice.kubelet import references
from evals.practice.kubelet.container import Container
from evals.practice.kubelet.status import PodView
from evals.practice.store import Store, name_of, namespace_of

if TYPE_CHECKING:
    from evals.practice.kubelet.kubelet import Kubelets

Object = dict[str, Any]
_REJECTION_SECONDS = 60.0


class PodWorker:
    """Owned by its Kubelet; reads the newest pod from the store and writes its status."""

    def __init__(self, kubelet: Kubelets, pod: Object) -> None:
        self.kubelet = kubelet
        self.pod = pod
        self.node = str(pod["spec"]["nodeName"])
        self.containers = [Container(self, one, is_init=False) for one in pod["spec"]["containers"]]
        self.inits = [Container(self, one, is_init=True) for one in pod["spec"].get("initContainers") or ()]
        self.view = PodView(pod, [one.view for one in self.containers], [one.view for one in self.inits],
                            host_address=kubelet.address_of(self.node))  # fmt: skip
        self._timers: set[Timer] = set()
        self._mount_wait = self.timing.mount_retry
        self._leaving = False
        self._grace: int | None = None
        """The shortest grace period with which the deletion was asked for so far."""
        self._stage = ""
        self.pace = 1 + self.timing.jitter * int(pod["metadata"]["uid"][:4], 16) / 0xFFFF
        """How much slower than the timing this pod is: no two start in the same instant."""

    @property
    def store(self) -> Store:
        return self.kubelet.parts.store

    @property
    def timing(self) -> Timing:
        return self.kubelet.parts.timing

    def everything(self) -> list[Container]:
        return [*self.inits, *self.containers]

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run after a delay, unless the pod is gone; while the node is down it waits for the node."""
        holder: list[Timer] = []

        def due() -> None:
            self._timers.difference_update(holder)
            if self.kubelet.is_up(self.node):
                action()
            else:
                self.kubelet.park(self.node, lambda: self.later(0, action))

        holder.append(self.kubelet.parts.clock.call_later(seconds, due))
        self._timers.update(holder)

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def normal(self, reason: str, message: str, path: str = "") -> None:
        self.kubelet.recorder(self.node).normal(self.pod, reason, message, path)

    def warning(self, reason: str, message: str, path: str = "") -> None:
        self.kubelet.recorder(self.node).warning(self.pod, reason, message, path)

    def memory_limit(self, container: Object) -> int | None:
        text = ((container.get("resources") or {}).get("limits") or {}).get("memory")
        return int(amount(text)) if text else None

    # -- life ----------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A newly bound pod, or one that ran before this kubelet was started."""
        old = self.pod.get("status", {})
        if old.get("phase") in ("Succeeded", "Failed"):
            self._recall(old)
            return
        if old.get("podIP"):
            self._adopt(old)
            return
        self.view.start_time = timestamp(self.kubelet.parts.clock.now())
        if self.inits:
            for one in self.containers:
                one.view.state = {"waiting": {"reason": "PodInitializing"}}
        if "deletionTimestamp" in self.pod["metadata"]:
            self._remove()
            return
        refusal = self.kubelet.troubles.at("admit", self.pod)
        if refusal is not None:
            # Real owners replace a rejected pod at once and pile up hundreds; a minute each shows the same with fewer.
            self.later(_REJECTION_SECONDS, lambda: self._reject(refusal.reason, refusal.message))
            return
        self.publish()
        self._watch_deadline()
        self._mount()

    def _reject(self, reason: str, message: str) -> None:
        self._leaving = True
        self.warning(reason, message)
        self._end((reason, message))

    def _recall(self, old: Object) -> None:
        """A finished pod: keep its containers' last state for the logs and statuses."""
        self._leaving = True
        rows = {row["name"]: row for row in old.get("containerStatuses") or ()}
        for one in self.containers:
            if one.spec["name"] in rows:
                one.recall(rows[one.spec["name"]])

    def _adopt(self, old: Object) -> None:
        self._stage = "running"
        self.view.address, self.view.start_time = old["podIP"], old.get("startTime", "")
        rows = {row["name"]: row for row in old.get("initContainerStatuses") or ()}
        for one in self.inits:
            if one.spec["name"] in rows:
                one.view.state = rows[one.spec["name"]]["state"]
        rows = {row["name"]: row for row in old.get("containerStatuses") or ()}
        for one in self.containers:
            if one.spec["name"] in rows:
                one.adopt(rows[one.spec["name"]])
        if "deletionTimestamp" in self.pod["metadata"]:
            self.changed(self.pod)

    def _mount(self) -> None:
        troubles = self.kubelet.troubles
        obstacle = troubles.at("attach", self.pod) or troubles.at("mount", self.pod)
        missing = obstacle.message if obstacle else references.missing_mount(self.store, self.pod)
        if missing:
            self.warning(obstacle.reason if obstacle else "FailedMount", missing)
            self.later(self._mount_wait, self._mount)
            self._mount_wait = min(self._mount_wait * 2, self.timing.mount_retry_max)
            return
        self.later(self.timing.sandbox * self.pace, self._sandbox)

    def _sandbox(self) -> None:
        obstacle = self.kubelet.troubles.at("sandbox", self.pod)
        if obstacle is not None:
            self.warning(obstacle.reason, obstacle.message)
            self.later(self.timing.config_retry * self.pace, self._sandbox)
            return
        host_network = self.pod["spec"].get("hostNetwork")
        self.view.address = self.view.host_address if host_network else self.kubelet.next_address(self.node)
        self._stage = "running"
        self.publish()
        self._advance()

    def _advance(self) -> None:
        """Start the next init container, or all containers once the last is done."""
        for one in self.inits:
            ended = one.view.terminated
            if ended is None or ended["exitCode"]:
                if "waiting" in one.view.state and not one.view.last_state:
                    one.begin()
                return
        for one in self.containers:
            if one.run is None and "waiting" in one.view.state:
                if self.inits:
                    one.view.state = {"waiting": {"reason": "PodInitializing"}}
                one.begin()

    def has_begun(self, container: Container) -> bool:
        if self._stage != "running":
            return False
        return container.is_init or self.view.initialized()

    def wants_restart(self, code: int) -> bool:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    def container_ended(self, container: Container, code: int) -> None:
        if self._leaving:
            return
        if container.is_init:
            if code == 0:
                self.later(self.timing.notice / 3, self._advance)
            elif self.pod["spec"].get("restartPolicy", "Always") != "Never":
                container.restart()
        elif self.wants_restart(code):
            container.restart()

    def changed(self, pod: Object) -> None:
        """The stored pod changed: a deletion, a new image, or just our own status."""
        self.pod = self.view.pod = pod
        if "deletionTimestamp" in pod["metadata"]:
            self._leave(int(pod["metadata"].get("deletionGracePeriodSeconds") or 0))
            return
        specs = {one["name"]: one for one in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]}
        for one in self.everything():
            spec = specs.get(one.spec["name"])
            if spec is not None and spec.get("image") != one.spec.get("image"):
                one.image_changed(spec)

    def reconsider(self) -> None:
        for one in self.containers:
            one.reconsider()

    # -- the end -------------------------------------------------------------------------------------------------------

    def _leave(self, grace_seconds: int) -> None:
        if self._grace is not None and grace_seconds >= self._grace:
            return
        was_leaving, self._leaving, self._grace = self._leaving, True, grace_seconds
        running = [one for one in self.everything() if one.view.running]
        for one in running if not was_leaving else ():
            one.ending = True
            self.normal("Killing", f"Stopping container {one.spec['name']}", one.path)
        slowest = self.timing.stop * 2 if running else self.timing.stop / 4
        if any(one.run is not None and one.run.behaviour.ignores_stop for one in running):
            slowest = self.kubelet.parts.scaled(grace_seconds)
        self.later(0 if not grace_seconds else min(slowest, grace_seconds), self._remove)

    def _remove(self) -> None:
        self.stop()
        try:
            self.store.remove("pods", namespace_of(self.pod), name_of(self.pod))
        except ApiError:
            return  # somebody forced the deletion meanwhile

    def _watch_deadline(self) -> None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds:
            self.later(self.kubelet.parts.scaled(float(seconds)), self._deadline)

    def _deadline(self) -> None:
        if self._leaving or self.view.phase() in ("Succeeded", "Failed"):
            return
        message = "Pod was active on the node longer than the specified deadline"
        self._leaving = True
        self.normal("DeadlineExceeded", message)
        for one in self.everything():
            if one.view.running:
                one.kill(f"Stopping container {one.spec['name']}")
        self.later(self.timing.stop + 0.02, lambda: self._end(("DeadlineExceeded", message)))

    def evict(self, message: str) -> None:
        """The kubelet takes the pod down to save its node; the pod stays as Failed for its owner to replace."""
        self._leaving = True
        self.warning("Evicted", message)
        for one in self.everything():
            if one.view.running:
                one.kill(f"Stopping container {one.spec['name']}")
        self.later(self.timing.stop + 0.02, lambda: self._end(("Evicted", message)))

    def turn(self) -> None:
        """Its programs begin to behave differently."""
        for one in self.containers:
            one.turn()

    def _end(self, why: tuple[str, str]) -> None:
        self.view.ended = why
        self.publish()

    def publish(self) -> None:
        """Write the status if it says something new."""
        found = self.store.find("pods", namespace_of(self.pod), name_of(self.pod))
        if found is None or found["metadata"]["uid"] != self.pod["metadata"]["uid"]:
            return
        rows = {row["name"]: row for row in (found.get("status") or {}).get("containerStatuses") or ()}
        for one in self.containers:
            one.learn(rows.get(one.spec["name"]) or {})
        now = timestamp(self.kubelet.parts.clock.now())
        self.store.set_status("pods", found, self.view.status(found.get("status") or {}, now))
