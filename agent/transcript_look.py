"""A diagnosis of what somebody pasted: terminal transcripts, support bundles, bare logs, alerts. No cluster is asked.

The paste becomes the same snapshot that a live look makes, so that detectors, topology and explanation are the same. When
the asker gives a closed list of causes, the hypotheses are put in its words and those that it does not know come last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.reasoning.candidates import Candidate, CandidateList, Match
from agent.reasoning.diagnosis import conclude
from agent.reasoning.topology import Topology, build_topology
from agent.reasoning.triage import names_in, namespaces_in
from knowledge.vocabulary import Diagnosis, Evidence, Finding, Focus, Hypothesis, Json, ObjectRef

if TYPE_CHECKING:
    from tools.detectors.library import DetectorLibrary
    from tools.transcript.reading import PasteReading

MOST_HYPOTHESES = 10
UNNAMED_FACTOR = 0.5
"""A hypothesis that the asker's list does not know is kept, below those that it knows."""

NEARLY = 0.85
"""A second candidate this near to the best one of the same hypothesis is said too."""


@dataclass(frozen=True, slots=True)
class RankedCause:
    """One line of the answer: the hypothesis and, where a list was given, the candidate that it means."""

    rank: int
    hypothesis: Hypothesis
    object: ObjectRef
    """Whose fault it is to a person: the workload where only one uses the claim, account or configuration that is at fault."""
    candidate: Candidate | None
    confidence: float
    explains: tuple[str, ...]
    """Titles of what follows from it, in English with the object."""

    def as_json(self) -> Json:
        exact = self.hypothesis.object
        return {
            "rank": self.rank,
            "object": {"kind": self.object.kind, "namespace": self.object.namespace, "name": self.object.name},
            "at": {"kind": exact.kind, "namespace": exact.namespace, "name": exact.name},
            "cause": self.hypothesis.fault,
            "title": {"en": self.hypothesis.title.en, "zh": self.hypothesis.title.zh},
            "candidate": [self.candidate.taxonomy, self.candidate.name] if self.candidate else None,
            "confidence": self.confidence,
            "evidence": list(self.hypothesis.evidence_ids),
            "explains": list(self.explains),
        }


@dataclass(frozen=True, slots=True)
class PasteDiagnosis:
    reading: PasteReading
    diagnosis: Diagnosis
    ranked: tuple[RankedCause, ...]
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    seconds: float

    def as_json(self) -> Json:
        """The shape that `opsdesk diagnose --transcript FILE --json` prints; ``evidence`` maps the ids to their texts."""
        cited = {one for cause in self.ranked for one in cause.hypothesis.evidence_ids}
        return {
            "verdict": self.diagnosis.verdict.value,
            "summary": {"en": self.diagnosis.summary.en, "zh": self.diagnosis.summary.zh},
            "hypotheses": [cause.as_json() for cause in self.ranked],
            "ruled_out": [text.en for text in self.diagnosis.ruled_out],
            "gaps": [gap.model_dump(mode="json") for gap in self.diagnosis.gaps],
            "evidence": {one.id: one.text for one in self.evidence if one.id in cited},
            "seconds": self.seconds,
        }


def diagnose_paste(
    reading: PasteReading,
    *,
    detectors: DetectorLibrary,
    candidates: Sequence[Candidate] = (),
    question: str = "",
    namespace: str = "",
    began: float | None = None,
) -> PasteDiagnosis:
    """Judges one paste. Pure but for the clock that times it: ``seconds`` counts from ``began`` (``time.perf_counter()``
    before the paste was read) or from the call."""
    began = time.perf_counter() if began is None else began
    snapshot = reading.snapshot()
    focus = _focus(snapshot.focus, question, namespace)
    findings = detectors.detect(snapshot)
    topology = build_topology(snapshot)
    diagnosis = conclude(findings, snapshot, detectors, focus=focus, topology=topology)
    hypotheses = [one for one in (diagnosis.chosen, diagnosis.runner_up, *diagnosis.others) if one is not None]
    hypotheses.sort(key=lambda one: -one.score)
    ranked = (
        tuple(_ranked(hypotheses, findings, diagnosis, topology, candidates)) if diagnosis.chosen is not None else ()
    )
    seconds = round(time.perf_counter() - began, 4)
    return PasteDiagnosis(reading, diagnosis, ranked, tuple(findings), tuple(snapshot.cited()), seconds)


def _focus(focus: Focus, question: str, namespace: str) -> Focus:
    namespaces = (namespace,) if namespace else namespaces_in(question) or focus.namespaces
    return focus.model_copy(update={"namespaces": namespaces, "services": names_in(question)})


def _ranked(
    hypotheses: Sequence[Hypothesis],
    findings: Sequence[Finding],
    diagnosis: Diagnosis,
    topology: Topology,
    candidates: Sequence[Candidate],
) -> Iterator[RankedCause]:
    by_id = {finding.id: finding for finding in findings}
    listed = CandidateList(candidates) if candidates else None
    rows: list[Row] = []
    for hypothesis in hypotheses:
        matches = listed.matches(hypothesis, by_id.get(hypothesis.finding_ids[0])) if listed else []
        if listed and not matches:
            matches = _coarser(listed, hypothesis, by_id, topology)
        rows.extend(_weighed(hypothesis, matches, is_listed=listed is not None))
    rows = _without_repeats(sorted(rows, key=lambda row: -row[0]))
    for rank, (weight, hypothesis, candidate) in enumerate(rows[:MOST_HYPOTHESES], start=1):
        confidence = diagnosis.confidence * weight / max(rows[0][0], 1e-9)
        effects = [by_id[one] for one in hypothesis.explains if one in by_id]
        explains = tuple(f"{effect.title.en} ({effect.object.key})" for effect in effects[:MOST_HYPOTHESES])
        target = whose(hypothesis.object, topology)
        yield RankedCause(rank, hypothesis, target, candidate, round(confidence, 3), explains)


Row = tuple[float, Hypothesis, Candidate | None]


def _without_repeats(rows: Sequence[Row]) -> list[Row]:
    """One row for a fault that several objects share and that explains the same of each: three cordoned nodes are one answer,
    and must not push the other answers out of sight."""
    kept: dict[object, Row] = {}
    for row in rows:
        _, hypothesis, candidate = row
        is_shared = bool(hypothesis.explains)
        key = (hypothesis.fault, frozenset(hypothesis.explains), candidate) if is_shared else (hypothesis.id, candidate)
        kept.setdefault(key, row)
    return list(kept.values())


COARSER = 0.85
"""What a list says of the effect in place of the cause counts a little less than what it says of the cause itself."""


SURELY = 0.55
"""An effect's words must agree well, for they stand in for another's."""


def _coarser(
    listed: CandidateList, hypothesis: Hypothesis, by_id: Mapping[str, Finding], topology: Topology
) -> list[Match]:
    """A list that does not know the cause may know what it does to the same workload: an init container that fails, for the
    panic in its log."""
    found: list[Match] = []
    for effect in (by_id[one] for one in hypothesis.explains if one in by_id):
        if topology.family(effect.object.key) != topology.family(hypothesis.object.key):
            continue
        told = hypothesis.model_copy(
            update={"fault": effect.fault, "title": effect.title, "explanation": effect.explanation}
        )
        matches = [one for one in listed.matches(told, effect)[:1] if one.score >= SURELY]
        found += [Match(one.candidate, one.score * COARSER) for one in matches]
    return sorted(found, key=lambda one: -one.score)


PARTS = frozenset(
    {
        "PersistentVolumeClaim",
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "ReplicaSet",
        "Pod",
        "PersistentVolume",
        "NetworkPolicy",
    }
)


def whose(target: ObjectRef, topology: Topology) -> ObjectRef:
    """The one workload that the object is a part of; the object itself when it has a life of its own or several users."""
    if target.kind not in PARTS:
        return target
    keys = {topology.family(target.key)} - {target.key}
    holders = [target.key, *topology.sources(target.key, "binds")]
    keys |= {topology.family(user) for holder in holders for user in topology.sources(holder, "mounts")}
    if target.kind == "NetworkPolicy":
        keys |= {topology.family(one) for one in topology.targets(target.key, "selects")}
    if len(keys) != 1:
        return target
    kind, _, rest = keys.pop().partition("/")
    namespace, _, name = rest.rpartition("/")
    return ObjectRef(cluster=target.cluster, kind=kind, namespace=namespace, name=name)


def _weighed(
    hypothesis: Hypothesis, matches: Sequence[Match], *, is_listed: bool
) -> Iterator[tuple[float, Hypothesis, Candidate | None]]:
    """The hypothesis as its best candidate, and as a second one that reads nearly as well."""
    if not matches:
        yield hypothesis.score * (UNNAMED_FACTOR if is_listed else 1.0), hypothesis, None
        return
    best = matches[0].score
    for match in matches[:2]:
        if match.score >= NEARLY * best:
            # A sure match does not outweigh a better explanation: words decide between candidates, not between causes.
            agreement = 0.75 + 0.25 * min(match.score / 0.8, 1.0)
            nearness = 1.0 if match is matches[0] else 0.9 * match.score / best
            yield hypothesis.score * agreement * nearness, hypothesis, match.candidate


__all__ = ["PasteDiagnosis", "RankedCause", "diagnose_paste"]
