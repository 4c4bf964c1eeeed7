"""What a channel is shown of an incident: one message that is kept up to date, and in its thread the diagnosis and the story.

A channel has a scope like a reader: what lies outside its patterns is left out as it is for a person.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.bootstrap import Desk
from api.messengers.links import Links
from api.messengers.message import Button, Buttons, Fact, Facts, Heading, Message, Note, Paragraph, Piece
from api.web.scoping import names_beyond, narrowed
from api.web.words import word
from knowledge.errors import NotFound
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    Diagnosis,
    Evidence,
    Incident,
    IncidentStatus,
    Language,
    Scope,
    Severity,
    TimelineEntry,
)

EVIDENCE_MOST = 10
EVIDENCE_CHARACTERS = 300
GAPS_MOST = 5
_LIGHTS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}
OVER = frozenset({IncidentStatus.ANSWERED, IncidentStatus.RESOLVED, IncidentStatus.CLOSED, IncidentStatus.MERGED})


@dataclass(frozen=True)
class Found:
    """What the ledger holds of an incident, as a channel may read it. ``is_hidden``: of a cause outside its scope."""

    incident: Incident
    diagnosis: Diagnosis | None = None
    is_hidden: bool = False
    approval: ApprovalRequest | None = None


def found_of(desk: Desk, incident: Incident, scope: Scope) -> Found:
    """Blocking."""
    from api.web.dossier import headline_within, latest_proposal

    incident = headline_within(scope, incident)
    diagnosis = desk.ledger.diagnoses.latest(incident.id)
    _, _, approval = latest_proposal(desk, incident)
    if diagnosis is None:
        return Found(incident, approval=approval)
    outside = names_beyond(desk, scope, incident)
    left: Any = narrowed(diagnosis.model_dump(mode="json"), scope, incident.cluster, outside)
    shown = None if left is None else Diagnosis.model_validate(left)
    is_hidden = bool(diagnosis.chosen and not (shown and shown.chosen))
    return Found(incident, None if is_hidden else shown, is_hidden, approval)


def incident_message(found: Found, language: Language, links: Links) -> Message:
    incident = found.incident
    is_over = incident.status in OVER
    light = "✅" if is_over else _LIGHTS[incident.severity]
    pieces: list[Piece] = [Heading(text=f"{light} {incident.title}"), Facts(facts=tuple(_facts(found, language)))]
    pieces += _diagnosed(found, language)
    if found.approval is not None and found.approval.status is ApprovalStatus.WAITING and not is_over:
        pieces.append(Paragraph(text=word("messengers.needs_review", language), tone="warning"))
    console = Button(label=word("messengers.open_console", language), does="look", link=links.incident(incident.id))
    pieces.append(Buttons(buttons=(console,)))
    status = word(f"status.{incident.status.value}", language)
    return Message(
        pieces=tuple(pieces),
        plain=f"{light} {incident.title} ({status})",
        link=links.incident(incident.id),
        more=word("messengers.more", language),
    )


def _facts(found: Found, language: Language) -> list[Fact]:
    incident = found.incident
    where = "/".join(part for part in (incident.cluster, incident.namespace, incident.service) if part)
    because = incident.reason_zh if language is Language.ZH and incident.reason_zh else incident.reason
    status = word(f"status.{incident.status.value}", language) + (f": {because}" if because else "")
    facts = [
        Fact(label=word("messengers.status", language), value=status),
        Fact(label=word("messengers.severity", language), value=word(f"severity.{incident.severity.value}", language)),
        Fact(label=word("messengers.where", language), value=where),
        Fact(label=word("messengers.opened", language), value=incident.opened_at),
    ]
    if incident.closed_at is not None:
        facts.append(Fact(label=word("messengers.closed", language), value=incident.closed_at))
    if incident.assignee:
        facts.append(Fact(label=word("messengers.assignee", language), value=incident.assignee))
    return facts


def _diagnosed(found: Found, language: Language) -> list[Piece]:
    if found.is_hidden:
        return [Note(text=word("messengers.hidden", language))]
    if found.diagnosis is None:
        return []
    sure = word("messengers.confidence", language, percent=f"{found.diagnosis.confidence:.0%}")
    summary = found.diagnosis.summary.within(language)
    return [Paragraph(text=f"{word('messengers.diagnosis', language)}: {summary} ({sure})")]


def diagnosis_message(found: Found, evidence: Sequence[Evidence], language: Language, links: Links) -> Message | None:
    """The diagnosis with what it rests on; None when there is none that this channel may read."""
    diagnosis = found.diagnosis
    if diagnosis is None:
        return None
    pieces: list[Piece] = _diagnosed(found, language)
    if diagnosis.chosen is not None:
        pieces.append(Paragraph(text=diagnosis.chosen.explanation.within(language)))
        chain = [f"{link.cause} → {link.effect}" for link in diagnosis.chosen.chain]
        if chain:
            pieces.append(Paragraph(text=f"{word('diagnosis.chain', language)}\n" + "\n".join(chain)))
    if diagnosis.runner_up is not None:
        second = f"{diagnosis.runner_up.title.within(language)} ({diagnosis.runner_up.score:.2f})"
        pieces.append(Paragraph(text=f"{word('diagnosis.runner_up', language)}: {second}"))
    for fact in evidence[:EVIDENCE_MOST]:
        text = " ".join(fact.text.split())
        text = text if len(text) <= EVIDENCE_CHARACTERS else text[: EVIDENCE_CHARACTERS - 1] + "…"
        pieces.append(Paragraph(text=f"{fact.kind.value} {fact.id} ({fact.source}): {text}"))
    unread = word("diagnosis.gaps", language)
    pieces += [
        Note(text=f"{unread}: {gap.source}: {gap.reason} {gap.next_step}".strip()) for gap in diagnosis.gaps[:GAPS_MOST]
    ]
    left = max(0, len(evidence) - EVIDENCE_MOST) + max(0, len(diagnosis.gaps) - GAPS_MOST)
    if left:
        link = links.incident(found.incident.id)
        pieces.append(Note(text=word("messengers.more", language, count=left, link=link)))
    return Message(
        pieces=tuple(pieces),
        plain=diagnosis.summary.within(language),
        link=links.incident(found.incident.id),
        more=word("messengers.more", language),
    )


def cited_evidence(desk: Desk, found: Found, scope: Scope) -> list[Evidence]:
    """What the chosen cause cites and the channel may read. Blocking."""
    from api.web.scoping import evidence_within

    chosen = found.diagnosis.chosen if found.diagnosis else None
    if chosen is None:
        return []
    held = []
    for evidence_id in chosen.evidence_ids:
        with contextlib.suppress(NotFound):  # what was swept away by age is no longer shown
            held.append(desk.ledger.evidence.get(evidence_id))
    return evidence_within(scope, held)


def story_message(entries: Sequence[TimelineEntry], language: Language, links: Links) -> Message:
    """What happened since the last such message, one paragraph a line of the story."""
    lines = [f"{entry.summary.within(language)} ({entry.actor})" for entry in entries]
    pieces = [Paragraph(text=f"· {line}") for line in lines]
    return Message(
        pieces=tuple(pieces),
        plain=lines[-1],
        link=links.incident(entries[-1].incident_id),
        more=word("messengers.more", language),
    )


def catch_up_message(incidents: Sequence[Incident], language: Language, links: Links) -> Message:
    """One message for many incidents that opened while the platform was away; the worst first."""
    still = [one for one in incidents if one.status not in OVER]
    lead = word("messengers.catch_up_lead", language, count=len(incidents), open=len(still))
    ranked = sorted(incidents, key=lambda one: (one.status in OVER, one.severity.rank, one.opened_at))
    rows = []
    for one in ranked:
        light = "✅" if one.status in OVER else _LIGHTS[one.severity]
        status = word(f"status.{one.status.value}", language)
        rows.append(Facts(facts=(Fact(label=f"{light} {status}", value=one.title, link=links.incident(one.id)),)))
    title = word("messengers.catch_up", language)
    return Message(
        pieces=(Heading(text=title), Paragraph(text=lead), *rows),
        plain=f"{title}: {lead}",
        link=links.home,
        more=word("messengers.more", language),
    )
