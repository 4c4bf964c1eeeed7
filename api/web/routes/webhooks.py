"""Webhooks: authenticated per source, durably in the ledger before they are acknowledged, worked on afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
) -> Acknowledgement:
    """The form is the source's own (Alertmanager v4, Grafana, or the generic one).

    Proof, as the source was added: `Authorization: Bearer <secret>`, or
    `X-Opsdesk-Signature: sha256=<hex HMAC-SHA256 of the raw body>`. The answer 202 means that every alert is stored and
    will be worked on, whatever happens to this process. A call is known by its body, or by `Idempotency-Key`.
    """
    body = await request.body()
    # Starlette's own threads: the default pool is the worker's, and a diagnosis must not hold up an acknowledgement.
    receipts = await run_in_threadpool(
        _accepted,
        face,
        request,
        known_id(source_id, "alert source"),
        body,
        x_opsdesk_signature or "",
        idempotency_key or "",
    )
    face.desk.nudge()
    return Acknowledgement(source=source_id, received=len(receipts), alerts=receipts)


def _accepted(
    face: Face, request: Request, source_id: str, body: bytes, signature: str, key: str
) -> list[AlertReceipt]:
    """Proof first, then form, then the ledger; what becomes of the call is counted. Blocking."""
    source = _source(face, source_id)
    if not _is_proved(source, request, body, signature):
        face.metrics.webhook(source.id, "refused")
        how = "Authorization: Bearer ..." if source.auth == "bearer" else "X-Opsdesk-Signature: sha256=..."
        raise NotAuthenticated(
            f"this call is not proved to come from {source.id}", next_step=f"send the source's secret as {how}"
        )
    try:
        check_content_type(request)
        forms: Mapping[str, AlertSource] = request.app.state.alert_sources
        receipts = _taken_in(face, forms, source, body, loads(body), key)
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


def _is_proved(source: Source, request: Request, body: bytes, signature: str) -> bool:
    if source.auth == "hmac":
        return source.accepts_signature(body, signature)
    token = presented_token(request)
    return bool(token) and source.accepts_bearer(token)


def _taken_in(
    face: Face, forms: Mapping[str, AlertSource], source: Source, body: bytes, payload: Any, key: str
) -> list[AlertReceipt]:
    form = forms.get(source.kind)
    if form is None:
        raise MalformedSettings(f"source {source.id} is of kind {source.kind}, which is not installed")
    clusters = face.desk.settings.clusters
    default = clusters[0].name if len(clusters) == 1 else ""
    alerts = form.parse(payload, default_cluster=default)
    delivery = f"key:{key}" if key else hashlib.sha256(source.id.encode() + b"\n" + body).hexdigest()
    return face.desk.ledger.alerts.receive(delivery, source.id, body, alerts)
