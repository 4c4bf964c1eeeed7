"""Judges a snapshot: every signal once, then every detector's groups, then one finding per object or workload at fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.vocabulary import Finding, ObjectRef, Text, digest_of
from tools.contracts import Snapshot
from tools.detectors.change_watcher import ChangeWatcher
from tools.detectors.event_watcher import EventWatcher
from tools.detectors.facts import PLACEHOLDER, automatic_facts, filled_text, said_by
from tools.detectors.format import (
    AlertNameSignal,
    ChangeSignal,
    DetectorForm,
    EventSignal,
    ExitCodeSignal,
    Group,
    LogSignal,
    MetricSignal,
    Signal,
    StatusSignal,
    TemplateSignal,
)
from tools.detectors.hits import Cite, Hit, HitTable, earliest, joined
from tools.detectors.log_watcher import LogWatcher
from tools.detectors.scene import Scene
from tools.detectors.status_watcher import StatusWatcher, needs_company
from tools.detectors.telemetry import MetricWatcher
from tools.detectors.template_watcher import TemplateWatcher
from tools.detectors.watchers import AlertWatcher, ExitCodeWatcher

MAXIMUM_CITATIONS = 8
"""Evidence per finding: ten pods with the same fault are told by the first few."""

Numbered = tuple[str, tuple[Any, ...]] | int
"""A group of signals with numbers for leaves: ("any", (0, ("all", (1, 2))))."""


@dataclass(frozen=True, slots=True)
class _Judged:
    form: DetectorForm
    family: str
    finding: Finding


class Engine:
    """``is_indexed`` False asks every object everything: the plain reading that the quick one is held to. ``cache_folder``
    keeps the automaton of the log signatures for the next start."""

    def __init__(
        self, forms: Sequence[DetectorForm], *, is_indexed: bool = True, cache_folder: Path | None = None
    ) -> None:
        signals: list[Signal] = []
        self._plans = [(form, _numbered(form.signals, signals)) for form in forms]
        plans = [plan for _, plan in self._plans] if is_indexed else []
        self._late = frozenset(number for plan in plans for number in _late(plan, signals))
        indexed = list(enumerate(signals))
        statuses = [(number, one) for number, one in indexed if isinstance(one, StatusSignal)]
        self._statuses = StatusWatcher(statuses, self._late, is_indexed=is_indexed)
        self._watchers = (
            self._statuses,
            EventWatcher([(number, one) for number, one in indexed if isinstance(one, EventSignal)]),
            ExitCodeWatcher([(number, one) for number, one in indexed if isinstance(one, ExitCodeSignal)]),
            LogWatcher([(number, one) for number, one in indexed if isinstance(one, LogSignal)], cache_folder),
            MetricWatcher([(number, one) for number, one in indexed if isinstance(one, MetricSignal)]),
            AlertWatcher([(number, one) for number, one in indexed if isinstance(one, AlertNameSignal)]),
            ChangeWatcher([(number, one) for number, one in indexed if isinstance(one, ChangeSignal)]),
            TemplateWatcher([(number, one) for number, one in indexed if isinstance(one, TemplateSignal)]),
        )

    def detect(self, snapshot: Snapshot) -> list[Finding]:
        """Most severe first; what yields to a narrower fault of the same family is left out."""
        scene, table = Scene(snapshot), HitTable()
        for watcher in self._watchers:
            watcher.watch(scene, table)
        judged: list[_Judged] = []
        for form, plan in self._plans:
            hits = self._resolved(plan, scene, table)
            if hits:
                judged.extend(_concluded(scene, form, hits))
        kept = _without_repeats([one.finding for one in judged if not _yields(one, judged)])
        return sorted(kept, key=lambda finding: (finding.severity.rank, finding.fault, finding.object.key))

    def _resolved(self, plan: Numbered, scene: Scene, table: HitTable) -> Sequence[Hit]:
        if isinstance(plan, int):
            return table.of(plan)
        mode, parts = plan
        if mode == "any":
            return [hit for part in parts for hit in self._resolved(part, scene, table)]
        found: dict[Numbered, Sequence[Hit]] = {}
        for part in sorted(parts, key=lambda part: part in self._late):
            if part in self._late:
                families = set.intersection(*({hit.family for hit in hits} for hits in found.values()))
                found[part] = self._statuses.hits_within(scene, part, families)
            else:
                found[part] = self._resolved(part, scene, table)
            if not found[part]:
                return []
        return joined([found[part] for part in parts])


def _without_repeats(findings: Sequence[Finding]) -> list[Finding]:
    """One finding of each fault on each object: two claims that blame one quota, two numbers of one service."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        first = kept.get(finding.id)
        if first is None:
            kept[finding.id] = finding
            continue
        evidence = tuple(dict.fromkeys((*first.evidence_ids, *finding.evidence_ids)))[:MAXIMUM_CITATIONS]
        began_at = earliest([first.began_at, finding.began_at])
        kept[finding.id] = first.model_copy(update={"evidence_ids": evidence, "began_at": began_at})
    return list(kept.values())


def _numbered(group: Group, signals: list[Signal]) -> Numbered:
    parts: list[Numbered] = []
    for part in (*group.any, *group.all):
        if isinstance(part, Group):
            parts.append(_numbered(part, signals))
        else:
            parts.append(len(signals))
            signals.append(part)
    return ("any" if group.any else "all", tuple(parts))


def _late(plan: Numbered, signals: Sequence[Signal]) -> set[int]:
    """Numbers of the status signals that most objects would have to be asked, where another part of the same ``all`` says
    which objects are worth asking. When all parts are such, the first is asked of all."""
    if isinstance(plan, int):
        return set()
    mode, parts = plan
    found = {number for part in parts for number in _late(part, signals)}
    if mode == "all":
        leaves = [(part, signals[part]) for part in parts if isinstance(part, int)]
        broad = [part for part, signal in leaves if isinstance(signal, StatusSignal) and needs_company(signal)]
        found.update(broad[1:] if len(broad) == len(parts) else broad)
    return found


def _concluded(scene: Scene, form: DetectorForm, hits: Sequence[Hit]) -> list[_Judged]:
    by_target: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_target[hit.family if form.report_at == "workload" else hit.reference.key].append(hit)
    return [_judged(scene, form, group) for group in by_target.values()]


def _judged(scene: Scene, form: DetectorForm, hits: Sequence[Hit]) -> _Judged:
    main = hits[0]
    target = _target(scene, form, main)
    facts = {**automatic_facts(scene, target, hits)}
    for hit in reversed(hits):
        facts.update({name: value for name, value in hit.facts.items() if value})
    facts["seen_at"] = target.key
    facts.setdefault("said", said_by(facts))
    target = _blamed(form, target, facts)
    finding = Finding(
        id="f-" + digest_of([scene.snapshot.cluster, form.id, target.key])[7:19],
        fault=form.id,
        layer=form.layer,
        severity=form.severity,
        object=target,
        title=Text(en=filled_text(form.title.en, facts, "en"), zh=filled_text(form.title.zh, facts, "zh")),
        explanation=Text(
            en=filled_text(form.explanation.en, facts, "en"), zh=filled_text(form.explanation.zh, facts, "zh")
        ),
        evidence_ids=_citations(hits),
        began_at=earliest(hit.began_at for hit in hits),
        is_symptom=form.is_symptom,
        facts=facts,
    )
    return _Judged(form=form, family=main.family, finding=finding)


def _target(scene: Scene, form: DetectorForm, hit: Hit) -> ObjectRef:
    if form.report_at == "workload" and hit.item is not None:
        return scene.workload_of(hit.item)
    return scene.snapshot.reference(hit.item) if hit.item is not None else hit.reference


def _blamed(form: DetectorForm, target: ObjectRef, facts: Mapping[str, str]) -> ObjectRef:
    """The object that the detector blames, when the facts name it; else the one it shows on."""
    if form.blame is None or not PLACEHOLDER.sub(lambda found: facts.get(found.group(1), ""), form.blame.name):
        return target
    return ObjectRef(
        cluster=target.cluster,
        kind=filled_text(form.blame.kind, facts, "en"),
        namespace=target.namespace if form.blame.is_namespaced else "",
        name=filled_text(form.blame.name, facts, "en"),
    )


def _citations(hits: Sequence[Hit]) -> tuple[str, ...]:
    """The first hit whole, then one citation of each further hit in turn, up to the bound."""
    cites: list[Cite] = list(hits[0].cites)
    for depth in range(max(len(hit.cites) for hit in hits)):
        cites.extend(hit.cites[depth] for hit in hits[1:] if depth < len(hit.cites))
    return tuple(dict.fromkeys(cite() for cite in cites[:MAXIMUM_CITATIONS]))


def _yields(one: _Judged, judged: Sequence[_Judged]) -> bool:
    if not one.form.yields_to:
        return False
    return any(
        other is not one
        and (other.family == one.family or other.finding.object.key == one.finding.object.key)
        and (
            other.form.id in one.form.yields_to
            or (not other.form.is_symptom and f"layer:{other.form.layer.value}" in one.form.yields_to)
            or ("causes" in one.form.yields_to and not other.form.is_symptom and "causes" not in other.form.yields_to)
        )
        for other in judged
    )
