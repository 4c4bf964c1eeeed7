"""The practice platform of a scenario: made once a process, filled into a fresh store for each, lived through without waiting."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from evals.practice.admission.chain import install_admission
from evals.practice.bootstrap_objects import create_bootstrap_objects
from evals.practice.clock import ManualClock
from evals.practice.controllers.running import RunningControllers, start
from evals.practice.controllers.timing import FAITHFUL
from evals.practice.kubelet.pod_worker import PodWorker
from evals.practice.kubelet.trouble import Pods
from evals.practice.platform.install import install_with_past
from evals.practice.store import Contents, Store, name_of

Object = dict[str, Any]
LOOK = datetime(2026, 3, 17, 10, 40, tzinfo=UTC)
"""When every scenario is looked at. A fixed moment: what uses the machine's clock instead of the desk's is found out."""
STORY = timedelta(minutes=60)
_MARK = re.compile(r"\$\{(?:(pod|node|ip):)?([^}]+)\}")


@cache
def platform() -> Contents:
    """The platform after twelve days, an hour before the look, everything up."""
    store = Store(ManualClock(LOOK - STORY))
    install_admission(store)
    create_bootstrap_objects(store)
    install_with_past(store, LOOK - STORY)
    return store.contents()


@dataclass
class Stage:
    """What steps act on."""

    store: Store
    clock: ManualClock
    running: RunningControllers
    names: dict[str, str] = field(default_factory=dict)
    """What ``let`` keeps."""

    def workers(self, pods: str, *, container: str = "*", node: str = "*") -> list[PodWorker]:
        chosen = chosen_pods(pods, container=container, node=node)
        return [one for one in self.running.kubelets.workers() if chosen.has(one.pod)]

    def filled(self, value: Any) -> Any:
        """The value with every ``${...}`` replaced. LookupError when one cannot be."""
        if isinstance(value, str):
            return _MARK.sub(self._meant, value)
        if isinstance(value, dict):
            return {self.filled(key): self.filled(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(one) for one in value]
        return value

    def _meant(self, mark: re.Match[str]) -> str:
        sort, text = mark[1], mark[2]
        if not sort:
            if text not in self.names:
                raise LookupError(f"${{{text}}} was not kept with `let`")
            return self.names[text]
        namespace, _, app = text.partition("/")
        pod = self.first_pod(namespace, app)
        return str({"pod": name_of(pod), "node": pod["spec"].get("nodeName", ""),
                    "ip": (pod.get("status") or {}).get("podIP", "")}[sort])  # fmt: skip

    def first_pod(self, namespace: str, app: str) -> Object:
        """By name, of the pods that carry the app's label and are not going away."""
        for pod in self.store.list("pods", namespace):
            labels = pod["metadata"].get("labels") or {}
            if app in (labels.get("app"), labels.get("k8s-app")) and "deletionTimestamp" not in pod["metadata"]:
                return pod
        raise LookupError(f"no pod of {namespace}/{app}; let the platform come up first")


def chosen_pods(text: str, *, container: str = "*", node: str = "*") -> Pods:
    namespace, _, name = text.partition("/")
    return Pods(namespace, name, container, node)


Play = Callable[[Stage], None]


def story_controllers(play: Play) -> Callable[[Store, Any], RunningControllers]:
    """A ``start_controllers`` for a server whose store holds the platform: the whole story is lived before it answers."""

    def begin(store: Store, clock: ManualClock) -> RunningControllers:
        running = start(store, clock, timing=FAITHFUL)
        play(Stage(store, clock, running))
        return running

    return begin
