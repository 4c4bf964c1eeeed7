"""Deployments: ReplicaSets by template, rolling update, Recreate, pause, scaling, rollback, progress deadline."""

from __future__ import annotations

from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers import deployment_status as state
from evals.practice.controllers import rollout
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of, owner_reference
from evals.practice.controllers.pods import condition
from evals.practice.controllers.selectors import labels_of, matches
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "deployments.apps"
_SETS = "replicasets.apps"


class Deployments:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("deployment-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._progress_at: dict[str, float] = {}
        self._subscription = parts.store.subscribe(self._follow, _RESOURCE, _SETS, "pods")
        for one in parts.store.each(_RESOURCE):
            self.queue.add(key_of(one))

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        if change.resource == _RESOURCE:
            self.queue.add(key_of(change.object))
        elif change.resource == _SETS:
            owner = controller_of(change.object)
            if owner and owner["kind"] == "Deployment":
                self.queue.add((namespace_of(change.object), owner["name"]))
        elif change.type == "DELETED":
            self._pod_gone(change.object)

    def _pod_gone(self, pod: Object) -> None:
        """Recreate waits for the last old pod."""
        owner = controller_of(pod)
        found = self.parts.store.find(_SETS, namespace_of(pod), owner["name"]) if owner else None
        above = controller_of(found) if found else None
        if above:
            self.queue.add((namespace_of(pod), above["name"]))

    # -- one round -----------------------------------------------------------------------------------------------------

    def reconcile(self, key: Name) -> None:
        found = self.parts.store.find(_RESOURCE, *key)
        if found is None:
            return
        self._adopt(found)
        sets = self._sets(found)
        new = self._new_of(found, sets)
        if "deletionTimestamp" in found["metadata"]:
            self._write_status(found, new, sets)
        elif found["spec"].get("paused"):
            self._pause(found)
            self._scale(self._fresh(found), new, sets)
            self._forget(self._fresh(found), self._newest(new))
            self._write_status(self._fresh(found), self._newest(new), self._sets(found))
        else:
            self._unpause(found)
            self._roll(self._fresh(found), new, sets)

    def _roll(self, found: Object, new: Object | None, sets: list[Object]) -> None:
        if self._is_scaling(found, sets):
            self._scale(found, new, sets)
            self._write_status(self._fresh(found), self._newest(new), self._sets(found))
            return
        recreate = (found["spec"].get("strategy") or {}).get("type") == "Recreate"
        old = [one for one in sets if new is None or key_of(one) != key_of(new)]
        if recreate and self._stop_old(found, old):
            self._write_status(self._fresh(found), new, self._sets(found))
            return
        new = self._ensure_new(found, new, old)
        found = self._fresh(found)
        sets = self._sets(found)
        size = rollout.new_size(found, new, sets)
        if size != rollout.replicas_of(new):
            new = self._resize(found, new, size)
        elif not recreate:
            old = [one for one in sets if key_of(one) != key_of(new)]
            for name, smaller in rollout.shrink_old(found, new, old).items():
                self._resize(found, next(one for one in old if name_of(one) == name), smaller)
        self._write_status(found, self._newest(new), self._sets(found))
        if state.is_complete(found, self._fresh(found).get("status", {})):
            self._forget(self._fresh(found), self._newest(new))

    def _fresh(self, found: Object) -> Object:
        return self.parts.store.find(_RESOURCE, *key_of(found)) or found

    def _newest(self, one: Object | None) -> Object | None:
        return None if one is None else self.parts.store.find(_SETS, *key_of(one))

    def _sets(self, found: Object) -> list[Object]:
        return self.parts.sets_by_controller.of(found["metadata"]["uid"])

    def _adopt(self, found: Object) -> None:
        """Take ReplicaSets that nobody owns and that the selector matches (left by a deletion that orphaned them)."""
        if self.parts.sets_by_controller.count(found["metadata"]["uid"]) or "deletionTimestamp" in found["metadata"]:
            return
        for one in self.parts.store.list(_SETS, namespace_of(found)):
            if controller_of(one) is None and matches(found["spec"].get("selector"), labels_of(one)):
                taken = copy_of(one)
                taken["metadata"].setdefault("ownerReferences", []).append(owner_reference(found))
                self.parts.store.update(_SETS, taken)

    def _new_of(self, found: Object, sets: list[Object]) -> Object | None:
        """The oldest ReplicaSet that has the template of the Deployment."""
        same = [one for one in sets if rollout.same_template(one["spec"]["template"], found["spec"]["template"])]
        return min(same, key=lambda one: one["metadata"]["creationTimestamp"], default=None)

    # -- the new ReplicaSet --------------------------------------------------------------------------------------------

    def _ensure_new(self, found: Object, new: Object | None, old: list[Object]) -> Object:
        revision = max((rollout.revision_of(one) for one in old), default=0) + 1
        if new is None:
            new = self._create_new(found, old, revision)
            revision = rollout.revision_of(new)
        else:
            new = self._refresh_annotations(found, new, revision)
            revision = rollout.revision_of(new)
            self._note_found(found, new)
        if rollout.revision_of(self._fresh(found)) != revision:
            changed = copy_of(self._fresh(found))
            changed["metadata"].setdefault("annotations", {})[rollout.REVISION] = str(revision)
            # through the status, as the real controller does: the generation must not count this
            self.parts.store.update(_RESOURCE, changed, subresource="status")
        return new

    def _create_new(self, found: Object, old: list[Object], revision: int) -> Object:
        template = copy_of(found["spec"]["template"])
        collisions = 0
        while True:
            digest = rollout.template_hash(template, collisions)
            name = f"{name_of(found)}-{digest}"
            if self.parts.store.find(_SETS, namespace_of(found), name) is None:
                break
            collisions += 1
        template.setdefault("metadata", {}).setdefault("labels", {})[rollout.HASH] = digest
        template["metadata"].setdefault("creationTimestamp", None)
        selector = copy_of(found["spec"]["selector"])
        selector.setdefault("matchLabels", {})[rollout.HASH] = digest
        surge = rollout.limits(found)[0]
        wanted = rollout.replicas_of(found)
        spec: Object = {"replicas": 0, "selector": selector, "template": template}
        if found["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = found["spec"]["minReadySeconds"]
        made: Object = {
            "metadata": {
                "name": name, "namespace": namespace_of(found), "labels": dict(template["metadata"]["labels"]),
                "annotations": rollout.copied_annotations(found) | {
                    rollout.DESIRED: str(wanted), rollout.MAXIMUM: str(wanted + surge),
                    rollout.REVISION: str(revision),
                },
                "ownerReferences": [owner_reference(found)],
            },
            "spec": spec, "status": {"replicas": 0},
        }  # fmt: skip
        spec["replicas"] = rollout.new_size(found, made, [*old, made])
        size = spec["replicas"]
        made = self.parts.store.create(_SETS, made)
        if size:
            self.recorder.normal(found, "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}")
        self._progressed(found)
        self._put_condition(found, "NewReplicaSetCreated", f'Created new replica set "{name}"')
        return made

    def _refresh_annotations(self, found: Object, new: Object, revision: int) -> Object:
        changed = copy_of(new)
        notes = changed["metadata"].setdefault("annotations", {})
        notes.update(rollout.copied_annotations(found))
        before = rollout.revision_of(new)
        if before < revision:
            if before:
                history = [one for one in notes.get(rollout.HISTORY, "").split(",") if one]
                notes[rollout.HISTORY] = ",".join([*history, str(before)])
            notes[rollout.REVISION] = str(revision)
            self._progressed(found)
        if rollout.replicas_of(new) or before < revision:
            wanted = rollout.replicas_of(found)
            notes[rollout.DESIRED] = str(wanted)
            notes[rollout.MAXIMUM] = str(wanted + rollout.limits(found)[0])
        if found["spec"].get("minReadySeconds"):
            changed["spec"]["minReadySeconds"] = found["spec"]["minReadySeconds"]
        return self.parts.store.update(_SETS, changed)

    def _note_found(self, found: Object, new: Object) -> None:
        if condition(found, "Progressing") is None:
            self._put_condition(found, "FoundNewReplicaSet", f'Found new replica set "{name_of(new)}"')

    def _put_condition(self, found: Object, reason: str, message: str, status: str = "True") -> None:
        fresh = self._fresh(found)
        if fresh["spec"].get("progressDeadlineSeconds") is None:
            return
        now = copy_of(fresh.get("status") or {})
        conditions = state.Conditions(now.get("conditions") or [], timestamp(self.parts.clock.now()))
        conditions.put("Progressing", status, reason, message)
        now["conditions"] = conditions.rows()
        self.parts.store.set_status(_RESOURCE, fresh, now)

    # -- sizes ---------------------------------------------------------------------------------------------------------

    def _is_scaling(self, found: Object, sets: list[Object]) -> bool:
        for one in sets:
            desired = (one["metadata"].get("annotations") or {}).get(rollout.DESIRED)
            if rollout.replicas_of(one) and desired is not None and int(desired) != rollout.replicas_of(found):
                return True
        return False

    def _scale(self, found: Object, new: Object | None, sets: list[Object]) -> None:
        active = [one for one in sets if rollout.replicas_of(one)]
        latest = max(sets, key=rollout.revision_of, default=None)
        target = active[0] if len(active) == 1 else (new or latest) if not active else None
        if target is not None:
            self._resize(found, target, rollout.replicas_of(found))
        elif new is not None and self._is_saturated(found, new):
            for one in active:
                if key_of(one) != key_of(new):
                    self._resize(found, one, 0)
        elif active and (found["spec"].get("strategy") or {}).get("type") != "Recreate":
            for name, size in rollout.proportional(found, active).items():
                self._resize(found, next(one for one in active if name_of(one) == name), size)

    def _is_saturated(self, found: Object, new: Object) -> bool:
        wanted = rollout.replicas_of(found)
        return rollout.replicas_of(new) == wanted == rollout.available_of([new])

    def _resize(self, found: Object, one: Object, size: int) -> Object:
        before = rollout.replicas_of(one)
        changed = copy_of(self.parts.store.get(_SETS, *key_of(one)))
        notes = changed["metadata"].setdefault("annotations", {})
        wanted = rollout.replicas_of(found)
        notes[rollout.DESIRED] = str(wanted)
        notes[rollout.MAXIMUM] = str(wanted + rollout.limits(found)[0])
        changed["spec"]["replicas"] = size
        name = name_of(one)
        changed = self.parts.store.update(_SETS, changed)
        if size != before:
            way = "up" if size > before else "down"
            message = f"Scaled {way} replica set {name} from {before} to {size}"
            self.recorder.normal(found, "ScalingReplicaSet", message)
        return changed

    def _stop_old(self, found: Object, old: list[Object]) -> bool:
        """Recreate: true while an old pod is left."""
        for one in old:
            if rollout.replicas_of(one):
                self._resize(found, one, 0)
        return any(self.parts.pods_by_controller.count(one["metadata"]["uid"]) for one in old)

    def _forget(self, found: Object, new: Object | None) -> None:
        """Drop the oldest finished ReplicaSets beyond the history limit."""
        limit = found["spec"].get("revisionHistoryLimit")
        if limit is None:
            return
        old = [one for one in self._sets(found) if new is None or key_of(one) != key_of(new)]
        idle = [one for one in old if not rollout.replicas_of(one) and not one.get("status", {}).get("replicas")
                and "deletionTimestamp" not in one["metadata"]]  # fmt: skip
        idle.sort(key=rollout.revision_of)
        for one in idle[: max(0, len(old) - int(limit))]:
            self.parts.store.mark_deleted(_SETS, *key_of(one))

    # -- status --------------------------------------------------------------------------------------------------------

    def _pause(self, found: Object) -> None:
        current = condition(found, "Progressing")
        if found["spec"].get("progressDeadlineSeconds") is None or (current and current["reason"] == state.TIMED_OUT):
            return
        if current is None or current["reason"] != "DeploymentPaused":
            self._put_condition(found, "DeploymentPaused", "Deployment is paused", "Unknown")

    def _unpause(self, found: Object) -> None:
        current = condition(found, "Progressing")
        if current is not None and current["reason"] == "DeploymentPaused":
            self._progressed(found)
            self._put_condition(found, "DeploymentResumed", "Deployment is resumed", "Unknown")

    def _progressed(self, found: Object) -> None:
        self._progress_at[found["metadata"]["uid"]] = self.parts.clock.monotonic()

    def _write_status(self, found: Object, new: Object | None, sets: list[Object]) -> None:
        found = self._fresh(found)
        old = found.get("status") or {}
        status = state.counts(found, new, sets)
        conditions = state.Conditions(old.get("conditions") or [], timestamp(self.parts.clock.now()))
        state.put_available(conditions, found, status)
        deadline = found["spec"].get("progressDeadlineSeconds")
        if deadline is None:
            conditions.drop("Progressing")
        elif not found["spec"].get("paused"):
            if state.has_progressed(old, status):
                self._progressed(found)
            late = self._lateness(found, float(deadline))
            state.put_progress(conditions, found, old, status, new, is_late=late <= 0)
            self._watch_deadline(found, conditions, late)
        state.put_failure(conditions, ([new] if new else []) + sets)
        status["conditions"] = conditions.rows()
        self.parts.store.set_status(_RESOURCE, found, status)

    def _lateness(self, found: Object, deadline_seconds: float) -> float:
        """Seconds left until the rollout counts as stuck."""
        now = self.parts.clock.monotonic()
        since = self._progress_at.setdefault(found["metadata"]["uid"], now)
        return since + self.parts.scaled(deadline_seconds) - now

    def _watch_deadline(self, found: Object, conditions: state.Conditions, left: float) -> None:
        current = conditions.get("Progressing")
        if current is None or current["reason"] in (state.AVAILABLE, state.TIMED_OUT):
            return
        self.queue.add_after(key_of(found), max(left, 0.0) + 0.02)
