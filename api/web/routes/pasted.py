"""A diagnosis of what somebody pasted. Nothing is stored, no cluster is asked."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agent.reasoning.candidates import Candidate
from agent.transcript_look import diagnose_paste
from api.web import acts
from api.web.access import DeskOf, Reader
from api.web.routes.strict import api_router
from knowledge.vocabulary import Gap, Text, Verdict
from tools.transcript.reading import read_paste

router = api_router("knowledge")


class CandidateOrder(BaseModel):
    taxonomy: str = Field(default="", max_length=200)
    name: str = Field(min_length=1, max_length=200)


class PasteOrder(acts.Order):
    text: str = Field(
        min_length=1, max_length=1_900_000, description="A terminal transcript, logs, manifests, or alerts as JSON."
    )
    question: str = Field(default="", max_length=4_000)
    namespace: str = Field(default="", max_length=253)
    candidates: list[CandidateOrder] = Field(
        default_factory=list, max_length=2_000, description="A closed list of causes to choose from; empty: none."
    )


class PastedObject(BaseModel):
    kind: str
    namespace: str
    name: str


class PasteHypothesis(BaseModel):
    rank: int
    object: PastedObject
    at: PastedObject
    cause: str
    title: Text
    candidate: tuple[str, str] | None
    confidence: float
    evidence: list[str]
    explains: list[str]


class PasteAnswer(BaseModel):
    """``evidence`` gives the text of each id that a hypothesis cites; ``gaps`` what could not be read or was not there."""

    verdict: Verdict
    summary: Text
    hypotheses: list[PasteHypothesis]
    ruled_out: list[str]
    gaps: list[Gap]
    evidence: dict[str, str]
    seconds: float


@router.post("/diagnose", summary="Diagnose what was pasted")
def diagnose(order: PasteOrder, desk: DeskOf, principal: Reader) -> PasteAnswer:
    """The offline diagnosis of terminal output, logs, manifests or alerts, as of the moment that they speak of."""
    del principal
    found = diagnose_paste(
        read_paste(order.text, namespace=order.namespace),
        detectors=desk.deps.detectors,
        candidates=[Candidate(one.taxonomy, one.name) for one in order.candidates],
        question=order.question,
        namespace=order.namespace,
    )
    return PasteAnswer.model_validate(found.as_json())
