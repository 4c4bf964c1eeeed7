"""A server that speaks Slack's documented protocol: the Web API with its tokens, errors and limits, files, and a workspace in
memory. It stands in for Slack; the real service has not been met.

What it is held to, from Slack's reference: tokens in the Authorization header; ``{"ok": false, "error": ...}`` with HTTP 200;
429 with Retry-After; ``invalid_blocks`` for what breaks Block Kit's limits; trigger ids that hold three seconds and once;
``message_not_found`` for an update of what is not there; ephemeral messages that nobody can look up again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.slack_blocks import flaws, seen, view_flaws
from tests.fakes.slack_socket import Sockets

Json = dict[str, Any]

TEAM, BOT_USER, BOT_ID = "T0DESK", "U0BOT", "B0BOT"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-fake-bot-token", "xapp-fake-app-token", "8f742231b10e8888abcd99yyyzzz85a5"
TRIGGER_SECONDS = 3.0


@dataclass
class Trouble:
    """How Slack is today. ``is_away``: 503 to everything. ``drops``: methods whose work is done and whose answer is lost."""

    is_away: bool = False
    drops: set[str] = field(default_factory=set)
    limits: dict[str, list[int]] = field(default_factory=dict)
    """For each method the Retry-After of the calls to come; an empty list: no limit."""
    fails: dict[str, str] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    hangs_after: set[str] = field(default_factory=set)
    """The work is done, and the answer never comes."""


@dataclass
class FakeSlack:
    url: str = ""
    trouble: Trouble = field(default_factory=Trouble)
    channels: dict[str, list[Json]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    """Channels that the app was invited to."""
    users: dict[str, Json] = field(default_factory=dict)
    ephemeral: list[Json] = field(default_factory=list)
    views: list[Json] = field(default_factory=list)
    files: dict[str, Json] = field(default_factory=dict)
    pictures: list[Json] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    triggers: dict[str, float] = field(default_factory=dict)
    used_triggers: set[str] = field(default_factory=set)
    sockets: Sockets = field(default_factory=Sockets)
    responses: list[Json] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    now: Callable[[], float] = time.time
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    # --- what tests arrange and read ---------------------------------------------------------------------------------

    def channel(self, name: str) -> str:
        self.channels.setdefault(name, [])
        self.members.add(name)
        return name

    def user(self, name: str, *, locale: str = "en-US") -> str:
        self.users[name] = {
            "id": name,
            "name": name.lower(),
            "locale": locale,
            "tz": "Asia/Shanghai",
            "profile": {"display_name": name.lower()},
        }
        return name

    def said(self, channel: str, thread: str | None = None) -> list[Json]:
        """Messages of a channel, oldest first; with ``thread`` the replies in it."""
        return [one for one in self.channels.get(channel, ()) if thread is None or one.get("thread_ts") == thread]

    def read(self, channel: str, thread: str | None = None) -> str:
        """What a person reads there."""
        return "\n".join(seen(one) or str(one["text"]) for one in self.said(channel, thread))

    def write(self, channel: str, user: str, text: str, thread: str = "") -> str:
        """A person writes something; the timestamp of it."""
        one = {"type": "message", "user": user, "text": text, "ts": self.stamp()}
        if thread:
            one["thread_ts"] = thread
        self.channels[channel].append(one)
        return str(one["ts"])

    def file(self, name: str, content: bytes, *, status: int = 200, content_type: str = "text/plain") -> Json:
        identifier = f"F{next(self._numbers):04d}"
        self.files[identifier] = {"content": content, "status": status, "content_type": content_type}
        link = f"{self.url}/files-pri/{TEAM}-{identifier}/download/{name}"
        return {
            "id": identifier,
            "name": name,
            "size": len(content),
            "url_private_download": link,
            "mimetype": content_type,
        }

    def trigger(self) -> str:
        identifier = f"{next(self._numbers)}.trigger"
        self.triggers[identifier] = self.now() + TRIGGER_SECONDS
        return identifier

    def stamp(self) -> str:
        return f"{int(self.now())}.{next(self._numbers):06d}"

    def count(self, method: str) -> int:
        return Counter(name for name, _ in self.calls)[method]

    async def until(self, holds: Callable[[], object], seconds: float = 10.0) -> None:
        """Waits until something holds; looked at whenever the workspace changes, and every so often."""
        async with asyncio.timeout(seconds):
            while not holds():
                self.changed.clear()
                try:
                    await asyncio.wait_for(self.changed.wait(), 0.05)
                except TimeoutError:
                    continue

    # --- the Web API -------------------------------------------------------------------------------------------------

    async def api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = await _arguments(request)
        self.calls.append((method, given))
        if self.trouble.is_away:
            return web.Response(status=503, text="upstream connect error")
        if method in self.trouble.hangs:
            await asyncio.sleep(3_600)
        waits = self.trouble.limits.get(method)
        if waits:
            headers = {"Retry-After": str(waits.pop(0))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        answer = self._answered(method, given, request.headers.get("Authorization", "").removeprefix("Bearer "))
        self.changed.set()
        if method in self.trouble.hangs_after:
            await asyncio.sleep(3_600)
        if method in self.trouble.drops:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(answer)

    def _answered(self, method: str, given: Json, token: str) -> Json:
        wanted = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if not token:
            return _no("not_authed")
        if token != wanted:
            return _no("not_allowed_token_type" if token in {APP_TOKEN, BOT_TOKEN} else "invalid_auth")
        if method in self.trouble.fails:
            return _no(self.trouble.fails[method])
        answers = getattr(self, "_" + method.replace(".", "_"), None)
        return answers(given) if answers else _no("unknown_method")

    def _auth_test(self, _: Json) -> Json:
        return {"ok": True, "team": "Desk", "team_id": TEAM, "user": "opsdesk", "user_id": BOT_USER, "bot_id": BOT_ID}

    def _apps_connections_open(self, _: Json) -> Json:
        return {"ok": True, "url": f"{self.url.replace('http', 'ws', 1)}/socket/{next(self._numbers)}"}

    def _chat_postMessage(self, given: Json) -> Json:  # noqa: N802 - Slack's name
        refused = self._refused(given)
        if refused:
            return refused
        one = {"type": "message", "user": BOT_USER, "bot_id": BOT_ID, "ts": self.stamp(), **_shown(given)}
        if given.get("thread_ts"):
            one["thread_ts"] = given["thread_ts"]
        self.channels[given["channel"]].append(one)
        return {"ok": True, "channel": given["channel"], "ts": one["ts"], "message": one}

    def _chat_update(self, given: Json) -> Json:
        refused = self._refused(given)
        if refused:
            return refused
        for one in self.channels[given["channel"]]:
            if one["ts"] == given["ts"]:
                if one["user"] != BOT_USER:
                    return _no("cant_update_message")
                one.update(_shown(given) | ({"metadata": one["metadata"]} if "metadata" in one else {}))
                return {"ok": True, "channel": given["channel"], "ts": one["ts"], "text": one["text"]}
        return _no("message_not_found")

    def _chat_postEphemeral(self, given: Json) -> Json:  # noqa: N802 - Slack's name
        refused = self._refused(given)
        if refused:
            return refused
        if given.get("user") not in self.users:
            return _no("user_not_in_channel")
        self.ephemeral.append({"channel": given["channel"], "user": given["user"], **_shown(given)})
        return {"ok": True, "message_ts": self.stamp()}

    def _refused(self, given: Json) -> Json | None:
        channel = given.get("channel", "")
        if channel not in self.channels:
            return _no("channel_not_found")
        if channel not in self.members:
            return _no("not_in_channel")
        if not given.get("text") and not given.get("blocks"):
            return _no("no_text")
        found = flaws(given.get("blocks", []), "message")
        if len(given.get("text", "")) > 40_000:
            return _no("msg_too_long")
        return _no("invalid_blocks", response_metadata={"messages": found}) if found else None

    def _conversations_history(self, given: Json) -> Json:
        return self._page(given, [one for one in self.channels.get(given["channel"], ()) if "thread_ts" not in one])

    def _conversations_replies(self, given: Json) -> Json:
        ts = given["ts"]
        found = [one for one in self.channels.get(given["channel"], ()) if ts in {one["ts"], one.get("thread_ts")}]
        return self._page(given, found) if found else _no("thread_not_found")

    def _page(self, given: Json, messages: list[Json]) -> Json:
        if given["channel"] not in self.members:
            return _no("not_in_channel")
        kept = [one for one in messages if float(one["ts"]) >= float(given.get("oldest") or 0)]
        if given.get("include_all_metadata") != "true":
            kept = [{name: value for name, value in one.items() if name != "metadata"} for one in kept]
        start, limit = int(given.get("cursor") or 0), int(given.get("limit") or 100)
        more = str(start + limit) if len(kept) > start + limit else ""
        return {
            "ok": True,
            "messages": kept[::-1][start : start + limit],
            "response_metadata": {"next_cursor": more},
        }

    def _conversations_open(self, given: Json) -> Json:
        if given.get("users") not in self.users:
            return _no("user_not_found")
        return {"ok": True, "channel": {"id": self.channel(f"D{given['users']}")}}

    def _conversations_info(self, given: Json) -> Json:
        if given.get("channel") not in self.channels:
            return _no("channel_not_found")
        return {"ok": True, "channel": {"id": given["channel"], "is_member": given["channel"] in self.members}}

    def _users_info(self, given: Json) -> Json:
        user = self.users.get(given.get("user", ""))
        return {"ok": True, "user": user} if user else _no("user_not_found")

    def _views_open(self, given: Json) -> Json:
        trigger = given.get("trigger_id", "")
        if trigger not in self.triggers:
            return _no("invalid_trigger_id")
        if trigger in self.used_triggers:
            return _no("exchanged_trigger_id")
        if self.now() > self.triggers[trigger]:
            return _no("expired_trigger_id")
        found = view_flaws(given.get("view", {}))
        if found:
            return _no("invalid_arguments", response_metadata={"messages": found})
        self.used_triggers.add(trigger)
        view = {"id": f"V{next(self._numbers)}", "hash": self.stamp(), "state": {"values": {}}, **given["view"]}
        self.views.append(view)
        return {"ok": True, "view": view}

    def _files_info(self, given: Json) -> Json:
        if given.get("file") not in self.files:
            return _no("file_not_found")
        link = f"{self.url}/files-pri/{TEAM}-{given['file']}/download/shared"
        return {"ok": True, "file": {"id": given["file"], "url_private_download": link}}

    def _files_getUploadURLExternal(self, given: Json) -> Json:  # noqa: N802 - Slack's name
        if not given.get("filename") or int(given.get("length") or 0) <= 0:
            return _no("invalid_arguments")
        identifier = f"F{next(self._numbers):04d}"
        self.files[identifier] = {"length": int(given["length"]), "content": b""}
        return {"ok": True, "upload_url": f"{self.url}/upload/v1/{identifier}", "file_id": identifier}

    def _files_completeUploadExternal(self, given: Json) -> Json:  # noqa: N802 - Slack's name
        for one in given["files"]:
            held = self.files.get(one["id"])
            if held is None or len(held["content"]) != held["length"]:
                return _no("file_not_found")
            if given["channel_id"] not in self.members:
                return _no("channel_not_found")
            self.pictures.append(
                {"channel": given["channel_id"], "thread_ts": given.get("thread_ts", ""), **one, **held}
            )
        return {"ok": True, "files": given["files"]}

    # --- files and response addresses --------------------------------------------------------------------------------

    async def download(self, request: web.Request) -> web.StreamResponse:
        held = self.files.get(request.match_info["file"].split("-", 1)[1])
        if held is None:
            return web.Response(status=404)
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}":
            return web.Response(status=302, headers={"Location": f"{self.url}/signin"})
        return web.Response(status=held["status"], body=held["content"], content_type=held["content_type"])

    async def upload(self, request: web.Request) -> web.StreamResponse:
        self.files[request.match_info["file"]]["content"] = await request.read()
        return web.Response(text="OK - uploaded")

    async def respond(self, request: web.Request) -> web.StreamResponse:
        self.responses.append(await request.json())
        self.changed.set()
        return web.Response(text="ok")


def _no(error: str, **more: Any) -> Json:
    return {"ok": False, "error": error, **more}


def _shown(given: Json) -> Json:
    shown = {"text": given.get("text", ""), "blocks": given.get("blocks", [])}
    return shown | ({"metadata": given["metadata"]} if "metadata" in given else {})


async def _arguments(request: web.Request) -> Json:
    """JSON, form or query: Slack takes all three, with structures as JSON text in the latter two."""
    if request.content_type == "application/json":
        given = await request.json()
        return given if isinstance(given, dict) else {}
    flat: Json = dict(request.query) | dict(await request.post())
    return {
        name: json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
        for name, value in flat.items()
    }


@asynccontextmanager
async def running_slack(port: int = 0) -> AsyncIterator[FakeSlack]:
    """On a port of this machine, in the loop of the test."""
    slack = FakeSlack()
    app = web.Application(client_max_size=50_000_000)
    app.router.add_route("*", "/api/{method}", slack.api)
    app.router.add_get("/files-pri/{file}/download/{name}", slack.download)
    app.router.add_post("/upload/v1/{file}", slack.upload)
    app.router.add_post("/commands/{id}", slack.respond)
    app.router.add_get("/socket/{number}", slack.sockets.accept)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    address = runner.addresses[0]
    slack.url = f"http://127.0.0.1:{address[1]}"
    try:
        yield slack
    finally:
        await slack.sockets.close()
        await runner.cleanup()
