"""A tiny HTTP server for tests: a function from request to answer, over real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """``body``: JSON unless it is bytes. ``hangs_up``: nothing is answered, the connection closes; ``cut``: the body breaks
    off; ``waits``: until the server ends."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    cut: bool = False
    waits: bool = False


@dataclass(slots=True)
class HttpServer:
    respond: Callable[[Asked], Told]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        self._closing.wait(30)

    def close(self) -> None:
        self._closing.set()


class _Exchange(BaseHTTPRequestHandler):
    owner: HttpServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read ``asked``."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)
        self.owner.asked.append(asked)
        told = self.owner.respond(asked)
        if told.waits:
            self.owner.wait()
        if told.hangs_up or told.waits:
            self.close_connection = True
            return
        payload = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
        self.send_response(told.status)
        for name, value in {"Content-Type": "application/json", **told.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload) + (100 if told.cut else 0)))
        self.end_headers()
        self.wfile.write(payload)
        self.close_connection = self.close_connection or told.cut

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the standard library's names


@contextmanager
def running_http_server(respond: Callable[[Asked], Told]) -> Iterator[HttpServer]:
    owner = HttpServer(respond)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Exchange", (_Exchange,), {"owner": owner}))
    server.daemon_threads = True
    owner.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield owner
    finally:
        owner.close()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
