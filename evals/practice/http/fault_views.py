"""A fault as `/practice/faults` shows it: its id and titles, and, once it is on, the alert that a Prometheus would send."""

from __future__ import annotations

import functools
import pathlib
import re
from typing import Any

import yaml

from evals.practice.hooks import Object

_RULES = pathlib.Path(__file__).parents[1] / "platform" / "alert_rules.yaml"
_LABEL = re.compile(r"{{\s*\$labels\.(\w+)\s*}}")
_VALUE = re.compile(r"{{[^}]*}}\s?")


def described(fault: Object) -> Object:
    """`title` in both languages, `id` beside the name."""
    return {**fault, "id": fault["name"], "title": {"en": fault["title"], "zh": fault["title_zh"]}}


def switched_on(fault: Object) -> Object:
    """The fault with the first alert that its truth names."""
    shown = described(fault)
    truth = fault.get("truth")
    if truth is not None:
        shown["alert"] = _alert(truth)
    return shown


def _alert(truth: Object) -> Object:
    target = truth["target"]
    name = next(iter(truth["alerts"]), "WorkloadDegraded")
    rule = _rules().get(name, {})
    summary = (rule.get("annotations") or {}).get("summary") or f"{target['kind']} {target['name']} is degraded"
    labels = {"namespace": target["namespace"]}
    text = _LABEL.sub(lambda match: str(labels.get(match[1], target["name"])), summary)
    return {
        "name": name,
        "namespace": target["namespace"],
        "service": next(iter(truth["services"]), target["name"]),
        "severity": (rule.get("labels") or {}).get("severity", "warning"),
        "summary": _VALUE.sub("", text),
    }


@functools.cache
def _rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(_RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
