"""Alive, ready, and the numbers: for probes and for Prometheus. Open to who can reach the port; they tell no names."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from api.web.access import Face, FaceOf, face_of
from api.web.metrics import CONTENT_TYPE
from knowledge.errors import OpsdeskError

router = APIRouter(tags=["health"])


class Part(BaseModel):
    name: str
    is_ready: bool
    detail: str = ""
    next_step: str = ""


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    parts: list[Part]


@router.get("/healthz", summary="The process answers")
def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", summary="It can take work in", responses={503: {"model": Readiness}})
def readyz(face: FaceOf, response: Response) -> Readiness:
    """503 names each part that is not ready and what to do."""
    parts = [_ledger(face), _clusters(face)]
    is_ready = all(part.is_ready for part in parts)
    response.status_code = 200 if is_ready else 503
    return Readiness(status="ready" if is_ready else "not ready", parts=parts)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(face: Annotated[Face, Depends(face_of)]) -> Response:
    return Response(face.metrics.page(), media_type=CONTENT_TYPE)


def _ledger(face: Face) -> Part:
    try:
        face.desk.ledger.switches.is_frozen("*")
    except OpsdeskError as error:
        return Part(name="ledger", is_ready=False, detail=error.title, next_step=error.next_step or "opsdesk doctor")
    return Part(name="ledger", is_ready=True)


def _clusters(face: Face) -> Part:
    if not face.desk.settings.clusters:
        step = "list clusters in the settings, then `opsdesk doctor`"
        return Part(name="clusters", is_ready=False, detail="none is configured", next_step=step)
    return Part(name="clusters", is_ready=True, detail=f"{len(face.desk.settings.clusters)} configured")
