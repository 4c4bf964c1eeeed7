"""The chat: ask anything of the desk; what was asked before stands beside it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.web.access import known_id
from api.web.console.frame import Page, page
from api.web.console.parts import Section, tag
from api.web.console.talk import Talk

Id = Annotated[str, Query(max_length=128)]


@page("/chat", "chat", "chat.title")
async def chat(frame: Page, c: Id = "", incident: Id = "") -> None:
    """``c`` is a conversation; ``incident`` begins one about it."""
    if c:
        known_id(c, "conversation")
    with tag("div", "chat"):
        with tag("aside", "chat-list", aria_label=frame.word("chat.earlier")):
            tag("a", "button small", text=frame.word("chat.new"), href="/chat")
            earlier = Section(frame.visit, "chat_list.html", lambda: _values(frame, c))
        await earlier.refresh()
        frame.following.add(earlier, None)
        with tag("section", "chat-main"):
            tag("h1", "visually-hidden", text=frame.word("chat.title"))
            examples = [frame.word(f"chat.example_{number}") for number in range(1, 6)]
            await Talk(frame, conversation_id=c, incident_id=incident, examples=examples, began=earlier.refresh).build()


def _values(frame: Page, current: str) -> dict[str, Any]:
    """Blocking."""
    return {"conversations": frame.visit.face.chat.conversations(frame.visit.principal, 40), "current": current}
