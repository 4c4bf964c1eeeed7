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
    """The signature is proved over the raw body before anything of it is read; Bolt proves it once more."""
    app: AsyncApp | None = getattr(request.app.state, "slack", None)
    if app is None:
        raise NotFound("Slack is not set up here", next_step="set slack.bot_token and slack.signing_secret")
    body = await request.body()
    if not _is_proved(request, body):
        return Response(status_code=401)
    return await _dispatched(app, body.decode("utf-8"), request)


def _is_proved(request: Request, body: bytes) -> bool:
    from slack_sdk.signature import SignatureVerifier

    secret = request.app.state.slack_face.settings.signing_secret
    stamp, signature = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
    if secret is None or not signature or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        return False
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return SignatureVerifier(secret.get_secret_value()).is_valid(text, stamp, signature)


async def _dispatched(app: AsyncApp, text: str, request: Request) -> Response:
    from slack_bolt.request.async_request import AsyncBoltRequest

    headers: dict[str, Any] = dict(request.headers)
    try:
        asked = AsyncBoltRequest(body=text, query=dict(request.query_params), headers=headers)
    except (ValueError, TypeError, AttributeError, KeyError):  # what the parser does with what is no object of Slack's
        return Response(status_code=400)
    answer = await app.async_dispatch(asked)
    return Response(status_code=answer.status, content=answer.body, headers=answer.first_headers_without_set_cookie())
