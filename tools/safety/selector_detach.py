"""Protects the tie between pods and what selects them."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, Writes, said
from tools.safety.policy import Policy, matches

_TEMPLATED = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ReplicationController"}
)


def _touched_labels(writes: Writes) -> set[str]:
    """Label keys of pods that the step sets or removes, on the pod or in a template."""
    if writes.kind.kind != "Pod" and writes.kind.kind not in _TEMPLATED:
        return set()
    found: set[str] = set()
    depth = ("metadata", "labels") if writes.kind.kind == "Pod" else ("template", "metadata", "labels")
    for path, value in writes.walk():
        if path[-len(depth) :] == depth and isinstance(value, dict):
            found |= value.keys()
    found |= {path[-1] for path in writes.removed if path[-1 - len(depth) : -1] == depth}
    if any(path[-len(depth) :] == depth for path in writes.removed):
        found.add("*")
    return found


def _selecting_keys(subject: Subject) -> set[str]:
    """Label keys by which something near the target picks it now."""
    labels = (subject.observed or {}).get("metadata", {}).get("labels") or {}
    found: set[str] = set()
    for item in subject.nearby:
        selector = item.get("spec", {}).get("selector") or {}
        pairs = selector.get("matchLabels", selector) if isinstance(selector, dict) else {}
        if pairs and all(labels.get(key) == value for key, value in pairs.items()):
            found |= pairs.keys()
    return found


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    for writes in subject.writes:
        # A manifest says every label again; what of them changes on an object that is there stands in the writes besides.
        if writes.is_whole and (not subject.observed or subject.command.verb == "apply"):
            continue
        touched = _touched_labels(writes)
        if not touched:
            continue
        selecting = {key for key in touched if key == "*" or matches(key.lower(), policy.selecting_labels)}
        if not subject.is_offline:
            selecting |= touched & _selecting_keys(subject)
        if selecting:
            names = ", ".join(sorted(selecting))
            yield said(
                Ruling.TWO,
                f"changes labels by which pods are picked: {names}",
                f"修改用于选择 Pod 的标签：{names}",
                is_open=subject.is_offline,
            )


RULE = SafetyRule(
    "selector_detach", Text(en="the tie between pods and what selects them", zh="Pod 与选择器之间的关联"), _judge,
    ("kubectl label pod web-1 note=checked", "kubectl patch svc web -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'", "kubectl label deploy web app=web --overwrite"),
    (
        ("kubectl label pod web-1 app-", Ruling.TWO),
        ("kubectl label po/web-1 app=old --overwrite", Ruling.TWO),
        ("kubectl label pods web-1 app.kubernetes.io/name=x --overwrite", Ruling.TWO),
        ("kubectl patch pod web-1 -p '{\"metadata\":{\"labels\":{\"app\":null}}}'", Ruling.TWO),
        ("kubectl patch pod web-1 --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/labels/app\"}]'", Ruling.TWO),
        ("kubectl patch pod web-1 --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/labels\"}]'", Ruling.TWO),
    ),
)  # fmt: skip
