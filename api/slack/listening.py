"""Slack's requests, whichever way they come: proved, of our workspace, once, and acknowledged before the work is done.

What a person asks is in the ledger before Slack hears that it arrived; a ledger that is away makes Slack send it again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog

from api.messengers.deciding import REASON, Outcome
from api.messengers.message import Paragraph
from api.messengers.review_message import APPROVE, REJECT
from api.slack.drawing import PREFIX, view_body
from api.slack.face import SlackFace, open_client
from api.slack.requests import (
    DIRECT,
    account_of,
    asked_by_button,
    asked_by_command,
    asked_by_shortcut,
    asked_in_event,
    place_of_press,
    request_id,
    team_of,
)
from api.web.words import word
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Language

if TYPE_CHECKING:
    from slack_bolt import BoltResponse
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

COMMAND = "/opsdesk"
SHORTCUT = "opsdesk_diagnose"
VOTE_SECONDS = 2.3
_SPOKEN = frozenset({None, "file_share", "thread_broadcast"})
"""Subtypes of message events that are somebody's words; edits, deletions and joins are not."""

log = structlog.get_logger("opsdesk.slack")


def build_app(face: SlackFace) -> AsyncApp:
    """The Bolt app: requests over HTTP have to be signed, those of Socket Mode come over a connection of our own."""
    from slack_bolt.async_app import AsyncApp

    secret = face.settings.signing_secret
    quiet = logging.getLogger("opsdesk.slack.bolt")
    quiet.setLevel(logging.ERROR)  # it would log whole requests, forged ones too
    app = AsyncApp(
        name="opsdesk",
        logger=quiet,
        client=open_client(face.settings, None),
        signing_secret=secret.get_secret_value() if secret else "",
        authorize=_authorizing(face),
        before_authorize=_guard(face),
        process_before_response=True,
        ssl_check_enabled=False,
    )
    _listen_to_people(app, face)
    _listen_to_presses(app, face)
    _listen_to_forms(app, face)
    app.event(re.compile(".*"))(_nothing)
    return app


def _authorizing(face: SlackFace) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        from slack_bolt.authorization import AuthorizeResult

        try:
            known = await face.identity()
        except OpsdeskError:  # Slack is away for us while it reaches us: what it says can be kept all the same
            known = {}
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_id=known.get("bot_id"),
            bot_user_id=known.get("user_id"),
        )

    return authorize


def _guard(face: SlackFace) -> Callable[..., Awaitable[BoltResponse | None]]:
    """Refuses other workspaces before anything is read."""

    async def guard(body: Json, next: Callable[[], Awaitable[Any]]) -> BoltResponse | None:
        from slack_bolt import BoltResponse

        if body.get("type") == "url_verification":
            return await next()  # type: ignore[no-any-return]
        try:
            team = await face.team()
        except OpsdeskError as error:
            log.warning("slack_team_unknown", reason=error.message)
            return BoltResponse(status=503, body={"error": "not ready"})
        if not team or team_of(body) != team:
            log.warning("slack_wrong_team", team=team_of(body)[:40])
            return BoltResponse(status=403, body={"error": "another workspace"}, headers={"X-Slack-No-Retry": ["1"]})
        if not request_id(body):
            return BoltResponse(status=400, body={"error": "nothing by which it is known again"})
        return await next()  # type: ignore[no-any-return]

    return guard


def _listen_to_people(app: AsyncApp, face: SlackFace) -> None:
    async def mentioned(body: Json) -> None:
        await face.receiving.take_in(asked_in_event(body, "mention", bot=_bot_of(body)))

    async def written(body: Json, event: Json) -> None:
        is_direct = event.get("channel_type") == "im" or str(event.get("channel", "")).startswith(DIRECT)
        is_spoken = event.get("subtype") in _SPOKEN and event.get("user") and not event.get("bot_id")
        if is_direct and is_spoken:
            await face.receiving.take_in(asked_in_event(body, "direct", bot=_bot_of(body)))

    async def commanded(ack: Ack, body: Json) -> None:
        await face.receiving.take_in(asked_by_command(body))
        await ack(response_type="ephemeral", text=word("messengers.in_private", _language_of(body)))

    async def pointed_at(ack: Ack, body: Json) -> None:
        words = "诊断" if _language_of(body) is Language.ZH else "diagnose this message"
        await face.receiving.take_in(asked_by_shortcut(body, words))
        await ack()

    app.event("app_mention")(mentioned)
    app.event("message")(written)
    app.command(COMMAND)(commanded)
    app.message_shortcut(SHORTCUT)(pointed_at)


def _listen_to_presses(app: AsyncApp, face: SlackFace) -> None:
    async def offered(ack: Ack, body: Json, action: Json) -> None:
        opens = str(action["action_id"]).startswith(f"{PREFIX}open.")
        await face.receiving.take_in(asked_by_button(body, str(action.get("value") or ""), opens=opens))
        await ack()

    async def looked(ack: Ack) -> None:
        await ack()

    async def decided(ack: Ack, body: Json, action: Json) -> None:
        await ack()
        if not await face.receiving.is_fresh(request_id(body)):
            return
        does = str(action["action_id"]).removeprefix(PREFIX).split(".")[0]
        account, place = account_of(body), place_of_press(body)
        opening = face.deciding.open(account, place, str(body["trigger_id"]), does, str(action.get("value") or ""))
        face.spawn(opening)

    app.action(re.compile(rf"{re.escape(PREFIX)}({APPROVE}|{REJECT})\..*"))(decided)
    app.action(re.compile(rf"{re.escape(PREFIX)}(say|open)\..*"))(offered)
    app.action(re.compile(rf"{re.escape(PREFIX)}look\..*"))(looked)


def _listen_to_forms(app: AsyncApp, face: SlackFace) -> None:
    async def submitted(ack: Ack, body: Json) -> None:
        """The vote, within the three seconds that Slack waits; a slower one goes on and shows itself in the channel."""
        view = body["view"]
        does = str(view["callback_id"]).removeprefix(PREFIX)
        reason = _typed(view, REASON)
        voting = asyncio.ensure_future(
            face.deciding.vote(account_of(body), does, str(view.get("private_metadata") or ""), reason)
        )
        try:
            outcome = await asyncio.wait_for(asyncio.shield(voting), VOTE_SECONDS)
        except TimeoutError:
            face.spawn(_ended(voting))
            await ack(response_action="update", view=view_body(face.deciding.slow(face.desk.settings.desk.language)))
            return
        if outcome.is_about_reason:
            text = next(piece.text for piece in outcome.form.pieces if isinstance(piece, Paragraph))
            await ack(response_action="errors", errors={REASON: text})
        else:
            await ack(response_action="update", view=view_body(outcome.form))

    for does in (APPROVE, REJECT):
        app.view_submission(PREFIX + does)(submitted)


async def _ended(voting: asyncio.Future[Outcome]) -> None:
    await voting


def _typed(view: Json, key: str) -> str:
    values = (view.get("state") or {}).get("values") or {}
    return str(((values.get(key) or {}).get(key) or {}).get("value") or "")


async def _nothing() -> None:
    """Acknowledges what the desk does not listen to."""


def _bot_of(body: Json) -> str:
    """The desk's own user, as the request names it."""
    for one in body.get("authorizations") or ():
        if isinstance(one, dict) and one.get("is_bot"):
            return str(one.get("user_id") or "")
    return ""


def _language_of(body: Json) -> Language:
    text = str(body.get("text") or (body.get("message") or {}).get("text") or "")
    return Language.ZH if any("\u4e00" <= letter <= "\u9fff" for letter in text) else Language.EN
