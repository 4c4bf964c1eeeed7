"""Webhooks: authenticated per source, durably in the ledger before they are acknowledged, worked on afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.web.access import Face, FaceOf, known_id, presented_token
from api.web.routes.strict import api_router, check_content_type, loads
from knowledge.errors import BadInput, MalformedSettings, NotAuthenticated, NotFound
from knowledge.ledger.values import AlertReceipt, Source
from tools.contracts import AlertSource

router = api_router("webhooks")


class Acknowledgement(BaseModel):
    """What became of each alert of the call, in its order. Sending the same call again gives the same answer."""

    source: str
    received: int
    alerts: list[AlertReceipt] = Field(description="`fate`: opened, joined, duplicate or resolved.")


@router.post(
    "/webhooks/{source_id}",
    status_code=202,
    summary="Take alerts in",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
)
async def receive(
    source_id: str,
    request: Request,
    face: FaceOf,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    x_opsdesk_signature: Annotated[str | None, Header(max_length=200)] = None,
    x_opsdesk_timestamp: Annotated[str | None, Header(max_length=20)] = None,
) -> Acknowledgement:
    """The form is the source's own (Alertmanager v4, Grafana, or the generic one).

    Proof, as the source was added: `Authorization: Bearer <secret>`, or
    `X-Opsdesk-Signature: sha256=<hex HMAC-SHA256 of the raw body>`. With `X-Opsdesk-Timestamp: <Unix seconds>` the signature is
    over `<timestamp>:<raw body>`, and the time has to be near; a source added with `hmac-timestamp` must send it. The answer 202
    means that every alert is stored and will be worked on, whatever happens to this process. A call is known by its body, or by
    `Idempotency-Key`; one with a timestamp by that and its body alone: sent again as it was, it changes nothing.
    """
    body = await request.body()
    # Starlette's own threads: the default pool is the worker's, and a diagnosis must not hold up an acknowledgement.
    receipts = await run_in_threadpool(
        _accepted,
        face,
        request,
        known_id(source_id, "alert source"),
        body,
        Proof(x_opsdesk_signature or "", x_opsdesk_timestamp or "", idempotency_key or ""),
    )
    face.desk.nudge()
    return Acknowledgement(source=source_id, received=len(receipts), alerts=receipts)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a call says of itself in its headers."""

    signature: str
    timestamp: str
    key: str

    def is_near(self, now: datetime, tolerance_seconds: float) -> bool:
        """Whether the time that was signed is that of now, either clock being a little wrong; no time is no matter."""
        if not self.timestamp:
            return True
        if not (self.timestamp.isascii() and self.timestamp.isdigit() and len(self.timestamp) <= 12):
            return False
        return abs(now.timestamp() - int(self.timestamp)) <= tolerance_seconds

    def delivery(self, source_id: str, body: bytes) -> str:
        """What the call is known by. A key that nobody signed says nothing of a call whose time was signed."""
        if self.key and not self.timestamp:
            return f"key:{self.key}"
        told = source_id.encode() + b"\n" + (f"{self.timestamp}\n".encode() if self.timestamp else b"") + body
        return hashlib.sha256(told).hexdigest()


def _accepted(face: Face, request: Request, source_id: str, body: bytes, proof: Proof) -> list[AlertReceipt]:
    """Proof first, then form, then the ledger; what becomes of the call is counted. Blocking."""
    source = _source(face, source_id)
    if not _is_proved(source, request, body, proof):
        face.metrics.webhook(source.id, "refused")
        raise NotAuthenticated(f"this call is not proved to come from {source.id}", next_step=_HOW[source.auth])
    tolerance = face.desk.settings.web.webhook_tolerance_seconds
    if source.auth != "bearer" and not proof.is_near(face.now(), tolerance):
        face.metrics.webhook(source.id, "refused")
        raise NotAuthenticated(
            f"this call was signed for another time than now, by more than {tolerance:.0f} s",
            next_step="set both clocks; a call that failed is signed anew when it is sent again",
        )
    try:
        check_content_type(request)
        forms: Mapping[str, AlertSource] = request.app.state.alert_sources
        receipts = _taken_in(face, forms, source, body, loads(body), proof)
    except BadInput:
        face.metrics.webhook(source.id, "malformed")
        raise
    face.metrics.webhook(source.id, "accepted")
    face.metrics.alerts(receipt.fate for receipt in receipts)
    return receipts


def _source(face: Face, source_id: str) -> Source:
    try:
        return face.desk.ledger.sources.get(source_id)
    except NotFound:
        raise NotFound(
            f"there is no alert source {source_id!r}", next_step="an admin adds it: opsdesk source add NAME"
        ) from None


_HOW = {
    "bearer": "send the source's secret as Authorization: Bearer ...",
    "hmac": "sign the raw body with the source's secret: X-Opsdesk-Signature: sha256=...",
    "hmac-timestamp": "sign <timestamp>:<raw body> with the source's secret: X-Opsdesk-Timestamp: <Unix seconds>, "
    "X-Opsdesk-Signature: sha256=...",
}


def _is_proved(source: Source, request: Request, body: bytes, proof: Proof) -> bool:
    if source.auth != "bearer":
        return source.accepts_signature(body, proof.signature, proof.timestamp)
    token = presented_token(request)
    return bool(token) and source.accepts_bearer(token)


def _taken_in(
    face: Face, forms: Mapping[str, AlertSource], source: Source, body: bytes, payload: Any, proof: Proof
) -> list[AlertReceipt]:
    form = forms.get(source.kind)
    if form is None:
        raise MalformedSettings(f"source {source.id} is of kind {source.kind}, which is not installed")
    clusters = face.desk.settings.clusters
    default = clusters[0].name if len(clusters) == 1 else ""
    alerts = form.parse(payload, default_cluster=default)
    return face.desk.ledger.alerts.receive(proof.delivery(source.id, body), source.id, body, alerts)
