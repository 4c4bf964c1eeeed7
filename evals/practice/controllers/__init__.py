"""The controllers, the scheduler and the kubelets of the practice cluster, started together.

`start(store, clock)` begins to follow the store's changes; nothing polls. `stop()` ends it, and a later `start` on the same
store takes over what runs.
"""

from __future__ import annotations

from evals.practice.controllers.running import RunningControllers, start
from evals.practice.controllers.timing import FAITHFUL, FAST, PROFILES, Timing

__all__ = ["FAITHFUL", "FAST", "PROFILES", "RunningControllers", "Timing", "start"]
