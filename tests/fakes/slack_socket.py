"""Socket Mode, as Slack documents it: ``hello``, envelopes that have to be acknowledged, and ``disconnect`` when it likes."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]


@dataclass
class Sockets:
    open: list[web.WebSocketResponse] = field(default_factory=list)
    acknowledged: dict[str, Json] = field(default_factory=dict)
    """By envelope id: what came back with the acknowledgement."""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.open.append(socket)
        self.connections += 1
        await socket.send_json(
            {"type": "hello", "num_connections": len(self.open), "connection_info": {"app_id": "A0"}}
        )
        self.came.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            if socket in self.open:
                self.open.remove(socket)
        return socket

    def _acknowledge(self, data: str) -> None:
        try:
            said = json.loads(data)
        except ValueError:
            return
        if isinstance(said, dict) and said.get("envelope_id"):
            self.acknowledged[said["envelope_id"]] = said.get("payload") or {}
            self.came.set()

    async def connected(self, seconds: float = 10.0) -> None:
        await self._until(lambda: bool(self.open), seconds)

    async def send(self, kind: str, payload: Json, *, envelope_id: str = "", seconds: float = 10.0) -> Json:
        """One envelope (``events_api``, ``interactive``, ``slash_commands``); what was acknowledged with."""
        identifier = envelope_id or f"env-{next(self._numbers)}"
        self.acknowledged.pop(identifier, None)
        await self.open[-1].send_json(
            {
                "type": kind,
                "envelope_id": identifier,
                "payload": payload,
                "accepts_response_payload": kind != "events_api",
            }
        )
        await self._until(lambda: identifier in self.acknowledged, seconds)
        return self.acknowledged[identifier]

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """As Slack does every few hours, or when it has trouble: says so, then closes."""
        for socket in list(self.open):
            await socket.send_json({"type": "disconnect", "reason": reason})
            await socket.close()

    async def close(self) -> None:
        for socket in list(self.open):
            await socket.close()

    async def _until(self, holds: Any, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.came.clear()
                try:
                    await asyncio.wait_for(self.came.wait(), 0.1)
                except TimeoutError:
                    continue
