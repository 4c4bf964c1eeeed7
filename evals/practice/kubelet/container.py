"""One container on a node: image, configuration, start, probes, end, back-off. It acts by timers and never polls."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import parse_time
from evals.practice.hooks import LogLine
from evals.practice.kubelet import images, probes, references
from evals.practice.kubelet.behaviour import Behaviour, Exit, Situation
from evals.practice.kubelet.logbook import Run
from evals.practice.kubelet.status import ContainerView

if TYPE_CHECKING:
    from evals.practice.kubelet.pod_worker import PodWorker

Object = dict[str, Any]
_BACKOFF_RESET_SECONDS = 600.0


class Container:
    """Driven by its PodWorker; tells it through `worker.publish()` and `worker.container_ended()`."""

    def __init__(self, worker: PodWorker, spec: Object, *, is_init: bool) -> None:
        self.worker = worker
        self.is_init = is_init
        self.view = ContainerView(spec)
        self.run: Run | None = None
        self.previous: Run | None = None
        self._backoff = 0.0
        self._pull_backoff = 0.0
        self._failures: dict[str, int] = {}
        self._generation = 0
        """Counts starts: a timer of an earlier run does nothing."""
        self.ending = False

    @property
    def spec(self) -> Object:
        return self.view.spec

    @property
    def path(self) -> str:
        return f"spec.{'initContainers' if self.is_init else 'containers'}{{{self.spec['name']}}}"

    def _later(self, seconds: float, action: Any) -> None:
        generation = self._generation
        self.worker.later(seconds, lambda: action() if generation == self._generation else None)

    def _wait(self, reason: str, message: str = "") -> None:
        waiting = {"reason": reason} | ({"message": message} if message else {})
        self.view.state = {"waiting": waiting}
        self.worker.publish()

    # -- before the start ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Get the image, then start."""
        self._generation += 1
        kubelet, image = self.worker.kubelet, str(self.spec["image"])
        wrong = images.invalid_name(image)
        policy = self.spec.get("imagePullPolicy", "IfNotPresent")
        refused = kubelet.troubles.at("pull", self.worker.pod, str(self.spec["name"]))
        present = refused is None and kubelet.registry.is_present(self.worker.node, image)
        if wrong:
            self.worker.warning("InspectFailed", wrong, self.path)
            self._blocked("InvalidImageName", wrong)
        elif policy == "Never" and not present:
            message = f'Container image "{image}" is not present with pull policy of Never'
            self.worker.warning("ErrImageNeverPull", message, self.path)
            self._blocked("ErrImageNeverPull", message)
        elif present and (policy != "Always" or image in kubelet.registry.on_nodes):
            self.worker.normal("Pulled", f'Container image "{image}" already present on machine', self.path)
            self._configure()
        else:
            self.worker.normal("Pulling", f'Pulling image "{image}"', self.path)
            refusal = refused.message if refused else kubelet.registry.refusal(image)
            timing = kubelet.parts.timing
            if refusal:
                self._later(timing.pull_failure, lambda: self._pull_failed(image, refusal))
            else:
                self._later(timing.pull, lambda: self._pulled(image))

    def _blocked(self, reason: str, message: str) -> None:
        self.worker.warning("Failed", f"Error: {reason}", self.path)
        self._wait(reason, message)
        self._later(self.worker.timing.config_retry, self.begin)

    def _pulled(self, image: str) -> None:
        kubelet = self.worker.kubelet
        kubelet.registry.pulled(self.worker.node, image)
        took = f"{self.worker.timing.pull:.3g}s"
        message = (f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
                   f"Image size: {kubelet.registry.size(image)} bytes.")  # fmt: skip
        self.worker.normal("Pulled", message, self.path)
        self._pull_backoff = 0.0
        self._configure()

    def _pull_failed(self, image: str, refusal: str) -> None:
        self.worker.warning("Failed", f'Failed to pull image "{image}": {refusal}', self.path)
        self.worker.warning("Failed", "Error: ErrImagePull", self.path)
        self._wait("ErrImagePull", refusal)
        self._later(self.worker.timing.pull_notice * self.worker.pace, lambda: self._pull_waits(image, refusal))

    def _pull_waits(self, image: str, refusal: str) -> None:
        timing = self.worker.timing
        self._pull_backoff = min(self._pull_backoff * 2 or timing.backoff, timing.backoff_max)
        self.worker.normal("BackOff", f'Back-off pulling image "{image}"', self.path)
        self.worker.warning("Failed", "Error: ImagePullBackOff", self.path)
        self._wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {refusal}')
        self._later(self._pull_backoff, self.begin)

    def _configure(self) -> None:
        obstacle = self.worker.kubelet.troubles.at("create", self.worker.pod, str(self.spec["name"]))
        if obstacle is not None:
            self.worker.warning("Failed", f"Error: {obstacle.message}", self.path)
            self._wait(obstacle.reason, obstacle.message)
            self._later(self.worker.timing.config_retry, self.begin)
            return
        try:
            references.environment(self.worker.store, self.worker.pod, self.spec)
        except references.MissingReference as missing:
            self.worker.warning("Failed", f"Error: {missing}", self.path)
            self._wait("CreateContainerConfigError", str(missing))
            self._later(self.worker.timing.config_retry, self.begin)
            return
        self._later(self.worker.timing.start * self.worker.pace, self._start)

    # -- running -------------------------------------------------------------------------------------------------------

    def behaviour(self) -> Behaviour:
        worker = self.worker
        try:
            env = references.environment(worker.store, worker.pod, self.spec)
        except references.MissingReference:
            env = {}  # deleted since the start: a running process keeps its variables
        situation = Situation(
            pod=worker.pod, container=self.spec, command=references.command_line(self.spec, env), env=env,
            files=references.files(worker.store, worker.pod, self.spec),
            node=worker.store.find("nodes", None, worker.node), find=worker.store.find,
        )  # fmt: skip
        return self._limited(worker.kubelet.behave(situation))

    def _limited(self, behaviour: Behaviour) -> Behaviour:
        """A working set above the limit ends in the kernel's out-of-memory killer."""
        limit = self.worker.memory_limit(self.spec)
        if limit is None or behaviour.memory_bytes <= limit or behaviour.start_error:
            return behaviour
        if behaviour.exit is not None and behaviour.exit.after < behaviour.memory_after:
            return behaviour
        lines = tuple(one for one in behaviour.output if one[0] <= behaviour.memory_after)
        return replace(behaviour, exit=Exit(behaviour.memory_after, 137), output=lines)

    def _start(self) -> None:
        behaviour = self.behaviour()
        clock = self.worker.kubelet.parts.clock
        self.previous, self.run = self.run, Run(behaviour, clock.now(), clock.monotonic(), self.worker.timing.scale)
        image = str(self.spec["image"])
        self.view.image = self.worker.kubelet.registry.reported(image)
        self.view.image_id = images.digest(self.view.image)
        self.view.container_id = f"containerd://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.worker.normal("Created", f"Created container: {self.spec['name']}", self.path)
        if behaviour.start_error:
            self.worker.warning("Failed", f"Error: {behaviour.start_error}", self.path)
            self._ended(128, "StartError", behaviour.start_error)
            return
        self.worker.normal("Started", f"Started container {self.spec['name']}", self.path)
        self._set_running(timestamp(clock.now()))
        self.worker.publish()
        self._watch(behaviour)

    def _set_running(self, started_at: str) -> None:
        self.view.state = {"running": {"startedAt": started_at}}
        self.view.started = not self.spec.get("startupProbe")
        self.view.ready = not self.is_init and self.view.started and not self.spec.get("readinessProbe")
        self._failures.clear()
        self.ending = False

    def adopt(self, row: Object) -> None:
        """Take over a container that an earlier kubelet (or a seeded history) left running."""
        clock = self.worker.kubelet.parts.clock
        self._generation += 1
        self.view.restarts = int(row.get("restartCount", 0))
        self.view.image_id, self.view.container_id = row.get("imageID", ""), row.get("containerID", "")
        self.view.last_state = row.get("lastState") or {}
        self.view.image = row.get("image", "")
        if "running" not in row["state"]:
            self.view.state = row["state"]
            if "terminated" in row["state"] and not self.worker.wants_restart(row["state"]["terminated"]["exitCode"]):
                return
            self.begin()
            return
        behaviour = self.behaviour()
        self.worker.kubelet.registry.pulled(self.worker.node, str(self.spec["image"]))
        self.run = Run.adopted(behaviour, row, clock, self.worker.timing.scale)
        self._set_running(row["state"]["running"]["startedAt"])
        self.view.started, self.view.ready = bool(row.get("started")), bool(row.get("ready"))
        if not (self.view.ready and self.view.started) or behaviour.exit:
            self._watch(behaviour)

    def learn(self, row: Object) -> None:
        """More restarts in the stored status than this kubelet knows of happened before its time."""
        if int(row.get("restartCount", 0)) > self.view.restarts:
            self.view.restarts = int(row["restartCount"])
            self.view.last_state = row.get("lastState") or self.view.last_state

    def recall(self, row: Object) -> None:
        """A container of a finished pod: only its last state and its log are left."""
        self.view.state = row["state"]
        ended = row["state"].get("terminated")
        if ended is not None:
            clock = self.worker.kubelet.parts.clock
            self.run = Run(
                self.behaviour(), parse_time(ended["startedAt"]), clock.monotonic(), self.worker.timing.scale
            )
            self.run.ended = parse_time(ended["finishedAt"])

    def _watch(self, behaviour: Behaviour) -> None:
        run = self.run
        if run is None:
            return
        if behaviour.exit is not None:
            left = behaviour.exit.after * self.worker.timing.scale - self._elapsed()
            self._later(max(left, 0.0), self._exits)
        if not self.is_init:
            self._begin_probes()

    def reconsider(self) -> None:
        """The node changed under a running program (a GPU fell off the bus): it may end because of that."""
        if not self.view.running or self.run is None or self.run.behaviour.exit is not None:
            return
        behaviour = self.behaviour()
        if behaviour.exit is not None:
            now = self.worker.kubelet.parts.clock.now()
            self.run.extra.extend(LogLine(now, text) for _, text in behaviour.output)
            self.run.behaviour = replace(self.run.behaviour, exit=behaviour.exit)
            self._later(self.worker.timing.notice, self._exits)

    def turn(self) -> None:
        """The running program begins to do what it would now do if it started: what it prints comes from this moment."""
        if not self.view.running or self.run is None:
            return
        behaviour, now = self.behaviour(), self.worker.kubelet.parts.clock.now()
        scale = self.worker.timing.scale
        new = [LogLine(now + timedelta(seconds=after * scale), text) for after, text in behaviour.output]
        self.run.extra.extend(new)
        self.run.behaviour = replace(behaviour, output=self.run.behaviour.output)
        if behaviour.exit is not None:
            self._later(behaviour.exit.after * scale, self._exits)
        self._begin_probes()

    def _elapsed(self) -> float:
        return 0.0 if self.run is None else self.worker.kubelet.parts.clock.monotonic() - self.run.started

    # -- probes --------------------------------------------------------------------------------------------------------

    def _begin_probes(self) -> None:
        kinds = ("startupProbe",) if not self.view.started else ("livenessProbe", "readinessProbe")
        for kind in kinds:
            probe = self.spec.get(kind)
            if probe:
                first = max(
                    float(probe.get("initialDelaySeconds") or 0) * self.worker.timing.scale - self._elapsed(), 0.0
                )
                self._later(first + 0.01, lambda kind=kind: self._probe(kind))

    def _probe(self, kind: str) -> None:
        if not self.view.running or self.run is None or self.ending:
            return
        probe = self.spec[kind]
        scale = self.worker.timing.scale
        why = probes.failure(probe, self.spec, self.run.behaviour, self.worker.view.address, self._elapsed(), scale)
        if why is None:
            self._failures[kind] = 0
            self._passed(kind)
        else:
            self._failed(kind, probe, why)
        if why is not None or self._may_change():
            self._later(float(probe.get("periodSeconds") or 10) * scale, lambda: self._probe(kind))

    def _may_change(self) -> bool:
        """A settled container is not probed again: nothing would come of it."""
        run = self.run
        return run is not None and any(at > self._elapsed() for at in run.behaviour.changes(self.worker.timing.scale))

    def _passed(self, kind: str) -> None:
        if kind == "startupProbe" and not self.view.started:
            self.view.started = True
            self.view.ready = not self.spec.get("readinessProbe")
            self.worker.publish()
            self._begin_probes()
        elif kind == "readinessProbe" and not self.view.ready:
            self.view.ready = True
            self.worker.publish()

    def _failed(self, kind: str, probe: Object, why: str) -> None:
        label = dict(probes.KINDS)[kind]
        self.worker.warning("Unhealthy", f"{label} probe failed: {why}", self.path)
        self._failures[kind] = self._failures.get(kind, 0) + 1
        if self._failures[kind] < int(probe.get("failureThreshold") or 3):
            return
        if kind == "readinessProbe":
            if self.view.ready:
                self.view.ready = False
                self.worker.publish()
            return
        name = self.spec["name"]
        self.kill(f"Container {name} failed {label.lower()} probe, will be restarted")

    # -- the end -------------------------------------------------------------------------------------------------------

    def kill(self, message: str) -> None:
        """Stop it and let the restart policy decide what follows."""
        if self.ending or not self.view.running:
            return
        self.ending = True
        self.worker.normal("Killing", message, self.path)
        behaviour = self.run.behaviour if self.run else Behaviour()
        code = 137 if self._elapsed() < behaviour.ready_after * self.worker.timing.scale else behaviour.stop_code
        self._later(self.worker.timing.stop, lambda: self._ended(code, "Error" if code else "Completed"))

    def _exits(self) -> None:
        run = self.run
        if run is None or run.behaviour.exit is None or not self.view.running:
            return
        end = run.behaviour.exit
        limit = self.worker.memory_limit(self.spec)
        is_killed = end.code == 137 and limit is not None and run.behaviour.memory_bytes > limit
        self._ended(end.code, "OOMKilled" if is_killed else "Error" if end.code else "Completed", end.message)

    def _ended(self, code: int, reason: str, message: str = "") -> None:
        clock = self.worker.kubelet.parts.clock
        self._generation += 1
        run = self.run
        started = self.view.state.get("running", {}).get("startedAt") or timestamp(clock.now())
        ended: Object = {"exitCode": code, "reason": reason}
        if message or (code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError" and run):
            ended["message"] = message or (run.tail(clock.now()) if run else "")
        ended.update(startedAt=started, finishedAt=timestamp(clock.now()), containerID=self.view.container_id)
        if run is not None:
            run.ended = clock.now()
        self.view.state = {"terminated": ended}
        self.view.ready = self.is_init and code == 0
        self.view.started = False
        self.ending = False
        self.worker.publish()
        self.worker.container_ended(self, code)

    def restart(self) -> None:
        """After an end: the first time at once, then after a growing back-off."""
        timing = self.worker.timing
        if self._elapsed() > _BACKOFF_RESET_SECONDS * timing.scale:
            self._backoff = 0.0
        if self._backoff == 0.0:
            self._backoff = timing.backoff
            self._later(timing.notice, self._again)
            return
        wait, self._backoff = self._backoff, min(self._backoff * 2, timing.backoff_max)
        self._later(timing.notice, lambda: self._crash_loops(wait))

    def _crash_loops(self, wait: float) -> None:
        pod, name = self.worker.pod["metadata"], self.spec["name"]
        where = f"{pod['name']}_{pod['namespace']}({pod['uid']})"
        shown = shown_wait(wait, self.worker.timing.backoff)
        self.view.last_state = {"terminated": self.view.state["terminated"]}
        self.worker.warning("BackOff", f"Back-off restarting failed container {name} in pod {where}", self.path)
        self._wait("CrashLoopBackOff", f"back-off {shown} restarting failed container={name} pod={where}")
        self._later(wait * self.worker.timing.backoff_slack, self._again)

    def _again(self) -> None:
        if "terminated" in self.view.state:
            self.view.last_state = {"terminated": self.view.state["terminated"]}
        self.view.restarts += 1
        self.begin()

    def image_changed(self, spec: Object) -> None:
        """The pod's spec names another image."""
        self.view.spec = spec
        self.view.image = ""
        if self.view.running:
            self.kill(f"Container {spec['name']} definition changed, will be restarted")
        elif "waiting" in self.view.state and self.worker.has_begun(self):
            self._pull_backoff = 0.0
            self.begin()


def shown_wait(wait: float, base: float) -> str:
    """The back-off as a real kubelet prints it, whatever the timing: 10s, 20s, ... 5m0s."""
    seconds = min(round(10 * wait / base), 300) if base else 10
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"
