"""What workloads must keep to: selectors, replicas, templates, and what may not change later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evals.practice.admission.names import label_causes
from evals.practice.admission.pod_rules import pod_spec_causes
from evals.practice.controllers.cronjob import parse_schedule
from evals.practice.controllers.selectors import matches
from evals.practice.errors import Cause

Object = dict[str, Any]
_STATEFUL_OPEN = ("replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy",
                  "minReadySeconds", "revisionHistoryLimit")  # fmt: skip
_STATEFUL_TEXT = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_IMMUTABLE = "field is immutable"


def workload_causes(resource: str, new: Object, old: Object | None) -> Iterator[Cause]:
    """Deployments, ReplicaSets, StatefulSets, DaemonSets."""
    spec = new["spec"]
    if resource == "statefulsets.apps" and old is not None:
        yield from _stateful_update(spec, old["spec"])
    yield from _not_negative(spec, "replicas", "minReadySeconds")
    selector = spec.get("selector")
    if selector is None:
        yield Cause.required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        kind = new["kind"].lower()
        yield Cause.invalid("spec.selector", _go_selector(selector), f"empty selector is invalid for {kind}")
    claims = frozenset(str(one["metadata"]["name"]) for one in spec.get("volumeClaimTemplates") or ())
    yield from _template_causes(spec["template"], selector, claims)
    if resource == "deployments.apps":
        yield from _rollout_causes(spec)
    if old is not None and resource != "statefulsets.apps" and selector != old["spec"].get("selector"):
        yield Cause("FieldValueInvalid", "spec.selector", f"Invalid value: {_go_selector(selector)}: {_IMMUTABLE}")


def _not_negative(spec: Object, *keys: str) -> Iterator[Cause]:
    for key in keys:
        value = spec.get(key)
        if isinstance(value, int) and value < 0:
            yield Cause.invalid(f"spec.{key}", value, "must be greater than or equal to 0")


def _template_causes(template: Object, selector: Object | None, claims: frozenset[str]) -> Iterator[Cause]:
    labels: Object = template.get("metadata", {}).get("labels") or {}
    if not selector or not matches(selector, labels):
        shown = _go_map(labels)
        text = "`selector` does not match template `labels`"
        yield Cause("FieldValueInvalid", "spec.template.metadata.labels", f"Invalid value: {shown}: {text}")
    yield from label_causes(labels, "spec.template.labels")
    yield from pod_spec_causes(template.get("spec") or {}, "spec.template.spec", claims)
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        yield Cause.unsupported("spec.template.spec.restartPolicy", policy, ["Always"])


def _rollout_causes(spec: Object) -> Iterator[Cause]:
    strategy = spec.get("strategy") or {}
    kind = strategy.get("type")
    if kind == "Recreate" and strategy.get("rollingUpdate") is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        yield Cause.forbidden("spec.strategy.rollingUpdate", text)
    elif kind not in ("Recreate", "RollingUpdate"):
        yield Cause.unsupported("spec.strategy.type", kind, ["Recreate", "RollingUpdate"])
    rolling = strategy.get("rollingUpdate") or {}
    if kind == "RollingUpdate" and rolling.get("maxSurge") in (0, "0%") and rolling.get("maxUnavailable") in (0, "0%"):
        text = "may not be 0 when `maxSurge` is 0"
        yield Cause.invalid("spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], text)
    yield from _not_negative(spec, "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        yield from _not_negative(spec, "progressDeadlineSeconds")
        if deadline <= (spec.get("minReadySeconds") or 0):
            yield Cause.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _stateful_update(spec: Object, before: Object) -> Iterator[Cause]:
    after, was = dict(spec), dict(before)
    for key in _STATEFUL_OPEN:
        after.pop(key, None)
        was.pop(key, None)
    if after != was:
        yield Cause.forbidden("spec", _STATEFUL_TEXT)


def job_causes(new: Object, old: Object | None) -> Iterator[Cause]:
    """A Job's numbers and template, and what stays as it was."""
    spec = new["spec"]
    yield from _job_spec_causes(spec, "spec")
    if old is None:
        return
    before = old["spec"]
    for key in ("completions", "selector", "completionMode"):
        if spec.get(key) != before.get(key):
            shown = _go_selector(spec.get(key)) if key == "selector" else spec.get(key)
            yield Cause.invalid(f"spec.{key}", shown, _IMMUTABLE)
    if spec.get("template") != before.get("template") and not before.get("suspend"):
        yield Cause.invalid("spec.template", "{...}", _IMMUTABLE)


def _job_spec_causes(spec: Object, path: str) -> Iterator[Cause]:
    for key in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        value = spec.get(key)
        if isinstance(value, int) and value < 0:
            yield Cause.invalid(f"{path}.{key}", value, "must be greater than or equal to 0")
    template = spec["template"].get("spec") or {}
    if template.get("restartPolicy") == "Always":
        yield from pod_spec_causes(template, f"{path}.template.spec")
        yield Cause.required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    else:
        yield from pod_spec_causes(template, f"{path}.template.spec")


def cronjob_causes(new: Object) -> Iterator[Cause]:
    """The schedule, and the Job that it makes."""
    spec = new["spec"]
    yield from _job_spec_causes(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")
    schedule = spec.get("schedule") or ""
    if not schedule:
        yield Cause.required("spec.schedule")
    else:
        fields = schedule.split()
        if len(fields) != 5 and not schedule.startswith("@"):
            shown = " ".join(fields)
            text = f"expected exactly 5 fields, found {len(fields)}: [{shown}]"
            yield Cause.invalid("spec.schedule", schedule, text)
        else:
            try:
                parse_schedule(schedule)
            except ValueError as error:
                yield Cause.invalid("spec.schedule", schedule, str(error))
    allowed = ["Allow", "Forbid", "Replace"]
    if spec.get("concurrencyPolicy") not in allowed:
        yield Cause.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), allowed)


def _go_map(values: Object) -> str:
    inner = ", ".join(f'"{key}":"{value}"' for key, value in sorted(values.items()))
    return f"map[string]string{{{inner}}}"


def _go_selector(selector: Object | None) -> str:
    """How Go shows a LabelSelector; expressions only by their number of elements."""
    found = selector or {}
    labels = _go_map(found["matchLabels"]) if found.get("matchLabels") else "map[string]string(nil)"
    rows = found.get("matchExpressions") or ()
    expressions = "{" + ", ".join(str(row) for row in rows) + "}" if rows else "(nil)"
    return f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement{expressions}}}"
