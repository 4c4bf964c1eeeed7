"""A person asks: in their own words, with terminal output pasted below if they have it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from nicegui import ui
from starlette.concurrency import run_in_threadpool

from api.bootstrap import Desk
from api.web import acts
from api.web.console.frame import Page, page
from api.web.console.parts import attempt, button, ordered, tag
from api.web.console.together import once
from knowledge.vocabulary import Incident, Principal, Role

Word = Annotated[str, Query(max_length=4_000)]
NAME_CHARACTERS = 253


@page("/tickets/new", "incidents", "ticket.title")
async def new_ticket(
    frame: Page, text: Word = "", cluster: Word = "", namespace: Word = "", service: Word = ""
) -> None:
    """What the address brings is filled in, never sent. The key makes a second press the same ticket."""
    visit, word = frame.visit, frame.word
    visit.require(Role.RESPONDER)
    clusters = await run_in_threadpool(acts.clusters_within, visit.face.desk, visit.principal)
    key = secrets.token_urlsafe(12)
    with tag("div", "narrow"):
        tag("h1", text=word("ticket.title"))
        with tag("section", "card stack"):
            field = ui.textarea(word("ticket.text"), value=text)
            field.props(f"outlined autofocus debounce=250 maxlength={acts.MOST_PASTED} rows=8").classes("wide")
            tag("p", "dim small", text=word("ticket.hint"))
            with tag("div", "threes"):
                one = clusters[0] if len(clusters) == 1 else None
                at = ui.select(clusters, label=word("ticket.cluster"), value=cluster if cluster in clusters else one)
                at.props("outlined dense options-dense")
                names = {"namespace": namespace, "service": service}
                inputs = {name: _input(word(f"ticket.{name}"), value) for name, value in names.items()}
            tag("p", "dim small", text=word("ticket.requester"))

            def order() -> dict[str, Any]:
                typed = {name: str(one.value or "") for name, one in inputs.items()}
                return {"text": field.value or "", "cluster": at.value or "", "channel": "web", **typed}

            async def send() -> None:
                given = order()
                opened = await attempt(visit, lambda desk, who: _opened(desk, who, given, key), done="done.ticket")
                if opened is not None:
                    ui.navigate.to(f"/incidents/{quote(opened.id, safe='')}")

            with tag("div", "row"):
                button(word("ticket.open"), once(send), kind="primary")


def _opened(desk: Desk, principal: Principal, given: dict[str, Any], key: str) -> Incident:
    return acts.open_ticket(desk, principal, ordered(acts.TicketOrder, **given), key)


def _input(label: str, value: str) -> ui.input:
    return ui.input(label, value=value).props(f"outlined dense spellcheck=false maxlength={NAME_CHARACTERS}")
