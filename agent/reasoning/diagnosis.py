"""Draws the conclusion: a fault with its evidence, "no fault now", or "not known, and these are the gaps"."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from agent.reasoning.confidence import calibration, fault_parts, no_fault_parts
from agent.reasoning.explanation import change_near, explain
from agent.reasoning.moved_first import with_moved_first
from agent.reasoning.topology import Topology, build_topology
from knowledge.vocabulary import (
    Diagnosis,
    Finding,
    Focus,
    Gap,
    Hypothesis,
    RecalledCase,
    Severity,
    Text,
    Verdict,
)
from tools.contracts import Snapshot
from tools.detectors.changes import Change, recent_changes
from tools.detectors.library import DetectorLibrary
from tools.detectors.wellness import is_well

BLINDING = frozenset({"pods", "deployments", "cluster"})
"""Without these a healthy answer would be a guess: the plural names of the resources."""

WORDS = re.compile(r"[a-z]+")
LISTED_OTHERS = 8
QUIET = frozenset({Severity.LOW, Severity.INFO})


def conclude(
    findings: Sequence[Finding],
    snapshot: Snapshot,
    library: DetectorLibrary,
    *,
    focus: Focus | None = None,
    recalled: Sequence[RecalledCase] = (),
    topology: Topology | None = None,
    began_monotonic: float | None = None,
) -> Diagnosis:
    """The diagnosis of one snapshot. Pure but for the citations that it adds to the snapshot; ``seconds`` counts from
    ``began_monotonic`` (``time.monotonic()``) or from the call."""
    began = began_monotonic if began_monotonic is not None else time.monotonic()
    topology = topology or build_topology(snapshot)
    hypotheses = explain(findings, topology, library, snapshot, focus or snapshot.focus, recalled)
    asked = focus or snapshot.focus
    loud = [one for one in hypotheses if _is_loud(one, findings, topology, asked)]
    blinding = [gap for gap in snapshot.gaps if is_blinding(gap, focus or snapshot.focus)]
    if loud:
        diagnosis = _fault(loud, findings, snapshot, topology, library, blinding)
    elif blinding or not any(True for _ in snapshot.kinds()):
        diagnosis = _unknown(snapshot, blinding)
    elif firing := [alert.name for alert in snapshot.alerts if alert.status == "firing"]:
        diagnosis = _unexplained(snapshot, firing, hypotheses)
    else:
        diagnosis = _no_fault(snapshot, hypotheses, asked)
    diagnosis = with_moved_first(diagnosis, snapshot, topology)
    return diagnosis.model_copy(update={"seconds": round(time.monotonic() - began, 4)})


def is_blinding(gap: Gap, focus: Focus) -> bool:
    """Whether the gap hides what every conclusion rests on. A list that was cut, or a namespace apart from the focus, is a
    gap to show, but no blindness."""
    if gap.source in ("logs", "metrics", "custom", "events", "request") or any(
        word in gap.reason for word in ("more than", "only the first")
    ):
        return False
    what, _, namespace = gap.query.partition(" in ")
    if namespace and focus.namespaces and namespace not in focus.namespaces:
        return False
    return gap.source == "cluster" or bool(BLINDING & set(WORDS.findall(what.lower())))


def _is_loud(hypothesis: Hypothesis, findings: Sequence[Finding], topology: Topology, focus: Focus) -> bool:
    """Worth an incident. What is of low severity is worth one only on the very thing that somebody asks about."""
    severity = _severity_of(hypothesis, findings)
    if severity is Severity.LOW:
        return topology.is_named(hypothesis.object.key, focus.services, {one.key for one in focus.objects})
    return severity not in QUIET


def _severity_of(hypothesis: Hypothesis, findings: Sequence[Finding]) -> Severity:
    ids = {*hypothesis.finding_ids, *hypothesis.explains}
    return min((one.severity for one in findings if one.id in ids), key=lambda severity: severity.rank)


def _fault(
    hypotheses: Sequence[Hypothesis],
    findings: Sequence[Finding],
    snapshot: Snapshot,
    topology: Topology,
    library: DetectorLibrary,
    blinding: Sequence[Gap],
) -> Diagnosis:
    chosen, rest = hypotheses[0], hypotheses[1:]
    by_id = {finding.id: finding for finding in findings}
    rivals = [one for one in rest if not set(one.finding_ids) & set(chosen.explains)]
    runner_up = next(iter(rivals or rest), None)
    change = change_near(by_id[chosen.finding_ids[0]], topology, recent_changes(snapshot))
    parts = fault_parts(chosen, rivals, by_id, snapshot.cited(), library, snapshot.gaps, blinding)
    return Diagnosis(
        verdict=Verdict.FAULT,
        chosen=chosen,
        confidence=calibration().confidence("fault", parts),
        confidence_parts=parts,
        runner_up=runner_up,
        others=tuple(one for one in rest if one is not runner_up)[:LISTED_OTHERS],
        gaps=tuple(snapshot.gaps),
        summary=_summary(chosen, by_id, rivals, change),
        ruled_out=(*_explained_away(chosen, by_id), *_history(snapshot)),
    )


def _summary(
    chosen: Hypothesis, by_id: dict[str, Finding], rivals: Sequence[Hypothesis], change: Change | None
) -> Text:
    """Object, cause, what follows from it, what was changed before, and whether there is a second fault."""
    english = [f"{chosen.explanation.en} (object: {chosen.object.key})"]
    chinese = [f"{chosen.explanation.zh}（对象：{chosen.object.key}）"]
    effects = [by_id[one_id] for one_id in chosen.explains if one_id in by_id][:3]
    if effects:
        english.append("It explains: " + "; ".join(effect.title.en for effect in effects) + ".")
        chinese.append("由此解释：" + "；".join(effect.title.zh for effect in effects) + "。")
    if change is not None:
        english.append(f"Just before ({change.at:%H:%M} UTC): {change.object.key}, {change.what.en}.")
        chinese.append(f"此前不久（{change.at:%H:%M} UTC）：{change.object.key}，{change.what.zh}。")
    others = [one for one in rivals if one.parts and not _is_symptom(one, by_id)][:2]
    if others:
        english.append("Independent of it: " + "; ".join(other.title.en for other in others) + ".")
        chinese.append("另有独立问题：" + "；".join(other.title.zh for other in others) + "。")
    return Text(en=" ".join(english), zh="".join(chinese))


def _is_symptom(hypothesis: Hypothesis, by_id: dict[str, Finding]) -> bool:
    return by_id[hypothesis.finding_ids[0]].is_symptom


def _explained_away(chosen: Hypothesis, by_id: dict[str, Finding]) -> tuple[Text, ...]:
    return tuple(
        Text(
            en=f"{by_id[one_id].title.en}: a consequence, not the cause.",
            zh=f"{by_id[one_id].title.zh}：是结果，不是原因。",
        )
        for one_id in chosen.explains[:5]
        if one_id in by_id
    )


def _history(snapshot: Snapshot) -> tuple[Text, ...]:
    """Warning events whose objects are well now or gone: said, so that nobody has to wonder about them."""
    reasons: dict[str, int] = {}
    for event in snapshot.of_kind("Event"):
        if event.get("type") != "Warning":
            continue
        about = event.get("involvedObject") or event.get("regarding") or {}
        item = snapshot.find(str(about.get("kind", "")), str(about.get("namespace", "")), str(about.get("name", "")))
        if item is None or is_well(item, snapshot.taken_at):
            reason = str(event.get("reason", "?"))
            reasons[reason] = reasons.get(reason, 0) + 1
    if not reasons:
        return ()
    listed = ", ".join(f"{reason} x{count}" for reason, count in sorted(reasons.items())[:6])
    return (
        Text(
            en=f"Old warnings whose objects are well or gone now: {listed}.",
            zh=f"对象现已恢复或不存在的旧告警事件：{listed}。",
        ),
    )


def _no_fault(snapshot: Snapshot, hypotheses: Sequence[Hypothesis], focus: Focus) -> Diagnosis:
    pods = len(snapshot.of_kind("Pod"))
    english = f"No fault now: {pods} pods and everything else that was looked at are well."
    chinese = f"当前没有故障：已检查的 {pods} 个 Pod 及其他对象均正常。"
    if hypotheses:
        english += " Worth knowing: " + "; ".join(one.title.en for one in hypotheses[:3]) + "."
        chinese += "可留意：" + "；".join(one.title.zh for one in hypotheses[:3]) + "。"
    parts = no_fault_parts(hypotheses, snapshot.gaps, (), is_asked=bool(focus.services or focus.objects))
    return Diagnosis(
        verdict=Verdict.NO_FAULT,
        confidence=calibration().confidence("no_fault", parts),
        confidence_parts=parts,
        others=tuple(hypotheses[:LISTED_OTHERS]),
        gaps=tuple(snapshot.gaps),
        summary=Text(en=english, zh=chinese),
        ruled_out=_history(snapshot),
    )


def _unexplained(snapshot: Snapshot, firing: Sequence[str], hypotheses: Sequence[Hypothesis]) -> Diagnosis:
    names = ", ".join(dict.fromkeys(firing))
    return Diagnosis(
        verdict=Verdict.UNKNOWN,
        confidence=0.3,
        others=tuple(hypotheses[:LISTED_OTHERS]),
        gaps=tuple(snapshot.gaps),
        summary=Text(
            en=f"{names} is firing, and nothing that was gathered explains it: the objects that were looked at are well.",
            zh=f"告警 {names} 正在触发，但已收集的证据无法解释：已检查的对象均正常。",
        ),
        ruled_out=_history(snapshot),
    )


def _unknown(snapshot: Snapshot, blinding: Sequence[Gap]) -> Diagnosis:
    missing = "; ".join(f"{gap.source} {gap.query}: {gap.reason}" for gap in blinding[:4]) or "nothing was gathered"
    return Diagnosis(
        verdict=Verdict.UNKNOWN,
        confidence=0.1,
        gaps=tuple(snapshot.gaps),
        summary=Text(
            en=f"Not enough evidence for a conclusion. What could not be read: {missing}.",
            zh=f"证据不足，无法下结论。未能读取：{missing}。",
        ),
    )
