"""The review queue: what waits for the reader, what waits for others and why not for them, and how long each has left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.bootstrap import Desk
from api.review_view import DiffLine, ReviewView
from api.web.console.frame import Page, page
from api.web.console.parts import Section, tag
from api.web.reviewed import open_review
from api.web.routes.approvals import Waiting, glass_broken_for, waiting_for
from knowledge.errors import NotFound
from knowledge.vocabulary import Principal

MOST_SHOWN = 50
MOST_LINES = 4
TOLD = frozenset({"title", "field", "removed", "added"})


@dataclass(frozen=True)
class Asked:
    """A request in the queue, in one look: the ruling, and the beginning of what changes."""

    waiting: Waiting
    view: ReviewView | None
    changes: list[DiffLine]
    left_out: int


@page("/approvals", "approvals", "approval.queue")
async def approvals(frame: Page) -> None:
    visit, desk = frame.visit, frame.visit.face.desk
    with tag("div", "head"):
        tag("h1", text=frame.word("approval.queue"))
        tag("p", "dim small", text=frame.word("approval.keys"))
    section = Section(visit, "approvals.html", lambda: _values(desk, visit.still_signed_in()))
    await section.refresh()
    frame.following.add(
        section, lambda: (desk.ledger.counts.last_touched(), visit.face.now().replace(second=0, microsecond=0))
    )


def _values(desk: Desk, principal: Principal) -> dict[str, Any]:
    """What ``approvals.html`` names. Blocking."""
    waiting = waiting_for(desk, principal)
    found = [_asked(desk, principal, one) for one in waiting[:MOST_SHOWN]]
    return {
        "groups": [
            ("for_you", [one for one in found if one.waiting.may_decide.may]),
            ("for_others", [one for one in found if not one.waiting.may_decide.may]),
        ],
        "left_out": max(0, len(waiting) - MOST_SHOWN),
        "glass_broken": glass_broken_for(desk, principal),
    }


def _asked(desk: Desk, principal: Principal, waiting: Waiting) -> Asked:
    try:
        view = open_review(desk, principal, waiting.incident)
    except NotFound:
        view = None
    if view is None or view.digest != waiting.approval.digest:
        return Asked(waiting, None, [], 0)
    lines = [line for step in view.steps for line in step.changes if line.kind in TOLD]
    more = len(lines) - MOST_LINES + sum(step.lines_left_out for step in view.steps)
    return Asked(waiting, view, lines[:MOST_LINES], max(0, more))
