"""What is watched for: every detector, what it looks at, what it explains, how often it spoke."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.bootstrap import utc_now
from api.figures.judgements import detectors_report
from api.figures.sums import MOST_ROWS
from api.figures.windows import window_of
from api.web.console.filtering import Filters, query_of
from api.web.console.frame import Page, page
from api.web.console.parts import Section, drawn, tag
from knowledge.errors import NotFound
from knowledge.vocabulary import Language, Layer

SHOWN = 60
Word = Annotated[str, Query(max_length=200)]


@page("/detectors", "detectors", "detectors.title")
async def detectors(
    frame: Page, text: Word = "", layer: Word = "", kind: Word = "", at: Annotated[int, Query(ge=0, le=100_000)] = 0
) -> None:
    given: dict[str, Any] = {"text": text, "layer": layer if layer in set(Layer) else "", "kind": kind, "at": at}
    known = frame.visit.face.desk.deps.detectors.by_id
    tag("h1", text=frame.word("detectors.title"))
    tag("p", "dim", text=frame.word("detectors.lead", count=len(known)))
    section = Section(frame.visit, "detectors_list.html", lambda: _values(frame, given))

    filters = Filters(frame, "/detectors", given, section, label=frame.word("detectors.search"))
    filters.field("text", frame.word("detectors.search"), grow=True)
    filters.choice("layer", frame.word("knowledge.layer"), {one.value: one.value for one in Layer})
    kinds = {one: frame.word(f"detectors.{one}") for one in ("cause", "symptom")}
    filters.choice("kind", frame.word("knowledge.kind"), kinds)
    section.element.move(target_index=-1)
    await section.refresh()


def _values(frame: Page, given: dict[str, Any]) -> dict[str, Any]:
    """What ``detectors_list.html`` names. Blocking."""
    desk = frame.visit.face.desk
    words = given["text"].lower().split()
    fitting = [
        one
        for one in sorted(desk.deps.detectors.by_id.values(), key=lambda one: (one.layer.value, one.id))
        if given["layer"] in {"", one.layer.value}
        and (not given["kind"] or one.is_symptom == (given["kind"] == "symptom"))
        and all(word in _said(one) for word in words)
    ]
    at = given["at"]
    window = window_of(None, None, utc_now())
    spoke = detectors_report(desk.ledger, frame.visit.principal.scope, window, limit=MOST_ROWS).rows.rows
    return {
        "hits": {row.fault: row for row in spoke},
        "detectors": fitting[at : at + SHOWN],
        "count": len(fitting),
        "later": query_of(given, at=at + SHOWN) if at + SHOWN < len(fitting) else "",
        "earlier": query_of(given, at=max(0, at - SHOWN)) if at else "",
    }


def _said(one: Any) -> str:
    return f"{one.id} {one.title.en} {one.title.zh} {one.explanation.en} {one.explanation.zh}".lower()


@page("/detectors/{detector_id}", "detectors", "detectors.one")
async def detector(frame: Page, detector_id: str) -> None:
    known = frame.visit.face.desk.deps.detectors.by_id
    one = known.get(detector_id)
    if one is None:
        raise NotFound(f"there is no detector {detector_id}", next_step="see the list of detectors")
    language = "zh" if frame.visit.language is Language.ZH else "en"
    signals = [
        {key: value for key, value in signal.model_dump(mode="json", exclude_defaults=True).items() if key != "facts"}
        for signal in one.form.signals.leaves()
    ]
    drawn(
        frame.visit,
        "detector.html",
        one=one,
        signals=signals,
        explained_by=sorted(other.id for other in known.values() if one.id in other.explains),
        manual=[getattr(step, language) for step in one.form.remedy.manual],
    )
