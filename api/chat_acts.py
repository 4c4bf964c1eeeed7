"""What the chat does on the asker's word: opens an incident, takes a hint to a diagnosis, starts it again. All of it in the asker's
name, with the asker's rights; nothing of it changes a cluster."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from agent.chat.names import Known, Mentions, mentions_in
from agent.chat.reply import Offers
from agent.chat.understood import Understood
from agent.steering import MOST_STEERS, STAGE, Steer
from api.bootstrap import Desk
from api.web import acts
from api.web.access import incident_within, require
from knowledge.errors import BadInput, NotFound, WrongState
from knowledge.ledger.conversations import Conversation, Message
from knowledge.vocabulary import Evidence, Incident, IncidentStatus, Principal, Role, Text, TimelineEntry
from tools.redaction import redact_text

RUNNING = frozenset({IncidentStatus.OPEN, IncidentStatus.INVESTIGATING})
_YES = re.compile(
    r"^\s*(?:yes|yep|y|confirm(?:ed)?|go ahead|open it|open (?:an |the )?incident|open a ticket|submit(?: it)?|yes,? (?:please|open it|go ahead)|"
    r"确认|是的?|开单|提交|转为?事件单?|转工单|就这样(?:做|办)?|确认开单)\s*[.!。！]*\s*$",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"^\s*(?:look again|diagnose (?:it )?again|re-?diagnose|try again|重新诊断|再诊断一次|再看一遍|重新查看)\s*[.!。！]*\s*$",
    re.IGNORECASE,
)


def is_yes(text: str) -> bool:
    return bool(_YES.match(text[:80]))


def is_again(text: str) -> bool:
    return bool(_AGAIN.match(text[:80]))


def opening(message: Message) -> str:
    """What the message offers to open an incident with; empty when it offers none."""
    for block in message.payload.get("blocks") or ():
        if block.get("block") == "offers":
            for offer in Offers.model_validate(block).offers:
                if offer.does == "open":
                    return offer.text
    return ""


def open_from(
    desk: Desk,
    principal: Principal,
    conversation: Conversation,
    messages: Sequence[Message],
    message_id: str,
    channel: str,
) -> Incident:
    """The incident that an answer becomes; the same answer again: the incident of the first time. Blocking.

    Raises NotFound for a message that is not of the conversation or of the desk, NotAuthorised for who may not open tickets.
    """
    require(principal, Role.RESPONDER)
    place = next((at for at, one in enumerate(messages) if one.id == message_id), None)
    if place is None or messages[place].said_by != "desk":
        raise NotFound(f"there is no answer {message_id} in conversation {conversation.id}")
    answer = messages[place]
    asked = Understood.from_json(answer.payload.get("understood") or {})
    text = opening(answer) or next(
        (one.text for one in reversed(messages[:place]) if one.said_by == "person"), answer.text
    )
    pasted = (
        next((one.text for one in reversed(messages[:place]) if one.said_by == "person"), "")
        if asked.intent == "paste"
        else ""
    )
    try:
        order = acts.TicketOrder(
            text=pasted or text,
            cluster=str(answer.payload.get("cluster") or ""),
            namespace=asked.namespace or (asked.target.namespace if asked.target else ""),
            service=asked.target.name if asked.target else "",
            channel=channel,  # type: ignore[arg-type]
        )
    except ValidationError as error:
        raise BadInput(error.errors()[0]["msg"].removeprefix("Value error, "), next_step="open a ticket") from None
    incident = acts.open_ticket(desk, principal, order, key=f"chat {message_id}")
    facts = [Evidence.model_validate(fact) for fact in answer.payload.get("evidence") or ()]
    if facts:
        desk.ledger.evidence.put_many(incident.id, facts)
    if not conversation.incident_id:
        desk.ledger.conversations.link(conversation.id, incident.id)
    return incident


def steer(desk: Desk, principal: Principal, incident_id: str, text: str, known: Known) -> TimelineEntry:
    """Keeps a hint on the incident; the next look of a diagnosis that is under way reads it. Blocking.

    Raises NotAuthorised, NotFound, and WrongState for an incident that is closed or has too many hints.
    """
    require(principal, Role.RESPONDER)
    incident = incident_within(desk, principal, incident_id)
    if incident.status in {IncidentStatus.CLOSED, IncidentStatus.MERGED}:
        raise WrongState(f"{incident.id} is {incident.status}", next_step="reopen it, then say what you know")
    if desk.ledger.timeline.count(incident.id, STAGE) >= MOST_STEERS:
        raise WrongState(
            f"{incident.id} has {MOST_STEERS} hints already", next_step="write the rest into a ticket of its own"
        )
    hint = _hint(principal, incident, redact_text(text.strip())[:2_000], mentions_in(text[:2_000], known))
    shown = hint.text[:300]
    summary = Text(en=f"Hint (not checked): {shown}", zh=f"线索（未经核实）：{shown}")
    entry = desk.ledger.timeline.add(incident.id, STAGE, principal.id, summary, hint.as_json())
    desk.nudge()
    return entry


def _hint(principal: Principal, incident: Incident, text: str, named: Mentions) -> Steer:
    """Only what the hint's author may see widens the look: ``known`` was narrowed to its scope."""
    things = [one for one in (*named.targets, *named.nodes) if one.cluster == incident.cluster]
    return Steer(
        by=principal.id,
        text=text,
        namespaces=tuple(dict.fromkeys([*named.namespaces, *(one.namespace for one in things if one.namespace)])),
        services=tuple(dict.fromkeys(one.name for one in named.targets if one.cluster == incident.cluster)),
        objects=tuple(one.ref for one in things),
    )


def look_again(desk: Desk, principal: Principal, incident_id: str, reason: str) -> Incident:
    """A new diagnosis, which reads every hint. Raises WrongState where the desk is still at it."""
    return acts.reopen(desk, principal, incident_id, acts.ReasonOrder(reason=reason))
