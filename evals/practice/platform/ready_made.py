"""The platform as something a server can start: `PracticeServer(start_controllers=with_platform())`."""

from __future__ import annotations

from collections.abc import Callable

from evals.practice.clock import Clock
from evals.practice.controllers.running import RunningControllers, start
from evals.practice.controllers.timing import FAITHFUL, FAST, Timing
from evals.practice.platform.install import install, install_with_past
from evals.practice.platform.rig import install_rig
from evals.practice.platform.scale import scale_to
from evals.practice.store import Store


def with_platform(
    *, timing: Timing = FAST, has_past: bool = True, pods: int = 0
) -> Callable[[Store, Clock], RunningControllers]:
    """A `start_controllers` for a server: the platform is put into the store, then the controllers begin.

    `has_past`: twelve days of history and everything up at once; without it the platform comes up while one looks on.
    `pods`: grow the cluster with tenants to at least so many pods.
    """

    def begin(store: Store, clock: Clock) -> RunningControllers:
        if has_past:
            install_with_past(store, clock.now())
        else:
            install(store)
        if pods:
            scale_to(store, pods)
        return start(store, clock, timing=timing)

    return begin


def with_rig(*, timing: Timing = FAITHFUL) -> Callable[[Store, Clock], RunningControllers]:
    """A `start_controllers` with the two nodes of the recorded cluster, for the contract suite."""

    def begin(store: Store, clock: Clock) -> RunningControllers:
        install_rig(store)
        return start(store, clock, timing=timing)

    return begin
