"""uvicorn's HTTP protocol, with the transport within reach so that a connection can be dropped on purpose."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class DroppableProtocol(HttpToolsProtocol):
    """Puts the transport into the scope of each request, under the extension `practice.transport`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = dict(self.scope.get("extensions") or {})
        extensions["practice.transport"] = self.transport
        self.scope["extensions"] = extensions
