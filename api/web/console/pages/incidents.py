"""The list of incidents: filtered, searched, and true while somebody looks."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from nicegui import ui

from api.web import acts
from api.web.console.filtering import Filters, query_of
from api.web.console.frame import Page, page
from api.web.console.parts import Section, button, tag
from api.web.routes.incidents import Filters as Wanted
from api.web.routes.incidents import incident_page
from knowledge.vocabulary import IncidentStatus, Role, Severity

Word = Annotated[str, Query(max_length=200)]
ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ANSWERED, IncidentStatus.CLOSED, IncidentStatus.MERGED})
ACTIVE = [status for status in IncidentStatus if status not in ENDED]
SHOWN = 50
ADDRESS_SAYS = frozenset({"status"})
"""An empty status is a choice too: every incident, where an address without one shows those that are not over."""


@page("/incidents", "incidents", "list.title")
async def incidents(
    frame: Page,
    status: Word = "active",
    severity: Word = "",
    service: Word = "",
    cluster: Word = "",
    assignee: Word = "",
    text: Word = "",
    before: Annotated[str, Query(max_length=128)] = "",
) -> None:
    """A filter with a value that there is not is no filter: a stale link still shows the list."""
    given: dict[str, Any] = {
        "status": status if status in {"active", *IncidentStatus} else "",
        "severity": severity if severity in set(Severity) else "",
        "cluster": cluster,
        "service": service,
        "assignee": assignee,
        "text": text,
        "before": before,
    }
    desk, visit, word = frame.visit.face.desk, frame.visit, frame.word
    tag("h1", text=word("list.title"))
    section = Section(visit, "incidents_table.html", lambda: _values(frame, given))
    filters = Filters(
        frame, "/incidents", given, section, label=word("list.filter"), place="before", always=ADDRESS_SAYS
    )
    filters.field("text", word("list.search"), grow=True)
    filters.choice(
        "status", word("list.status"), {"active": word("list.active"), **_named(frame, "status", IncidentStatus)}
    )
    filters.choice("severity", word("list.severity"), _named(frame, "severity", Severity))
    clusters = acts.clusters_within(desk, visit.principal)
    if len(clusters) > 1:
        filters.choice("cluster", word("list.cluster"), {one: one for one in clusters})
    filters.field("service", word("list.service"))
    filters.field("assignee", word("list.assignee"))
    with filters.form:
        mine = f"/incidents?{urlencode({'assignee': visit.principal.id})}"
        button(word("list.mine"), lambda: ui.navigate.to(mine), kind="small")
        button(word("list.clear"), lambda: ui.navigate.to("/incidents?status="), kind="small")
    section.element.move(target_index=-1)
    await section.refresh()
    frame.following.add(section, desk.ledger.counts.last_touched)


def _named(frame: Page, group: str, values: Any) -> dict[str, str]:
    return {one.value: frame.word(f"{group}.{one.value}") for one in values}


def _values(frame: Page, given: dict[str, Any]) -> dict[str, Any]:
    """What ``incidents_table.html`` names. Blocking."""
    desk, principal = frame.visit.face.desk, frame.visit.principal
    status, before = given["status"], given["before"]
    wanted = Wanted(
        status=ACTIVE if status == "active" else [IncidentStatus(status)] if status else [],
        severity=Severity(given["severity"]) if given["severity"] else None,
        service=given["service"],
        cluster=given["cluster"],
        assignee=given["assignee"],
        text=given["text"],
    )
    found = incident_page(desk, principal, wanted, SHOWN, before or None)
    is_filtered = any(value for name, value in given.items() if (name, value) != ("status", "active"))
    return {
        "page": found,
        "older": query_of(given, ADDRESS_SAYS, before=found.next) if found.next else "",
        "newest": query_of(given, ADDRESS_SAYS, before=""),
        "is_later": bool(before),
        "is_filtered": is_filtered,
        "has_any": bool(found.items) or bool(desk.ledger.incidents.list(principal.scope, limit=1)),
        "may_respond": principal.may(Role.RESPONDER),
    }
