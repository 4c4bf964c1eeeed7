"""Where one can go in the console, and what its frame says: the way there, what is frozen, what waits for the visitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.bootstrap import Desk
from api.web.routes.approvals import waiting_for
from api.web.routes.switches import frozen_within
from knowledge.vocabulary import Principal, Role


@dataclass(frozen=True)
class Place:
    """An entry of the navigation. ``icon`` is the name of a Material icon."""

    section: str
    path: str
    icon: str
    role: Role | None = None
    """Shown to who holds it; None: to everybody."""


PLACES = (
    Place("incidents", "/incidents", "report"),
    Place("approvals", "/approvals", "fact_check"),
    Place("chat", "/chat", "forum"),
    Place("desk", "/desk", "inbox"),
    Place("knowledge", "/knowledge", "menu_book"),
    Place("detectors", "/detectors", "radar"),
    Place("reports", "/reports", "insights"),
    Place("audit", "/audit", "history", Role.ADMIN),
    Place("settings", "/settings", "monitor_heart"),
)


def frame_values(desk: Desk, principal: Principal, section: str) -> dict[str, Any]:
    """What ``bar.html`` names. Blocking."""
    return {
        "section": section,
        "places": [one for one in PLACES if one.role is None or principal.may(one.role)],
        "frozen": frozen_within(desk, principal),
        "waiting": sum(one.may_decide.may for one in waiting_for(desk, principal)),
        "may_respond": principal.may(Role.RESPONDER),
    }
