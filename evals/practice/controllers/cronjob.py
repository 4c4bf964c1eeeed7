"""CronJobs: a Job at each time of the schedule, old ones cleared away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of, owner_reference, parse_time
from evals.practice.controllers.pods import condition
from evals.practice.errors import ApiError
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "cronjobs.batch"
_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_NAMED = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
          "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *"}  # fmt: skip


class CronJobs:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("cronjob-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._seen: set[str] = set()
        self._subscription = parts.store.subscribe(self._follow, _RESOURCE, "jobs.batch")
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
        if owner and owner["kind"] == "CronJob":
            self.queue.add((namespace_of(change.object), owner["name"]))

    def reconcile(self, key: Name) -> None:
        found = self.parts.store.find(_RESOURCE, *key)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return
        jobs = self.parts.jobs_by_controller.of(found["metadata"]["uid"])
        self._note_finished(found, jobs)
        self._clear(found, jobs)
        found = self.parts.store.get(_RESOURCE, *key)
        if not found["spec"].get("suspend"):
            self._run_if_due(found, jobs)

    def _run_if_due(self, found: Object, jobs: list[Object]) -> None:
        schedule = parse_schedule(found["spec"]["schedule"])
        status, now = found.get("status") or {}, self.parts.clock.now()
        last = parse_time(status.get("lastScheduleTime") or found["metadata"]["creationTimestamp"])
        due = next_time(schedule, max(last, now - timedelta(hours=1)))
        if due is not None and due <= now:
            following = next_time(schedule, due)
            while following is not None and following <= now:
                due, following = following, next_time(schedule, following)
            self._run(found, jobs, due)
            due = following
        if due is not None:
            self.queue.add_after(key_of(found), (due - now).total_seconds() + 0.02)

    def _run(self, found: Object, jobs: list[Object], due: datetime) -> None:
        active = [job for job in jobs if not _ended(job)]
        policy = found["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.recorder.normal(found, "JobAlreadyActive", text)
            return
        for job in active if policy == "Replace" else ():
            self.parts.store.mark_deleted("jobs.batch", *key_of(job))
            self.recorder.normal(found, "SuccessfulDelete", f"Deleted job {name_of(job)}")
        template = copy_of(found["spec"]["jobTemplate"])
        name = f"{name_of(found)}-{int(due.timestamp()) // 60}"
        notes = (template.get("metadata", {}).get("annotations") or {}) | {
            "batch.kubernetes.io/cronjob-scheduled-timestamp": timestamp(due)
        }
        meta: Object = {"name": name, "namespace": namespace_of(found), "annotations": notes,
                        "ownerReferences": [owner_reference(found)]}  # fmt: skip
        if template.get("metadata", {}).get("labels"):
            meta["labels"] = template["metadata"]["labels"]
        try:
            made = self.parts.store.create("jobs.batch", {"metadata": meta, "spec": template["spec"]})
        except ApiError as refused:
            if refused.code != 409:
                self.recorder.warning(found, "FailedCreate", f"Error creating job: {refused}")
            return
        self.recorder.normal(found, "SuccessfulCreate", f"Created job {name}")
        status = copy_of(found.get("status") or {})
        reference = {"kind": "Job", "namespace": namespace_of(found), "name": name, "uid": made["metadata"]["uid"],
                     "apiVersion": "batch/v1", "resourceVersion": made["metadata"]["resourceVersion"]}  # fmt: skip
        status["active"] = [*(status.get("active") or []), reference]
        status["lastScheduleTime"] = timestamp(due)
        self.parts.store.set_status(_RESOURCE, found, status)

    def _note_finished(self, found: Object, jobs: list[Object]) -> None:
        status = copy_of(found.get("status") or {})
        by_uid = {job["metadata"]["uid"]: job for job in jobs}
        kept = []
        for row in status.get("active") or ():
            job = by_uid.get(row["uid"])
            ended = _ended(job) if job else "Failed"
            if not ended:
                kept.append(row)
            elif job and row["uid"] not in self._seen:
                self._seen.add(row["uid"])
                text = f"Saw completed job: {name_of(job)}, condition: {ended}"
                self.recorder.normal(found, "SawCompletedJob", text)
                if ended == "Complete":
                    status["lastSuccessfulTime"] = job["status"].get(
                        "completionTime", timestamp(self.parts.clock.now())
                    )
        status.pop("active", None)
        if kept:
            status["active"] = kept
        self.parts.store.set_status(_RESOURCE, found, status)

    def _clear(self, found: Object, jobs: list[Object]) -> None:
        for kind, name, default in (
            ("Complete", "successfulJobsHistoryLimit", 3),
            ("Failed", "failedJobsHistoryLimit", 1),
        ):
            done = sorted(
                (job for job in jobs if _ended(job) == kind), key=lambda job: job["metadata"]["creationTimestamp"]
            )
            limit = found["spec"].get(name, default)
            for job in done[: max(0, len(done) - int(limit))]:
                self.parts.store.mark_deleted("jobs.batch", *key_of(job))
                self.recorder.normal(found, "SuccessfulDelete", f"Deleted job {name_of(job)}")


def _ended(job: Object) -> str:
    for kind in ("Complete", "Failed"):
        found = condition(job, kind)
        if found is not None and found["status"] == "True":
            return kind
    return ""


def parse_schedule(text: str) -> list[set[int]]:
    """Five sets: minutes, hours, days, months, weekdays. ValueError for what is none."""
    fields = _NAMED.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"a schedule has five fields, not {text!r}")
    return [_field(one, low, high) for one, (low, high) in zip(fields, _FIELDS, strict=True)]


def _field(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = low, high
        if span != "*":
            head, _, tail = span.partition("-")
            first = int(head)
            last = int(tail) if tail else (high if step else first)
        found.update(range(first, last + 1, int(step or 1)))
    return {value % 7 for value in found} if high == 6 else found


def next_time(schedule: list[set[int]], after: datetime) -> datetime | None:
    """The first minute after `after` that fits, within a year."""
    minutes, hours, days, months, weekdays = schedule
    moment = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = moment + timedelta(days=366)
    while moment < end:
        if moment.month not in months or moment.day not in days or (moment.weekday() + 1) % 7 not in weekdays:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
        elif moment.hour not in hours:
            moment = moment.replace(minute=0) + timedelta(hours=1)
        elif moment.minute not in minutes:
            moment += timedelta(minutes=1)
        else:
            return moment
    return None
