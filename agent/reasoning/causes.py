"""Which finding explains which: the faults' explains-edges, held against the topology."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from agent.reasoning.nearness import Neighbourhood, places_of
from agent.reasoning.topology import Topology
from knowledge.vocabulary import ChainLink, Finding
from tools.detectors.format import Explains
from tools.detectors.library import DetectorLibrary, FaultDetector


@dataclass
class CauseGraph:
    """``direct[cause id][effect id]`` is the relation over which the one explains the other."""

    findings: dict[str, Finding]
    direct: dict[str, dict[str, str]] = field(default_factory=dict)
    _causes: dict[str, list[str]] | None = None

    def explained_by(self, cause: str) -> dict[str, ChainLink]:
        """Everything a finding explains, near or far, each with the last link of the shortest chain to it."""
        found: dict[str, ChainLink] = {}
        queue = deque([cause])
        while queue:
            here = queue.popleft()
            for effect, relation in self.direct.get(here, {}).items():
                if effect != cause and effect not in found:
                    found[effect] = ChainLink(
                        cause=_name(self.findings[here]), effect=_name(self.findings[effect]), relation=relation
                    )
                    queue.append(effect)
        return found

    def causes_of(self, effect: str) -> list[str]:
        """Direct ones. Asked of the finished graph only: they are turned round once."""
        if self._causes is None:
            self._causes = {}
            for cause, effects in self.direct.items():
                for one in effects:
                    self._causes.setdefault(one, []).append(cause)
        return self._causes.get(effect, [])

    @cached_property
    def open_ids(self) -> frozenset[str]:
        """Findings that call for an explanation: symptoms, and what others explain."""
        return frozenset(one_id for one_id, one in self.findings.items() if one.is_symptom or self.causes_of(one_id))


def _name(finding: Finding) -> str:
    return f"{finding.fault} @ {finding.object.key}"


def cause_graph(findings: Sequence[Finding], topology: Topology, library: DetectorLibrary) -> CauseGraph:
    """A symptom explains another only when it does not lie further down: of two that explain each other, the one with the
    narrower reach stays an effect (see ``_without_mutual``)."""
    graph = CauseGraph(findings={finding.id: finding for finding in findings})
    near = Neighbourhood(findings, topology)
    for cause in findings:
        detector = library.by_id.get(cause.fault)
        if detector is None:
            continue
        for edge in detector.edges:
            for number in near.of(cause, edge.over):
                effect = findings[number]
                if effect.id == cause.id or not _speaks_of(edge, detector, effect, library):
                    continue
                if not _in_order(edge, cause, effect):
                    continue
                relation = _relation(topology, cause, effect, edge)
                if relation:
                    graph.direct.setdefault(cause.id, {}).setdefault(effect.id, relation)
    _without_mutual(graph)
    return graph


def _relation(topology: Topology, cause: Finding, effect: Finding, edge: Explains) -> str:
    """From the object at fault, or from where its fault shows, to the effect."""
    for start in places_of(cause):
        for end in places_of(effect):
            relation = topology.reaches(start, end, edge.over)
            if relation:
                return relation
    return ""


def _speaks_of(edge: Explains, cause: FaultDetector, effect: Finding, library: DetectorLibrary) -> bool:
    """What explains symptoms explains general signs too, on whatever object they stand: the exit code of a caller. A mere
    change does not: of what was seen and what only lies near in time, the former is the narrower word."""
    if effect.fault in edge.faults or f"layer:{effect.layer.value}" in edge.faults:
        return True
    if "symptoms" not in edge.faults:
        return False
    if effect.is_symptom:
        return True
    sign = library.by_id.get(effect.fault)
    return sign is not None and sign.is_general and not sign.is_change and not (cause.is_change or cause.is_general)


SLACK = timedelta(minutes=2)


def _in_order(edge: Explains, cause: Finding, effect: Finding) -> bool:
    if not edge.only_after:
        return True
    return cause.began_at is not None and effect.began_at is not None and cause.began_at <= effect.began_at + SLACK


def _without_mutual(graph: CauseGraph) -> None:
    """Of two findings that explain each other, the likelier cause keeps its edge: a cause before a symptom, then the one
    that is named to explain more, then the earlier one."""
    for one in list(graph.direct):
        for other in list(graph.direct[one]):
            if one not in graph.direct.get(other, {}):
                continue
            weaker = max((one, other), key=lambda one_id: _weakness(graph, one_id))
            stronger = other if weaker == one else one
            graph.direct[weaker].pop(stronger, None)


def _weakness(graph: CauseGraph, id: str) -> tuple[bool, int, float, str]:
    finding = graph.findings[id]
    began = finding.began_at.timestamp() if finding.began_at else float("inf")
    return finding.is_symptom, -len(graph.direct.get(id, {})), began, finding.fault
