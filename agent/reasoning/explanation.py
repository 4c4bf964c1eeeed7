"""Ranks candidate causes by what they explain. The score is a sum of parts that a person can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent.reasoning.causes import CauseGraph, cause_graph
from agent.reasoning.topology import Topology
from knowledge.vocabulary import ChainLink, Finding, Focus, Hypothesis, RecalledCase, ScorePart, Severity, digest_of
from tools.contracts import Snapshot
from tools.detectors.changes import Change, recent_changes
from tools.detectors.library import DetectorLibrary

WEIGHTS: Mapping[str, float] = {
    "coverage": 0.28,
    "specificity": 0.24,
    "focus": 0.16,
    "recency": 0.10,
    "severity": 0.08,
    "change": 0.09,
    "cases": 0.05,
}
SEVERITY_VALUE = {
    Severity.CRITICAL: 1.0,
    Severity.HIGH: 0.8,
    Severity.MEDIUM: 0.5,
    Severity.LOW: 0.2,
    Severity.INFO: 0.0,
}
CHANGE_LEAD = timedelta(minutes=45)
MAXIMUM_EVIDENCE = 16


@dataclass(frozen=True, slots=True)
class _Setting:
    """What every part of the score looks at."""

    graph: CauseGraph
    topology: Topology
    library: DetectorLibrary
    snapshot: Snapshot
    focus: Focus
    changes: Sequence[Change]
    recalled: Sequence[RecalledCase]


def explain(
    findings: Sequence[Finding],
    topology: Topology,
    library: DetectorLibrary,
    snapshot: Snapshot,
    focus: Focus,
    recalled: Sequence[RecalledCase] = (),
) -> list[Hypothesis]:
    """Best first. A finding that another, non-symptomatic one explains is ranked below it but kept; a symptom is a
    hypothesis of its own only when nothing explains it. Causes that share nothing stay several hypotheses."""
    graph = cause_graph(findings, topology, library)
    setting = _Setting(graph, topology, library, snapshot, focus, recent_changes(snapshot), recalled)
    hypotheses = [_hypothesis(setting, finding) for finding in findings if _is_candidate(graph, finding)]
    return sorted(hypotheses, key=lambda one: (-one.score, one.began_at is None, one.fault, one.object.key))


def _is_candidate(graph: CauseGraph, finding: Finding) -> bool:
    return not finding.is_symptom or not graph.causes_of(finding.id)


def _hypothesis(setting: _Setting, finding: Finding) -> Hypothesis:
    explained = setting.graph.explained_by(finding.id)
    parts = (
        _coverage(setting, finding, explained),
        _specificity(setting, finding),
        _focus(setting, finding, explained),
        _recency(setting, finding, explained),
        _severity(setting, finding, explained),
        _change(setting, finding),
        _cases(setting, finding),
    )
    evidence = [*finding.evidence_ids]
    for effect in explained:
        evidence.extend(setting.graph.findings[effect].evidence_ids[:2])
    return Hypothesis(
        id="h-" + digest_of([finding.fault, finding.object.key, finding.id])[7:19],
        fault=finding.fault,
        object=finding.object,
        title=finding.title,
        explanation=finding.explanation,
        score=round(sum(part.value * part.weight for part in parts), 4),
        parts=parts,
        finding_ids=(finding.id,),
        explains=tuple(explained),
        chain=tuple(explained.values()),
        evidence_ids=tuple(dict.fromkeys(evidence))[:MAXIMUM_EVIDENCE],
        case_ids=tuple(case.case_id for case in setting.recalled if _speaks_of(case, finding.fault)),
        began_at=finding.began_at,
    )


def _part(name: str, value: float, because: str) -> ScorePart:
    return ScorePart.model_validate(
        {"name": name, "value": round(value, 3), "weight": WEIGHTS[name], "because": because}
    )


def _coverage(setting: _Setting, finding: Finding, explained: Mapping[str, ChainLink]) -> ScorePart:
    """Of the findings that call for an explanation (symptoms, and what others explain), how many this one accounts for."""
    open_ids = setting.graph.open_ids
    mine = len(open_ids & set(explained)) + (finding.id in open_ids)
    if not open_ids:
        return _part("coverage", 1.0, "nothing else calls for an explanation")
    return _part("coverage", mine / len(open_ids), f"accounts for {mine} of {len(open_ids)} symptoms")


def _specificity(setting: _Setting, finding: Finding) -> ScorePart:
    upstream = [
        setting.graph.findings[one_id]
        for one_id in setting.graph.causes_of(finding.id)
        if not setting.graph.findings[one_id].is_symptom
    ]
    if upstream:
        return _part("specificity", 0.0, f"is itself explained by {upstream[0].fault} on {upstream[0].object.key}")
    if finding.is_symptom:
        return _part("specificity", 0.1, "is a symptom: its own cause is not seen")
    detector = setting.library.by_id.get(finding.fault)
    if detector is not None and detector.is_change:
        return _part("specificity", 0.2, "is a change just before: nothing narrower was seen")
    if detector is not None and detector.is_general:
        return _part("specificity", 0.4, "is a general sign: narrower faults would say more")
    return _part("specificity", 1.0, "names one cause")


def _focus(setting: _Setting, finding: Finding, explained: Mapping[str, ChainLink]) -> ScorePart:
    """How near the fault, or something it explains, lies to what the alert or the ticket names."""
    focus = setting.focus
    named = {target.key for target in focus.objects} | _alerted(setting)
    if not (named or focus.services or focus.namespaces):
        return _part("focus", 0.5, "no object was named")
    if _is_named(setting, finding, named):
        return _part("focus", 1.0, "is what the report names")
    for effect in explained:
        if _is_named(setting, setting.graph.findings[effect], named):
            return _part("focus", 0.9, f"explains {setting.graph.findings[effect].object.key}, which the report names")
    if finding.object.namespace in focus.namespaces:
        return _part("focus", 0.4, "is in the namespace that the report names")
    return _part("focus", 0.3 if not finding.object.namespace else 0.1, "is apart from what the report names")


def _alerted(setting: _Setting) -> set[str]:
    """Objects that firing alerts name in their labels, and Services so named."""
    found: set[str] = set()
    for alert in setting.snapshot.alerts:
        if alert.status != "firing":
            continue
        for label, kind in ALERT_LABELS:
            if alert.labels.get(label):
                found.add(f"{kind}/{alert.namespace}/{alert.labels[label]}")
        if alert.labels.get("node"):
            found.add(f"Node/{alert.labels['node']}")
        if alert.service:
            found.add(f"Service/{alert.namespace}/{alert.service}")
    return found


ALERT_LABELS = (
    ("pod", "Pod"),
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("job_name", "Job"),
    ("service", "Service"),
    ("ingress", "Ingress"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
)


def _is_named(setting: _Setting, finding: Finding, named: set[str]) -> bool:
    return setting.topology.is_named(finding.object.key, setting.focus.services, named)


def _recency(setting: _Setting, finding: Finding, explained: Mapping[str, ChainLink]) -> ScorePart:
    """A cause begins before what it explains (a minute's slack: kubelets report late)."""
    times = [began for one_id in explained if (began := setting.graph.findings[one_id].began_at) is not None]
    if finding.began_at is None:
        return _part("recency", 0.5, "when it began is not known")
    if times:
        before = sum(finding.began_at <= time + timedelta(seconds=60) for time in times)
        return _part("recency", before / len(times), f"began before {before} of {len(times)} effects")
    age = setting.snapshot.taken_at - finding.began_at
    if age <= timedelta(hours=1):
        return _part("recency", 1.0, "began within the last hour")
    return _part("recency", 0.6 if age <= timedelta(days=1) else 0.3, f"began {int(age.total_seconds() // 3600)} h ago")


def _severity(setting: _Setting, finding: Finding, explained: Mapping[str, ChainLink]) -> ScorePart:
    ids = [finding.id, *explained]
    worst = max(SEVERITY_VALUE[setting.graph.findings[one_id].severity] for one_id in ids)
    return _part("severity", worst, "the worst of it and what it explains")


def _change(setting: _Setting, finding: Finding) -> ScorePart:
    detector = setting.library.by_id.get(finding.fault)
    if detector is not None and detector.is_change:
        return _part("change", 0.0, "is itself the change")
    change = change_near(finding, setting.topology, setting.changes)
    if change is None:
        return _part("change", 0.0, "no change of it was seen just before")
    return _part("change", 1.0, f"{change.object.key}: {change.what.en}, at {change.at:%H:%M} UTC, just before")


def change_near(finding: Finding, topology: Topology, changes: Sequence[Change]) -> Change | None:
    """The newest change of the faulty object, or of what it mounts, that came at most 45 minutes before the fault began."""
    family = topology.family(finding.object.key)
    concerned = {family, finding.object.key, *topology.targets(family, "mounts"), *topology.targets(family, "runs_on")}
    for change in changes:
        if topology.family(change.object.key) not in concerned:
            continue
        began = finding.began_at or change.at
        if -timedelta(minutes=10) <= began - change.at <= CHANGE_LEAD:
            return change
    return None


def _cases(setting: _Setting, finding: Finding) -> ScorePart:
    matching = [case for case in setting.recalled if _speaks_of(case, finding.fault)]
    if not matching:
        return _part("cases", 0.3, "no accepted case tells of it")
    held, lost = (sum(case.outcomes[index] for case in matching) for index in (0, 1))
    value = (held + 1) / (held + lost + 1.5)
    return _part("cases", min(value, 1.0), f"{len(matching)} cases: the remedy held {held} times, failed {lost} times")


def _speaks_of(case: RecalledCase, fault: str) -> bool:
    return fault in case.why or fault in case.case_id


__all__ = ["change_near", "explain"]
