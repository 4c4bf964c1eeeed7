"""What the desk knows, and what it says of a script: the library, the detectors, the offline review."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api.web import acts, lore
from api.web.access import DeskOf, Reader, Responder
from api.web.routes.incidents import Id, Limit
from api.web.routes.strict import api_router
from knowledge.vocabulary import CaseKind, Language, Layer, Lesson, Passage, RecalledCase, Remedy, Severity, Text
from tools.safety.offline import OfflineVerdict, judge_script

router = api_router("knowledge")


class ScriptOrder(acts.Order):
    script: str = Field(description="kubectl-shaped lines, as in a plan. The grammar says how long it may be.")


class SearchAnswer(BaseModel):
    """Best first. ``notice`` says what the search had to do without (the index being rebuilt)."""

    cases: list[RecalledCase]
    passages: list[Passage]
    notice: Text | None = None


class CaseSummary(BaseModel):
    id: str
    kind: str
    layer: str
    services: list[str]
    faults: list[str]
    title: Text


class CaseAnswer(BaseModel):
    id: str
    markdown: str


class DetectorSummary(BaseModel):
    id: str
    layer: Layer
    severity: Severity
    title: Text
    explanation: Text
    explains: list[str]
    remedy: Remedy


@router.post("/review", summary="Judge a script without a cluster")
def review(order: ScriptOrder, desk: DeskOf, principal: Reader) -> OfflineVerdict:
    """What grammar, rules and the site's policy say of a script. Nothing is stored, nothing runs.

    What only a cluster could tell stays open and makes the verdict stricter, never laxer.
    """
    del principal
    return judge_script(order.script, desk.deps.policy)


@router.get("/kb/search", summary="Search cases and documents")
def search(
    desk: DeskOf,
    principal: Reader,
    q: Annotated[str, Query(min_length=1, max_length=4_000)],
    kind: Annotated[list[CaseKind] | None, Query()] = None,
    layer: Annotated[list[Layer] | None, Query()] = None,
    service: Annotated[list[str] | None, Query()] = None,
    language: Language | None = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> SearchAnswer:
    """By words and by meaning, in Chinese and English, within the services of the asker's scope."""
    found = desk.library.find(
        q,
        kinds=kind or (),
        layers=[one.value for one in layer or ()],
        services=service or (),
        language=language.value if language else None,
        limit=limit,
        reach=principal.scope,
    )
    return SearchAnswer(
        cases=[hit for hit in found.hits if isinstance(hit, RecalledCase)],
        passages=[hit for hit in found.hits if isinstance(hit, Passage)],
        notice=found.notice,
    )


@router.get("/cases", summary="List cases")
def cases(desk: DeskOf, principal: Reader) -> list[CaseSummary]:
    return [
        CaseSummary(
            id=row.key[1],
            kind=row.kind,
            layer=row.layer,
            services=list(row.services),
            faults=list(row.faults),
            title=row.title,
        )
        for row in desk.library.entries("cases")
        if row.is_within(principal.scope)
    ]


@router.get("/cases/{case_id}", summary="One case, as Markdown")
def one_case(case_id: Id, desk: DeskOf, principal: Reader) -> CaseAnswer:
    _, markdown = lore.case_within(desk, principal, case_id)
    return CaseAnswer(id=case_id, markdown=markdown)


@router.get("/lessons", summary="Proposed cases")
def lessons(
    desk: DeskOf, principal: Reader, status: Literal["proposed", "accepted", "rejected"] = "proposed", limit: Limit = 50
) -> list[Lesson]:
    """Of incidents that the asker sees, and of people; newest first."""
    return lore.lessons_within(desk, principal, status, limit)


@router.post("/lessons", status_code=201, summary="Propose a case")
def propose(order: lore.CaseOrder, desk: DeskOf, principal: Responder) -> Lesson:
    """It waits for somebody else's yes. What is wrong with it is named with its line."""
    return lore.propose(desk, principal, order)


@router.post("/lessons/{lesson_id}", summary="Accept or reject a proposed case")
def decide(lesson_id: Id, order: lore.LessonDecision, desk: DeskOf, principal: Reader) -> Lesson:
    """An accepted case is found from now on. A person's own proposal is another's to accept."""
    return lore.decide(desk, principal, lesson_id, order)


@router.get("/detectors", summary="What is watched for")
def detectors(desk: DeskOf, principal: Reader, layer: Layer | None = None) -> list[DetectorSummary]:
    del principal
    return [
        DetectorSummary(
            id=one.id,
            layer=one.layer,
            severity=one.severity,
            title=one.title,
            explanation=one.explanation,
            explains=list(one.explains),
            remedy=one.remedy,
        )
        for one in desk.deps.detectors.by_id.values()
        if layer is None or one.layer is layer
    ]
