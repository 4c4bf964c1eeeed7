"""The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers import rollout
from evals.practice.controllers.pods import condition

Object = dict[str, Any]
AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"


class Conditions:
    """A condition list under change: an equal reason and status keeps its times, an equal status its transition."""

    def __init__(self, old: list[Object], now: str) -> None:
        self._rows = [dict(one) for one in old]
        self._now = now

    def get(self, kind: str) -> Object | None:
        return next((one for one in self._rows if one["type"] == kind), None)

    def drop(self, kind: str) -> None:
        self._rows = [one for one in self._rows if one["type"] != kind]

    def put(self, kind: str, status: str, reason: str, message: str) -> None:
        old = self.get(kind)
        if old is not None and old["status"] == status and old["reason"] == reason:
            return
        self.touch(kind, status, reason, message)

    def touch(self, kind: str, status: str, reason: str, message: str) -> None:
        """Like `put`, but the update time moves also when nothing else does."""
        old = self.get(kind)
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else self._now
        self.drop(kind)
        self._rows.append({"type": kind, "status": status, "lastUpdateTime": self._now, "lastTransitionTime": since,
                           "reason": reason, "message": message})  # fmt: skip

    def rows(self) -> list[Object]:
        return self._rows


def counts(deployment: Object, new: Object | None, sets: list[Object]) -> Object:
    """replicas, updatedReplicas ... ; zeros are left out, as the server does."""

    def of(rows: list[Object], field: str) -> int:
        return sum(int(one.get("status", {}).get(field) or 0) for one in rows)

    total, available = of(sets, "replicas"), of(sets, "availableReplicas")
    found = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": total,
        "updatedReplicas": of([new], "replicas") if new else 0,
        "readyReplicas": of(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, rollout.total_of(sets) - available),
    }
    return {name: value for name, value in found.items() if value}


def is_complete(deployment: Object, status: Object) -> bool:
    wanted = rollout.replicas_of(deployment)
    return all(int(status.get(name) or 0) == wanted for name in ("updatedReplicas", "replicas", "availableReplicas"))


def has_progressed(old: Object, new: Object) -> bool:
    def grew(name: str) -> bool:
        return int(new.get(name) or 0) > int(old.get(name) or 0)

    def outdated(status: Object) -> int:
        return int(status.get("replicas") or 0) - int(status.get("updatedReplicas") or 0)

    return (
        grew("updatedReplicas") or grew("readyReplicas") or grew("availableReplicas") or outdated(new) < outdated(old)
    )


def put_available(conditions: Conditions, deployment: Object, status: Object) -> None:
    minimum = rollout.replicas_of(deployment) - rollout.limits(deployment)[1]
    if int(status.get("availableReplicas") or 0) >= minimum:
        conditions.put("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        conditions.put("Available", "False", "MinimumReplicasUnavailable",
                       "Deployment does not have minimum availability.")  # fmt: skip


def put_failure(conditions: Conditions, sets: list[Object]) -> None:
    for one in sets:
        found = condition(one, "ReplicaFailure")
        if found is not None and found["status"] == "True":
            conditions.put("ReplicaFailure", "True", found["reason"], found["message"])
            return
    conditions.drop("ReplicaFailure")


def put_progress(conditions: Conditions, deployment: Object, old: Object, status: Object, new: Object | None,
                 *, is_late: bool) -> None:  # fmt: skip
    """The condition Progressing of an unpaused Deployment. `is_late`: no progress for the deadline."""
    current = conditions.get("Progressing")
    done_before = current is not None and current["reason"] == AVAILABLE
    settled = int(status.get("replicas") or 0) == int(status.get("updatedReplicas") or 0) and done_before
    if settled:
        return
    subject = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        conditions.put("Progressing", "True", AVAILABLE, f"{subject} has successfully progressed.")
    elif has_progressed(old, status):
        conditions.touch("Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.")
    elif is_late:
        conditions.put("Progressing", "False", TIMED_OUT, f"{subject} has timed out progressing.")
