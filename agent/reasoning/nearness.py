"""Which objects trouble could travel to over a relation: found from the cause, so that not every pair has to be tried.

Each entry of ``NEAR`` gives at least every object, or its family, for which ``REACH`` of ``topology.py`` says yes; the pairs that
remain are then tried in full. A relation without an entry tries all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from agent.reasoning.topology import Topology
from knowledge.vocabulary import Finding


def _same(topology: Topology, cause: str) -> set[str]:
    return {topology.family(cause)}


def _owned(topology: Topology, cause: str) -> set[str]:
    family = topology.family(cause)
    return topology.owners(family) | topology.owned(family)


def _selecting(topology: Topology, cause: str) -> set[str]:
    return {*topology.services_of(cause), *topology.targets(cause, "selects")}


def _routing(topology: Topology, cause: str) -> set[str]:
    return {one for service in topology.services_of(cause) for one in topology.sources(service, "routes")}


def _calling(topology: Topology, cause: str) -> set[str]:
    """The callers, what scales them, and the Services that send to them or to one of their family."""
    callers = {one for service in topology.services_of(cause) for one in topology.sources(service, "calls")}
    found = set(callers)
    for caller in callers:
        for member in topology.kin(caller):
            found.update(topology.sources(member, "selects"))
        found.update(topology.sources(caller, "scales"))
    return found


def _mounting(topology: Topology, cause: str) -> set[str]:
    mounted = [cause, *topology.sources(cause, "binds")]
    return {one for key in mounted for one in topology.sources(key, "mounts")}


def _running(topology: Topology, cause: str) -> set[str]:
    return set(topology.sources(cause, "runs_on"))


def _scaled(topology: Topology, cause: str) -> set[str]:
    scaled = topology.targets(cause, "scales")
    services = (service for one in scaled for service in topology.services_of(one))
    return {*scaled, *services, *topology.sources(topology.family(cause), "scales")}


NEAR: dict[str, Callable[[Topology, str], set[str]]] = {
    "same": _same,
    "owns": _owned,
    "selects": _selecting,
    "routes": _routing,
    "calls": _calling,
    "mounts": _mounting,
    "runs_on": _running,
    "scales": _scaled,
}


def places_of(finding: Finding) -> tuple[str, ...]:
    """The object at fault, and where its fault shows when that is another."""
    seen_at = finding.facts.get("seen_at", finding.object.key)
    return (finding.object.key,) if seen_at == finding.object.key else (finding.object.key, seen_at)


class Neighbourhood:
    """The findings by where they stand, asked for by where trouble could come to them."""

    def __init__(self, findings: Sequence[Finding], topology: Topology) -> None:
        self._topology = topology
        self._by_place: dict[str, set[int]] = defaultdict(set)
        self._everyone = range(len(findings))
        self._near: dict[tuple[str, str], set[int]] = {}
        for number, finding in enumerate(findings):
            for place in places_of(finding):
                self._by_place[place].add(number)
                self._by_place[topology.family(place)].add(number)

    def of(self, cause: Finding, relations: Iterable[str]) -> Iterable[int]:
        """Numbers of the findings worth trying, in their order."""
        found: set[int] = set()
        for relation in relations:
            if relation not in NEAR:
                return self._everyone
            for place in places_of(cause):
                found |= self._over(place, relation)
        return sorted(found)

    def _over(self, place: str, relation: str) -> set[int]:
        known = self._near.get((place, relation))
        if known is None:
            keys = NEAR[relation](self._topology, place)
            known = set().union(*(self._by_place[key] for key in keys if key in self._by_place))
            self._near[place, relation] = known
        return known
