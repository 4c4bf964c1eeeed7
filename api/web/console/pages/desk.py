"""The desk as its people see it: what is mine, what nobody has, how old it is against what was promised."""

from __future__ import annotations

from typing import Any

from api.bootstrap import utc_now
from api.figures.desk import desk_view
from api.web.console.frame import Page, page
from api.web.console.parts import Section, tag


@page("/desk", "desk", "desk.title")
async def desk(frame: Page) -> None:
    ledger = frame.visit.face.desk.ledger
    tag("h1", text=frame.word("desk.title"))
    section = Section(frame.visit, "desk.html", lambda: _values(frame))
    await section.refresh()
    frame.following.add(section, ledger.counts.last_touched)
    frame.following.add(section, None)  # promises run out without anything happening


def _values(frame: Page) -> dict[str, Any]:
    """Blocking."""
    desk, principal = frame.visit.face.desk, frame.visit.principal
    return {"view": desk_view(desk.ledger, principal, desk.settings.targets, utc_now())}
