"""The numbers around an incident's onset. They are asked for when the page stands already, and what is missing is said."""

from __future__ import annotations

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from api.bootstrap import utc_now
from api.figures.series import AroundOnset, around_onset
from api.web.console.charts import chart, is_dark
from api.web.console.frame import Page
from api.web.console.parts import drawn, tag
from api.web.console.together import Together
from knowledge.vocabulary import Evidence, Incident
from tools.ports import Metrics

MOST_EVIDENCE = 1_000


class OnsetCharts:
    """Drawn once the page is there, and again when the diagnosis is another one."""

    def __init__(self, frame: Page, whole: Together, incident_id: str) -> None:
        self._frame, self._whole, self._id = frame, whole, incident_id
        self._place = tag("section", "card onset", aria_label=frame.word("onset.title"), aria_busy="true")
        self._of: object = None
        self._is_busy = False
        with self._place:
            drawn(frame.visit, "onset.html", found=None)

    def follow(self) -> None:
        ui.timer(0.1, self.refresh, once=True)
        ui.timer(5.0, self.refresh)

    async def refresh(self) -> None:
        diagnosis = self._whole.values["dossier"].diagnosis
        self._place.set_visibility(not self._whole.values["is_merged"])
        if self._is_busy or self._of == (diagnosis,):
            return
        self._is_busy = True
        try:
            found = await self._found()
            dark = await is_dark(self._frame.visit) if found.charts else False
            self._of = (diagnosis,)
            self._show(found, dark=dark)
        finally:
            self._is_busy = False

    async def _found(self) -> AroundOnset:
        visit, values = self._frame.visit, self._whole.values
        incident: Incident = values["incident"]
        evidence: list[Evidence] = await run_in_threadpool(
            visit.face.desk.ledger.evidence.for_incident, incident.id, MOST_EVIDENCE
        )
        alerts = values["dossier"].alerts
        return await around_onset(
            incident,
            values["dossier"].diagnosis,
            evidence,
            self._metrics(incident),
            utc_now(),
            reach=visit.principal.scope,
            language=visit.language,
            began_at=min((alert.starts_at for alert in alerts), default=None),
        )

    def _metrics(self, incident: Incident) -> Metrics | None:
        """None for a cluster without metrics, or that is configured no more."""
        clusters = self._frame.visit.face.desk.deps.clusters
        return clusters[incident.cluster].metrics if incident.cluster in clusters else None

    def _show(self, found: AroundOnset, *, dark: bool) -> None:
        self._place.clear()
        self._place.props["aria-busy"] = "false"
        with self._place:
            drawn(self._frame.visit, "onset.html", found=found)
            with tag("div", "charts"):
                for one in found.charts:
                    chart(self._frame.visit, one, dark=dark)
