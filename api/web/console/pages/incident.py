"""One incident: its story as it happens, what was found and how sure it is, what is proposed, decided and done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from nicegui import ui
from starlette.concurrency import run_in_threadpool

from api.web.access import incident_within
from api.web.console.frame import Page, page
from api.web.console.incident_page import incident_values
from api.web.console.pages.incident_charts import OnsetCharts
from api.web.console.pages.incident_chat import chat_panel
from api.web.console.pages.incident_deciding import Deciding
from api.web.console.pages.incident_handling import Handling
from api.web.console.parts import drawn, tag
from api.web.console.rendering import visible
from api.web.console.together import Together
from api.web.routes.incidents import fact_within
from knowledge.errors import NotFound
from knowledge.vocabulary import Principal

Id = Annotated[str, Path(max_length=128)]


@page("/incidents/{incident_id}", "incidents", "incident.title")
async def incident(frame: Page, incident_id: Id) -> None:
    visit, desk = frame.visit, frame.visit.face.desk

    def read(principal: Principal) -> dict[str, Any]:
        return incident_values(desk, principal, incident_within(desk, principal, incident_id))

    whole = Together(visit, read)
    handling, deciding = Handling(frame, whole, incident_id), Deciding(frame, whole, incident_id)
    with tag("div", "incident-head"):
        whole.part("incident_head.html")
        handling.offer_head()
    with tag("div", "columns"):
        with tag("div", "main-column"):
            whole.part("answer.html")
            whole.part("diagnosis.html")
            charts = OnsetCharts(frame, whole, incident_id)
            whole.part("review.html")
            with tag("section", "card whole-part decision", id="decision"):
                whole.part("decision.html")
                deciding.offer_decision()
            deciding.offer_manual_steps()
            with tag("section", "card whole-part", id="execution"):
                whole.part("execution.html")
                deciding.offer_execution()
            whole.part("recalled.html")
            whole.part("evidence.html")
        with tag("aside", "side-column"):
            whole.part("timeline.html")
            chat = tag("div", "chat-place")
            whole.part("incident_side.html")
            with tag("section", "card whole-part"):
                whole.part("feedback.html")
                handling.offer_feedback()
    await whole.refresh()
    ui.page_title(f"{visible(whole.values['incident'].title[:80])} - opsdesk")
    with chat:
        await chat_panel(frame, whole.values["incident"])
    charts.follow()
    frame.following.add(whole, lambda: desk.ledger.counts.last_moved(incident_id))


@page("/evidence/{evidence_id}", "incidents", "evidence.one")
async def evidence(frame: Page, evidence_id: Id) -> None:
    """One fact, whole."""
    desk, principal = frame.visit.face.desk, frame.visit.principal
    fact = await run_in_threadpool(fact_within, desk, principal, evidence_id)

    def citing() -> list[str]:
        found = []
        for one in desk.ledger.evidence.incidents_citing(fact.id):
            try:
                found.append(incident_within(desk, principal, one).id)
            except NotFound:
                continue
        return found

    drawn(frame.visit, "fact.html", fact=fact, incidents=await run_in_threadpool(citing))
