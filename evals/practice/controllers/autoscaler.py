"""HorizontalPodAutoscalers: replicas from resource metrics, with the conditions and events of a real one."""

from __future__ import annotations

from math import ceil
from typing import Any

from evals.practice.clock import Timer, timestamp
from evals.practice.controllers.parts import Parts, key_of
from evals.practice.controllers.pods import is_active, is_ready
from evals.practice.controllers.resources import amount, pod_requests, show
from evals.practice.controllers.rollout import replicas_of
from evals.practice.controllers.selectors import labels_of, matches
from evals.practice.hooks import MetricsSource
from evals.practice.kinds import resource_of
from evals.practice.store import copy_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "horizontalpodautoscalers.autoscaling"
_TOLERANCE = 0.1
_NO_METRICS = "did not receive metrics for targeted pods (pods might be unready)"


class MetricUnavailable(Exception):
    """A metric cannot be read; the text is the reason as the controller words it."""


class Autoscalers:
    def __init__(self, parts: Parts, metrics: MetricsSource) -> None:
        self.parts = parts
        self.metrics = metrics
        self.recorder = parts.recorder("horizontal-pod-autoscaler")
        self._low_since: dict[str, float] = {}
        self._timer: Timer | None = parts.clock.call_later(parts.timing.autoscaler_period / 3, self._round)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _round(self) -> None:
        for one in self.parts.store.list(_RESOURCE):
            self.reconcile(one)
        self._timer = self.parts.clock.call_later(self.parts.timing.autoscaler_period, self._round)

    def reconcile(self, hpa: Object) -> None:
        spec = hpa["spec"]
        rows = _Conditions(hpa, timestamp(self.parts.clock.now()))
        reference = spec["scaleTargetRef"]
        resource = resource_of(reference.get("apiVersion", "apps/v1"), reference["kind"])
        target = self.parts.store.find(resource, namespace_of(hpa), reference["name"]) if resource else None
        old = hpa.get("status") or {}
        if target is None or resource is None:
            plural, dot, group = (resource or reference["kind"].lower()).partition(".")
            text = f'{plural}/scale{dot}{group} "{reference["name"]}" not found'
            rows.put("AbleToScale", "False", "FailedGetScale",
                     f"the HPA controller was unable to get the target's current scale: {text}")  # fmt: skip
            self.recorder.warning(hpa, "FailedGetScale", text)
            kept = {"desiredReplicas": old.get("desiredReplicas", 0), "currentMetrics": old.get("currentMetrics")}
            if old.get("currentReplicas"):
                kept["currentReplicas"] = old["currentReplicas"]
            self._write(hpa, rows, kept, None)
            return
        rows.put("AbleToScale", "True", "SucceededGetScale",
                 "the HPA controller was able to get the target's current scale")  # fmt: skip
        current = replicas_of(target)
        if current == 0:
            rows.put("ScalingActive", "False", "ScalingDisabled",
                     "scaling is disabled since the replica count of the target is zero")  # fmt: skip
            self._write(hpa, rows, {"currentReplicas": 0, "desiredReplicas": 0}, None)
            return
        self._compute(hpa, target, resource, current, rows)

    def _compute(self, hpa: Object, target: Object, resource: str, current: int, rows: _Conditions) -> None:
        pods = [pod for pod in self.parts.pods_by_namespace.of(namespace_of(hpa))
                if is_active(pod) and matches(target["spec"].get("selector"), labels_of(pod))]  # fmt: skip
        best: tuple[int, str] | None = None
        shown: list[Object] = []
        problem: tuple[str, str, str] | None = None
        for metric in hpa["spec"].get("metrics") or ():
            try:
                wanted, name, row = self._metric(metric, pods, current)
            except MetricUnavailable as missing:
                problem = problem or _worded(metric, str(missing))
                continue
            shown.append(row)
            if best is None or wanted > best[0]:
                best = (wanted, name)
        if best is None:
            self._failed(hpa, problem or ("FailedGetResourceMetric", "no metrics", "no metrics"), current, rows)
            return
        rows.put("ScalingActive", "True", "ValidMetricFound",
                 f"the HPA was able to successfully calculate a replica count from {best[1]}")  # fmt: skip
        self._apply(hpa, target, resource, current, best, rows, shown)

    def _failed(self, hpa: Object, problem: tuple[str, str, str], current: int, rows: _Conditions) -> None:
        reason, short, full = problem
        count = len(hpa["spec"].get("metrics") or ())
        self.recorder.warning(hpa, reason, short)
        text = f"invalid metrics ({count} invalid out of {count}), first error is: {full}"
        self.recorder.warning(hpa, "FailedComputeMetricsReplicas", text)
        rows.put("ScalingActive", "False", reason, f"the HPA was unable to compute the replica count: {short}")
        old = hpa.get("status") or {}
        wanted = int(old.get("desiredReplicas") or 0)
        self._write(hpa, rows, {"currentReplicas": current, "desiredReplicas": wanted}, None)

    def _metric(self, metric: Object, pods: list[Object], current: int) -> tuple[int, str, Object]:
        if metric["type"] != "Resource":
            row = metric.get(metric["type"][:1].lower() + metric["type"][1:]) or {}
            name = (row.get("metric") or {}).get("name", "")
            raise MetricUnavailable(f"unable to get metric {name}: no metrics returned from custom metrics API")
        name, target = metric["resource"]["name"], metric["resource"]["target"]
        samples = [(pod, self.metrics.pod(namespace_of(pod), pod["metadata"]["name"])) for pod in pods]
        measured = [(pod, row) for pod, row in samples if row is not None and is_ready(pod)]
        if not measured:
            raise MetricUnavailable(f"failed to get {name} utilization: {_NO_METRICS}")
        usage = sum(float(amount(one["usage"][name])) for _, row in measured for one in row["containers"])
        average = usage / len(measured)
        if target["type"] == "Utilization":
            asked = 0.0
            for pod, _ in measured:
                requests = float(pod_requests(pod).get(name, 0))
                if not requests:
                    container = pod["spec"]["containers"][0]["name"]
                    raise MetricUnavailable(
                        f"failed to get {name} utilization: missing request for {name} in container {container} of Pod "
                        f"{pod['metadata']['name']}"
                    )
                asked += requests
            percent = round(100 * usage / asked)
            ratio, label = (
                percent / target["averageUtilization"],
                f"{name} resource utilization (percentage of request)",
            )
            now: Object = {"averageValue": _shown(name, average), "averageUtilization": percent}
        else:
            ratio, label = average / float(amount(target["averageValue"])), f"{name} resource"
            now = {"averageValue": _shown(name, average)}
        wanted = current if abs(ratio - 1) <= _TOLERANCE else ceil(ratio * len(measured))
        return wanted, label, {"type": "Resource", "resource": {"name": name, "current": now}}

    def _apply(self, hpa: Object, target: Object, resource: str, current: int, best: tuple[int, str],
               rows: _Conditions, shown: list[Object]) -> None:  # fmt: skip
        spec, uid = hpa["spec"], hpa["metadata"]["uid"]
        low, high = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
        wanted = max(low, min(high, best[0], max(2 * current, 4)))
        if best[0] > high:
            rows.put("ScalingLimited", "True", "TooManyReplicas",
                     "the desired replica count is more than the maximum replica count")  # fmt: skip
        elif best[0] < low:
            rows.put("ScalingLimited", "True", "TooFewReplicas",
                     "the desired replica count is less than the minimum replica count")  # fmt: skip
        else:
            rows.put("ScalingLimited", "False", "DesiredWithinRange",
                     "the desired count is within the acceptable range")  # fmt: skip
        wanted = self._stabilised(uid, current, wanted)
        if wanted == current:
            rows.put("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
        else:
            way = "above" if wanted > current else "below"
            reason = f"{best[1]} above target" if way == "above" else "All metrics below target"
            changed = copy_of(target)
            changed["spec"]["replicas"] = wanted
            self.parts.store.update(resource, changed)
            self.recorder.normal(hpa, "SuccessfulRescale", f"New size: {wanted}; reason: {reason}")
            rows.put("AbleToScale", "True", "SucceededRescale",
                     f"the HPA controller was able to update the target scale to {wanted}")  # fmt: skip
        status: Object = {"currentReplicas": current, "desiredReplicas": wanted}
        if wanted != current:
            status["lastScaleTime"] = timestamp(self.parts.clock.now())
        self._write(hpa, rows, status, shown)

    def _stabilised(self, uid: str, current: int, wanted: int) -> int:
        """Down only after five quiet minutes."""
        if wanted >= current:
            self._low_since.pop(uid, None)
            return wanted
        now = self.parts.clock.monotonic()
        since = self._low_since.setdefault(uid, now)
        return wanted if now - since >= self.parts.scaled(300) else current

    def _write(self, hpa: Object, rows: _Conditions, counts: Object, shown: list[Object] | None) -> None:
        status = dict(counts)
        old = hpa.get("status") or {}
        if "lastScaleTime" in old:
            status.setdefault("lastScaleTime", old["lastScaleTime"])
        metrics = hpa["spec"].get("metrics") or ()
        if "currentMetrics" not in counts:
            status["currentMetrics"] = shown or [{"type": ""} for _ in metrics]
        status["conditions"] = rows.rows()
        fresh = self.parts.store.find(_RESOURCE, *key_of(hpa))
        if fresh is not None:
            self.parts.store.set_status(_RESOURCE, fresh, status)


def _shown(name: str, value: float) -> str:
    scaled = round(value * 1000) if name == "cpu" else round(value)
    return f"{scaled}m" if name == "cpu" else show(name, amount(str(scaled)))


def _worded(metric: Object, why: str) -> tuple[str, str, str]:
    """(reason, short text, text with its context)."""
    if metric["type"] == "Resource":
        name = metric["resource"]["name"]
        return "FailedGetResourceMetric", why, f"failed to get {name} resource metric value: {why}"
    return f"FailedGet{metric['type']}Metric", why, f"failed to get {metric['type'].lower()} metric value: {why}"


class _Conditions:
    def __init__(self, hpa: Object, now: str) -> None:
        self._rows = {one["type"]: dict(one) for one in hpa.get("status", {}).get("conditions") or ()}
        self._now = now

    def put(self, kind: str, status: str, reason: str, message: str) -> None:
        old = self._rows.get(kind)
        since = old["lastTransitionTime"] if old and old["status"] == status else self._now
        self._rows[kind] = {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason,
                            "message": message}  # fmt: skip

    def rows(self) -> list[Object]:
        order = ("AbleToScale", "ScalingActive", "ScalingLimited")
        return [self._rows[kind] for kind in order if kind in self._rows]
