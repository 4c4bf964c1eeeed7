"""Jobs: pods until enough have succeeded, a limit of failures, a deadline, or a pause."""

from __future__ import annotations

from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers import pods as podfacts
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of, owner_reference, parse_time
from evals.practice.errors import ApiError
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "jobs.batch"
_DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")
_BACKOFF = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
_COMPLETE = ("CompletionsReached", "Reached expected number of succeeded pods")


class Jobs:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("job-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._started: dict[str, float] = {}
        self._failed_at: dict[str, tuple[int, float]] = {}
        self._ending: dict[str, tuple[str, str]] = {}
        self._subscription = parts.store.subscribe(self._follow, _RESOURCE, "pods")
        for one in parts.store.each(_RESOURCE):
            self.queue.add(key_of(one))

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        if change.resource == _RESOURCE:
            if change.type != "DELETED":
                self.queue.add(key_of(change.object))
            return
        owner = controller_of(change.object)
        if owner and owner["kind"] == "Job":
            self.queue.add((namespace_of(change.object), owner["name"]))

    def reconcile(self, key: Name) -> None:
        job = self.parts.store.find(_RESOURCE, *key)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return
        if _finished(job):
            self._expire(job)
            return
        owned = self.parts.pods_by_controller.of(job["metadata"]["uid"])
        active = [pod for pod in owned if podfacts.is_active(pod)]
        if job["spec"].get("suspend"):
            self._suspend(job, active)
            return
        self._resume(job)
        job = self.parts.store.get(_RESOURCE, *key)
        succeeded = sum(1 for pod in owned if podfacts.phase_of(pod) == "Succeeded")
        why = self._ending.get(job["metadata"]["uid"]) or self._failure(job, owned)
        if why:
            self._fail(job, owned, active, why)
        elif succeeded >= self._wanted(job, active):
            self._complete(job)
        else:
            self._top_up(job, owned, active, succeeded)

    def _wanted(self, job: Object, active: list[Object]) -> int:
        completions = job["spec"].get("completions")
        if completions is not None:
            return int(completions)
        return 1 if not active else 1_000_000

    def _failure(self, job: Object, owned: list[Object]) -> tuple[str, str] | None:
        deadline = job["spec"].get("activeDeadlineSeconds")
        uid, now = job["metadata"]["uid"], self.parts.clock.monotonic()
        since = self._started.setdefault(uid, now)
        if deadline is not None:
            left = since + self.parts.scaled(float(deadline)) - now
            if left <= 0:
                return _DEADLINE
            self.queue.add_after(key_of(job), left + 0.01)
        if _failures(job, owned) > int(job["spec"].get("backoffLimit", 6)):
            return _BACKOFF
        return None

    def _top_up(self, job: Object, owned: list[Object], active: list[Object], succeeded: int) -> None:
        parallel = int(job["spec"].get("parallelism", 1))
        left = self._wanted(job, active) - succeeded
        missing = max(0, min(parallel, left) - len(active))
        wait = self._wait_after_failure(job, _failures(job, owned)) if missing else 0.0
        if wait > 0:
            self.queue.add_after(key_of(job), wait)
        else:
            for _ in range(missing):
                self._create(job)
        self._write(job, None)

    def _wait_after_failure(self, job: Object, failures: int) -> float:
        if not failures:
            return 0.0
        uid, now = job["metadata"]["uid"], self.parts.clock.monotonic()
        known, at = self._failed_at.get(uid, (0, now))
        if known != failures:
            at = now
            self._failed_at[uid] = (failures, at)
        wait: float = min(self.parts.timing.job_backoff * 2 ** min(failures - 1, 20), self.parts.timing.backoff_max)
        return at + wait - now

    def _create(self, job: Object) -> None:
        pod = podfacts.from_template(job["spec"]["template"], namespace_of(job), owner_reference(job))
        pod["metadata"]["generateName"] = f"{name_of(job)}-"
        try:
            made = self.parts.store.create("pods", pod)
        except ApiError as refused:
            self.recorder.warning(job, "FailedCreate", f"Error creating: {refused}")
            self.queue.add_after(key_of(job), self.parts.timing.refused_retry)
            return
        self.recorder.normal(job, "SuccessfulCreate", f"Created pod: {name_of(made)}")

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _fail(self, job: Object, owned: list[Object], active: list[Object], why: tuple[str, str]) -> None:
        """First the pods go, then the job is over."""
        self._ending[job["metadata"]["uid"]] = why
        for pod in active:
            self.parts.store.mark_deleted("pods", *key_of(pod))
            self.recorder.normal(job, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        leaving = [pod for pod in owned if podfacts.is_leaving(pod)] or active
        if leaving and self.parts.pods_by_controller.count(job["metadata"]["uid"]):
            still = [
                pod for pod in self.parts.pods_by_controller.of(job["metadata"]["uid"]) if podfacts.is_leaving(pod)
            ]
            if still:
                self._write(job, [self._row("FailureTarget", why)], gone=len(active))
                return
        self.recorder.warning(job, *why)
        self._write(job, [self._row("FailureTarget", why), self._row("Failed", why)])

    def _complete(self, job: Object) -> None:
        self.recorder.normal(job, "Completed", "Job completed")
        rows = [self._row("SuccessCriteriaMet", _COMPLETE), self._row("Complete", _COMPLETE)]
        self._write(job, rows)

    def _row(self, kind: str, why: tuple[str, str], status: str = "True") -> Object:
        now = timestamp(self.parts.clock.now())
        return {"type": kind, "status": status, "lastProbeTime": now, "lastTransitionTime": now, "reason": why[0],
                "message": why[1]}  # fmt: skip

    def _write(self, job: Object, rows: list[Object] | None, *, gone: int = 0) -> None:
        job = self.parts.store.find(_RESOURCE, *key_of(job)) or job
        owned = self.parts.pods_by_controller.of(job["metadata"]["uid"])
        active = [pod for pod in owned if podfacts.is_active(pod)]
        old = job.get("status") or {}
        over = rows is not None and len(rows) == 2
        failed = sum(1 for pod in owned if podfacts.phase_of(pod) == "Failed")
        failed = max(failed + gone, int(old.get("failed") or 0))
        status: Object = {"conditions": rows or [one for one in old.get("conditions") or () if rows is None]}
        if not status["conditions"]:
            del status["conditions"]
        status["startTime"] = old.get("startTime") or timestamp(self.parts.clock.now())
        if over and rows is not None and rows[1]["type"] == "Complete":
            status["completionTime"] = timestamp(self.parts.clock.now())
        succeeded = sum(1 for pod in owned if podfacts.phase_of(pod) == "Succeeded")
        counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
        status |= {name: count for name, count in counts.items() if count}
        status["terminating"] = sum(1 for pod in owned if podfacts.is_leaving(pod)) if not over else 0
        status["uncountedTerminatedPods"] = {}
        status["ready"] = sum(1 for pod in active if podfacts.is_ready(pod))
        self.parts.store.set_status(_RESOURCE, job, status)

    def _suspend(self, job: Object, active: list[Object]) -> None:
        for pod in active:
            self.parts.store.mark_deleted("pods", *key_of(pod))
            self.recorder.normal(job, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        self._started.pop(job["metadata"]["uid"], None)
        old = podfacts.condition(job, "Suspended")
        if old is not None and old["status"] == "True":
            return
        self.recorder.normal(job, "Suspended", "Job suspended")
        status = copy_of(job.get("status") or {})
        for name in ("startTime", "active"):
            status.pop(name, None)
        status["conditions"] = [self._row("Suspended", ("JobSuspended", "Job suspended"))]
        status |= {"terminating": 0, "uncountedTerminatedPods": {}, "ready": 0}
        self.parts.store.set_status(_RESOURCE, job, status)

    def _resume(self, job: Object) -> None:
        old = podfacts.condition(job, "Suspended")
        if old is None or old["status"] == "False":
            return
        self.recorder.normal(job, "Resumed", "Job resumed")
        status = copy_of(job["status"])
        status["conditions"] = [self._row("Suspended", ("JobResumed", "Job resumed"), "False")]
        status["startTime"] = timestamp(self.parts.clock.now())
        self.parts.store.set_status(_RESOURCE, job, status)

    def _expire(self, job: Object) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        ended = _finished(job)
        if ttl is None or ended is None:
            return
        age = (self.parts.clock.now() - parse_time(ended["lastTransitionTime"])).total_seconds()
        left = self.parts.scaled(float(ttl)) - age
        if left > 0:
            self.queue.add_after(key_of(job), left + 0.1)
        else:
            self.parts.store.mark_deleted(_RESOURCE, *key_of(job))


def _failures(job: Object, owned: list[Object]) -> int:
    failed = sum(1 for pod in owned if podfacts.phase_of(pod) == "Failed")
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return failed
    restarts = sum(int(row.get("restartCount") or 0) for pod in owned
                   for row in pod.get("status", {}).get("containerStatuses") or ())  # fmt: skip
    return failed + restarts


def _finished(job: Object) -> Object | None:
    for kind in ("Complete", "Failed"):
        found = podfacts.condition(job, kind)
        if found is not None and found["status"] == "True":
            return found
    return None
