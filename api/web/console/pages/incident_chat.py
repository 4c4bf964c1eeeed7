"""The place of the incident page where one talks about this incident."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from api.web.console.frame import Page
from api.web.console.parts import tag
from api.web.console.talk import Talk
from knowledge.vocabulary import Incident


async def chat_panel(frame: Page, incident: Incident) -> None:
    """Fills the panel; it is built once, beside the parts that are drawn again, so that what is typed stays. What the reader
    said about this incident before goes on; others' conversations are theirs."""
    chat, who = frame.visit.face.chat, frame.visit.principal
    about = await run_in_threadpool(chat.about, who, incident.id)
    own = next((one.id for one in about if one.principal == who.id), "")
    examples = [frame.word(f"incident.ask_{number}") for number in range(1, 5)]
    with tag("section", "card incident-talk", aria_label=frame.word("incident.ask")):
        tag("h2", text=frame.word("incident.ask"))
        await Talk(frame, conversation_id=own, incident_id=incident.id, examples=examples).build()
