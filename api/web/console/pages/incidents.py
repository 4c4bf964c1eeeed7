"""The list of incidents: filtered, searched, and true while somebody looks."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from nicegui import ui

from api.web import acts
from api.web.console.frame import Page, page
from api.web.console.parts import Section, button, tag
from api.web.routes.incidents import Filters, incident_page
from knowledge.vocabulary import IncidentStatus, Severity

Word = Annotated[str, Query(max_length=200)]
ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ANSWERED, IncidentStatus.CLOSED, IncidentStatus.MERGED})
ACTIVE = [status for status in IncidentStatus if status not in ENDED]
SHOWN = 50
TYPING_SECONDS = 0.3


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
    given = {
        "status": status if status in {"active", *IncidentStatus} else "",
        "severity": severity if severity in set(Severity) else "",
        "cluster": cluster,
        "service": service,
        "assignee": assignee,
        "text": text,
    }
    place = {"before": before}
    desk, visit = frame.visit.face.desk, frame.visit
    tag("h1", text=frame.word("list.title"))
    filters = tag("form", "filters", role="search", aria_label=frame.word("list.filter"))
    section = Section(visit, "incidents_table.html", lambda: _values(frame, given, place["before"]))

    async def changed(name: str, value: Any) -> None:
        given[name] = str(value or "").strip()
        place["before"] = ""
        ui.navigate.history.replace(f"/incidents?{urlencode(_chosen(given))}")
        await section.refresh()

    with filters:
        filters.on("submit", js_handler="(event) => event.preventDefault()")
        clusters = acts.clusters_within(desk, visit.principal)
        _field(frame, "text", given, changed).classes("grow")
        _choice(
            frame,
            "status",
            {"active": frame.word("list.active"), **_named(frame, "status", IncidentStatus)},
            given,
            changed,
        )
        _choice(frame, "severity", _named(frame, "severity", Severity), given, changed)
        if len(clusters) > 1:
            _choice(frame, "cluster", {one: one for one in clusters}, given, changed)
        _field(frame, "service", given, changed)
        _field(frame, "assignee", given, changed)
        button(frame.word("list.mine"), lambda: _mine(frame), kind="small")
        button(frame.word("list.clear"), lambda: ui.navigate.to("/incidents?status="), kind="small")
    section.element.move(target_index=-1)
    await section.refresh()
    frame.following.add(section, desk.ledger.counts.last_touched)


def _mine(frame: Page) -> None:
    ui.navigate.to(f"/incidents?{urlencode({'assignee': frame.visit.principal.id})}")


def _named(frame: Page, group: str, values: Any) -> dict[str, str]:
    return {one.value: frame.word(f"{group}.{one.value}") for one in values}


def _chosen(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value or name == "status"}


def _field(frame: Page, name: str, given: dict[str, str], changed: Any) -> Any:
    label = frame.word("list.search" if name == "text" else f"list.{name}")
    field = ui.input(label, value=given[name]).props(
        f"outlined dense clearable debounce=300 maxlength=200 data-filter={name}"
    )
    field.on_value_change(lambda event: changed(name, event.value))
    return field


def _choice(frame: Page, name: str, options: dict[str, str], given: dict[str, str], changed: Any) -> None:
    every = {"": frame.word("list.any"), **options}
    field = ui.select(every, label=frame.word(f"list.{name}"), value=given[name] if given[name] in every else "")
    field.props(f"outlined dense options-dense data-filter={name}").on_value_change(
        lambda event: changed(name, event.value)
    )


def _values(frame: Page, given: dict[str, str], before: str) -> dict[str, Any]:
    """What ``incidents_table.html`` names. Blocking."""
    desk, principal = frame.visit.face.desk, frame.visit.principal
    status = given["status"]
    filters = Filters(
        status=ACTIVE if status == "active" else [IncidentStatus(status)] if status else [],
        severity=Severity(given["severity"]) if given["severity"] else None,
        service=given["service"],
        cluster=given["cluster"],
        assignee=given["assignee"],
        text=given["text"],
    )
    found = incident_page(desk, principal, filters, SHOWN, before or None)
    is_filtered = bool(before) or any(value for name, value in given.items() if (name, value) != ("status", "active"))
    return {
        "page": found,
        "older": urlencode({**_chosen(given), "before": found.next}) if found.next else "",
        "newest": urlencode(_chosen(given)),
        "is_later": bool(before),
        "is_filtered": is_filtered,
        "has_any": bool(found.items) or bool(desk.ledger.incidents.list(principal.scope, limit=1)),
        "may_respond": True,
    }
