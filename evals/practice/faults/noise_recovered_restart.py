"""Noise: a container that crashed twice, days ago, and has run ever since."""

from __future__ import annotations

from datetime import timedelta

from evals.practice.clock import timestamp
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store, copy_of


def _inject(store: Store) -> Truth:
    pod = next(one for one in store.list("pods", "ai-data") if one["metadata"]["name"].startswith("redis"))
    changed = copy_of(pod)
    row = changed["status"]["containerStatuses"][0]
    then = store.clock.now() - timedelta(days=2)
    row["restartCount"] = 2
    row["lastState"] = {"terminated": {
        "exitCode": 1, "reason": "Error", "startedAt": timestamp(then - timedelta(minutes=4)), "finishedAt": timestamp(then),
        "containerID": row.get("containerID", ""),
    }}  # fmt: skip
    store.set_status("pods", changed, changed["status"])
    return Truth(cause="none", target=Target("", "", ""))


FAULT = Fault(
    id="noise_recovered_restart", title_en="Restarts that were overcome days ago", title_zh="数天前已恢复的重启",
    layer="kubernetes", inject=_inject, heal=lambda _store: None, is_fault=False,
)  # fmt: skip
