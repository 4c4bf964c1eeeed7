"""Where Slack sends its requests over HTTP. All three of its addresses (events, commands, interactions) may be this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from knowledge.errors import NotFound

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

router = APIRouter(prefix="/api/v1/slack", include_in_schema=False)

SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"


@router.post("/events")
@router.post("/commands")
@router.post("/interactions")
async def receive(request: Request) -> Response:
    """Bolt proves the signature over the raw body; what it cannot even read is refused before it."""
    app: AsyncApp | None = getattr(request.app.state, "slack", None)
    if app is None:
        raise NotFound("Slack is not set up here", next_step="set slack.bot_token and slack.signing_secret")
    body = await request.body()
    timestamp = request.headers.get(TIMESTAMP, "")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return Response(status_code=401)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 15) or SIGNATURE not in request.headers:
        return Response(status_code=401)
    return await _dispatched(app, text, request)


async def _dispatched(app: AsyncApp, text: str, request: Request) -> Response:
    from slack_bolt.request.async_request import AsyncBoltRequest

    headers: dict[str, Any] = dict(request.headers)
    answer = await app.async_dispatch(AsyncBoltRequest(body=text, query=dict(request.query_params), headers=headers))
    return Response(status_code=answer.status, content=answer.body, headers=answer.first_headers_without_set_cookie())
