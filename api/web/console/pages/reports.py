"""Reports: how fast, how right, how often again, how long people wait, and what a model costs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from nicegui import ui
from starlette.concurrency import run_in_threadpool

from agent.chat.reply import Chart
from api.bootstrap import utc_now
from api.figures.making import made
from api.figures.windows import Window, moment_of, window_of
from api.web.console.charts import chart, is_dark
from api.web.console.frame import Page, page
from api.web.console.parts import drawn, tag
from knowledge.errors import BadInput

SPANS = ("7d", "30d", "90d", "365d")
NAMES = ("times", "recurrence", "accuracy", "approvals", "model", "detectors")
ASK_SECONDS = 2.0


@page("/reports", "reports", "reports.title")
async def reports(
    frame: Page,
    since: Annotated[str, Query(max_length=40)] = "30d",
    name: Annotated[str, Query(max_length=40)] = "times",
) -> None:
    shown = name if name in NAMES else NAMES[0]
    span = since if since in SPANS else "30d"
    tag("h1", text=frame.word("reports.title"))
    with tag("nav", "tabs", aria_label=frame.word("reports.title")):
        for one in NAMES:
            current = {"aria_current": "page"} if one == shown else {}
            tag(
                "a",
                text=frame.word(f"reports.{one}"),
                href=f"/reports?{urlencode({'name': one, 'since': span})}",
                **current,
            )
    with tag("p", "row"):
        for one in SPANS:
            current = {"aria_current": "true"} if one == span else {}
            address = f"/reports?{urlencode({'name': shown, 'since': one})}"
            tag("a", "button small", text=frame.word(f"reports.span_{one}"), href=address, **current)
        address = f"/api/v1/reports/{shown}?{urlencode({'since': _window(span).since.isoformat()})}"
        tag("a", "quiet small", text=frame.word("reports.as_json"), href=address)
    place = tag("div", "report", aria_busy="true")
    with place:
        tag("p", "dim", text=frame.word("reports.adding_up"))

    async def draw() -> None:
        """Once the browser is there: its zone says which weeks these are, and its light how charts look."""
        visit = frame.visit
        try:
            zone = str(await ui.run_javascript("Intl.DateTimeFormat().resolvedOptions().timeZone", timeout=ASK_SECONDS))
        except TimeoutError:
            zone = "UTC"
        principal = await run_in_threadpool(visit.still_signed_in)
        report = await run_in_threadpool(
            lambda: made(visit.face.desk.ledger, principal.scope, _window(span, zone), shown, language=visit.language)[
                shown
            ]
        )
        dark = await is_dark(visit)
        charts: tuple[Chart, ...] = getattr(report, "charts", ())
        charts = tuple(one for one in charts if any(line.points for line in one.lines))
        place.clear()
        place.props["aria-busy"] = "false"
        with place:
            with tag("div", "charts"):
                for one in charts:
                    chart(visit, one, dark=dark)
            drawn(visit, f"report_{shown}.html", report=report)

    ui.timer(0.1, draw, once=True)


def _window(span: str, zone: str = "UTC") -> Window:
    now = utc_now()
    try:
        return window_of(moment_of(span, now), None, now, zone)
    except BadInput:  # a browser's zone that this machine does not know
        return window_of(moment_of(span, now), None, now)
