"""The audit: who did what to whom, and whether the chain is whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.bootstrap import Desk
from api.web.access import require_site_admin
from api.web.console.filtering import Filters, query_of
from api.web.console.frame import Page, page
from api.web.console.parts import Section, attempt, button, tag
from knowledge.ledger.audit_flaws import AuditCheck
from knowledge.vocabulary import Principal

SHOWN = 60
Word = Annotated[str, Query(max_length=200)]


@page("/audit", "audit", "audit.title")
async def audit(
    frame: Page,
    actor: Word = "",
    verb: Word = "",
    subject: Word = "",
    before: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> None:
    visit = frame.visit
    require_site_admin(visit.principal)
    ledger = visit.face.desk.ledger
    given: dict[str, Any] = {"actor": actor, "verb": verb, "subject": subject, "before": before}
    checked: dict[str, Any] = {"check": None}
    with tag("div", "head"):
        tag("h1", text=frame.word("audit.title"))
        with tag("div", "row ends"):
            verify = button(frame.word("audit.verify"), lambda: run(), kind="small")  # noqa: PLW0108 - named below
    verdict = Section(visit, "audit_check.html", lambda: {"check": checked["check"]})
    section = Section(visit, "audit_list.html", lambda: _values(frame, given))

    async def run() -> None:
        verify.props["disabled"] = True
        checked["check"] = await attempt(visit, _check)
        await verdict.refresh()
        del verify.props["disabled"]

    filters = Filters(frame, "/audit", given, section, label=frame.word("list.filter"), place="before")
    for name in ("actor", "verb", "subject"):
        filters.field(name, frame.word(f"audit.{name}"))
    section.element.move(target_index=-1)
    await section.refresh()
    await verdict.refresh()
    frame.following.add(section, ledger.audit.last)


def _check(desk: Desk, principal: Principal) -> AuditCheck:
    require_site_admin(principal)
    return desk.ledger.audit.check()


def _values(frame: Page, given: dict[str, Any]) -> dict[str, Any]:
    """What ``audit_list.html`` names. Blocking."""
    require_site_admin(frame.visit.principal)
    found = frame.visit.face.desk.ledger.audit.newest(
        before=given["before"] or None,
        limit=SHOWN + 1,
        actor=given["actor"],
        verb=given["verb"],
        subject=given["subject"],
    )
    older = found[SHOWN - 1].sequence if len(found) > SHOWN else 0
    return {
        "entries": found[:SHOWN],
        "older": query_of(given, before=older) if older else "",
        "newest": query_of(given, before=0),
        "is_later": bool(given["before"]),
    }
