"""Slack behind the messenger's contract."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from api.messengers.contract import Account, Messenger, Person, Place, SharedFile
from api.messengers.message import Form, Message, Picture
from api.slack.calls import SlackCalls
from api.slack.drawing import message_body, view_body
from api.slack.escaping import cut, escaped
from api.slack.files import Files
from knowledge.vocabulary import Language

EVENT_TYPE = "opsdesk_post"
LOOKED_BACK = timedelta(seconds=60)
"""Slack's clock and ours may differ by so much."""
PAGES_MOST = 5
PEOPLE_MOST = 5_000


class SlackMessenger:
    """``files`` downloads and uploads; ``calls`` is the Web API."""

    name = "slack"

    def __init__(self, calls: SlackCalls, files: Files) -> None:
        self._calls, self._files = calls, files
        self._people: dict[str, Person] = {}

    async def post(self, place: Place, message: Message, key: str) -> str:
        thread: dict[str, Any] = {"thread_ts": place.thread} if place.thread else {}
        if place.thread and place.is_shown_beside:
            thread["reply_broadcast"] = True
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
        answer = await self._calls.call(
            "chat.postMessage",
            channel=place.channel,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
            **thread,
            **message_body(message),
        )
        return str(answer["ts"])

    async def find(self, place: Place, key: str, since: datetime) -> str | None:
        method = "conversations.replies" if place.thread else "conversations.history"
        oldest = f"{(since - LOOKED_BACK).timestamp():.6f}"
        asked: dict[str, Any] = {
            "channel": place.channel,
            "oldest": oldest,
            "limit": 200,
            "include_all_metadata": "true",
        }
        if place.thread:
            asked["ts"] = place.thread
        for _ in range(PAGES_MOST):
            answer = await self._calls.call(method, **asked)
            for one in answer.get("messages", ()):
                metadata = one.get("metadata") or {}
                if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload", {}).get("key") == key:
                    return str(one["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            asked["cursor"] = cursor
        return None

    async def update(self, place: Place, message_id: str, message: Message) -> None:
        await self._calls.call("chat.update", channel=place.channel, ts=message_id, **message_body(message))

    async def whisper(self, place: Place, account: Account, message: Message) -> None:
        thread = {"thread_ts": place.thread} if place.thread else {}
        await self._calls.call(
            "chat.postEphemeral", channel=place.channel, user=account.subject, **thread, **message_body(message)
        )

    async def open_form(self, trigger: str, form: Form) -> None:
        await self._calls.call("views.open", trigger_id=trigger, view=view_body(form))

    async def read_file(self, file: SharedFile, maximum_bytes: int) -> bytes:
        if not file.url:  # shared from another organisation: Slack sends the id only
            told = (await self._calls.call("files.info", file=file.id)).get("file") or {}
            file = file.model_copy(
                update={"url": str(told.get("url_private_download") or told.get("url_private") or "")}
            )
        return await self._files.download(file, maximum_bytes)

    async def post_picture(self, place: Place, picture: Picture) -> None:
        granted = await self._calls.call(
            "files.getUploadURLExternal",
            filename="chart.png",
            length=len(picture.png),
            alt_txt=cut(picture.alt, 1_000),
        )
        await self._files.upload(str(granted["upload_url"]), picture.png)
        thread = {"thread_ts": place.thread} if place.thread else {}
        await self._calls.call(
            "files.completeUploadExternal",
            files=[{"id": str(granted["file_id"]), "title": cut(escaped(picture.title), 250)}],
            channel_id=place.channel,
            **thread,
        )

    async def person(self, account: Account) -> Person:
        known = self._people.get(account.subject)
        if known is not None:
            return known
        user = (await self._calls.call("users.info", user=account.subject, include_locale="true")).get("user") or {}
        profile = user.get("profile") or {}
        locale = str(user.get("locale") or "")
        language = Language.ZH if locale.startswith("zh") else Language.EN if locale.startswith("en") else None
        name = str(profile.get("display_name") or user.get("real_name") or user.get("name") or account.subject)
        person = Person(name=name, language=language, zone=str(user.get("tz") or "UTC"))
        if len(self._people) >= PEOPLE_MOST:
            self._people.clear()
        self._people[account.subject] = person
        return person

    async def direct(self, account: Account) -> Place:
        answer = await self._calls.call("conversations.open", users=account.subject)
        return Place(channel=str(answer["channel"]["id"]))

    async def greet(self) -> str:
        told = await self.identity()
        return f"{told.get('user', '?')} in {told.get('team', '?')} ({told.get('team_id', '?')})"

    async def identity(self) -> dict[str, Any]:
        """Slack's own word on whose token this is: ``team_id``, ``user_id``, ``bot_id``."""
        return await self._calls.call("auth.test")


def _is_messenger(messenger: SlackMessenger) -> Messenger:
    """Read by the type checker: the class keeps the contract."""
    return messenger
