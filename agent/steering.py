"""Hints that people give to a running diagnosis: kept on the incident, read by the next look. Hearsay: a hint widens where is
looked and stands among the evidence in its author's name; no finding and no plan rests on it alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from agent.deps import Deps
from knowledge.vocabulary import EvidenceKind, Focus, Json, ObjectRef, TimelineEntry
from tools.redaction import redact_text
from tools.snapshot import ClusterSnapshot

STAGE = "steer"
SOURCE = "person"
MOST_STEERS = 20
"""Hints of one incident."""

MOST_LOOKS = 8
"""Of one run, for the model's requests and for hints together: who goes on hinting does not keep the desk from concluding."""


@dataclass(frozen=True)
class Steer:
    """What was said, by whom, and what of the cluster it names (within its author's scope)."""

    by: str
    text: str
    namespaces: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    objects: tuple[ObjectRef, ...] = ()

    def as_json(self) -> Json:
        return {
            "text": self.text,
            "namespaces": list(self.namespaces),
            "services": list(self.services),
            "objects": [one.model_dump(mode="json") for one in self.objects],
            "is_hearsay": True,
        }

    @classmethod
    def of(cls, entry: TimelineEntry) -> Steer:
        data = entry.data
        return cls(
            by=entry.actor,
            text=str(data.get("text", "")),
            namespaces=tuple(data.get("namespaces", ())),
            services=tuple(data.get("services", ())),
            objects=tuple(ObjectRef.model_validate(one) for one in data.get("objects", ())),
        )


async def steers_of(incident_id: str, deps: Deps) -> list[Steer]:
    """In the order in which they were given."""
    if not await asyncio.to_thread(deps.ledger.timeline.count, incident_id, STAGE):
        return []
    entries = await asyncio.to_thread(deps.ledger.timeline.for_incident, incident_id)
    return [Steer.of(entry) for entry in entries if entry.stage == STAGE][:MOST_STEERS]


def widened(focus: Focus, steers: Sequence[Steer]) -> Focus:
    """The focus with what the hints name, as far as its reach goes."""
    if not steers:
        return focus

    def may(namespace: str, service: str = "") -> bool:
        return focus.reach.allows(cluster=focus.cluster, namespace=namespace, service=service)

    namespaces = [one for steer in steers for one in steer.namespaces if may(one)]
    objects = [one for steer in steers for one in steer.objects if one.cluster == focus.cluster and may(one.namespace)]
    services = [one for steer in steers for one in steer.services if may("", one)]
    return focus.model_copy(
        update={
            "namespaces": tuple(dict.fromkeys((*focus.namespaces, *namespaces))) if focus.namespaces else (),
            "services": tuple(dict.fromkeys((*focus.services, *services))),
            "objects": tuple(dict.fromkeys((*focus.objects, *objects))),
        }
    )


def cite_steers(snapshot: ClusterSnapshot, steers: Sequence[Steer]) -> None:
    """Each hint as a fact of its own: that this person said so, nothing more."""
    for number, steer in enumerate(steers, start=1):
        text = f"Said by {steer.by}, not checked: {redact_text(steer.text)[:2_000]}"
        snapshot.cite_note(EvidenceKind.TICKET, SOURCE, f"hint {number} of {steer.by}", text)


def hints_in(snapshot: ClusterSnapshot) -> int:
    """How many hints a look took in."""
    return sum(fact.source == SOURCE for fact in snapshot.cited())


async def unread_steers(incident_id: str, read: int, deps: Deps) -> int:
    """How many hints came in since the look that read ``read`` of them."""
    count = await asyncio.to_thread(deps.ledger.timeline.count, incident_id, STAGE)
    return max(0, min(count, MOST_STEERS) - read)
