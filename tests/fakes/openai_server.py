"""A chat model's server for tests: real HTTP, the real protocol, answers that the test scripts. Fixture ``openai_server``.

openai_server.say("text")  .say_json({...})  .call_tool("name", {...})   one answer each, in order
openai_server.fail(429, "slow down", retry_after=1)  .hang_up()  .garbage(b"...")  .say("late", after_seconds=5)
openai_server.answer_with(lambda request: "text")      whatever the queue does not answer
openai_server.refuses.add("json_schema")               as servers do that know no structured output
openai_server.requests                                 bodies that came, in order
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Json = dict[str, Any]


@dataclass(slots=True)
class Scripted:
    """One answer. ``raw`` goes out byte for byte; ``hangs_up`` closes the connection without one."""

    text: str = ""
    status: int = 200
    after_seconds: float = 0.0
    raw: bytes | None = None
    hangs_up: bool = False
    tool_calls: list[Json] = field(default_factory=list)
    finish_reason: str = "stop"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class OpenAIServer:
    port: int = 0
    model: str = "scripted"
    api_key: str = ""
    """When set, another key is answered 401."""
    tells_usage: bool = True
    refuses: set[str] = field(default_factory=set)
    """Types of response_format that are answered 400: json_schema, json_object."""
    requests: list[Json] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    _queue: deque[Scripted] = field(default_factory=deque)
    _default: Callable[[Json], str | Json | Scripted] = field(default=lambda _: "OK")
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def say(self, text: str, *, after_seconds: float = 0.0, finish_reason: str = "stop") -> None:
        self._queue.append(Scripted(text, after_seconds=after_seconds, finish_reason=finish_reason))

    def say_json(self, value: Any, *, fenced: bool = False) -> None:
        text = json.dumps(value, ensure_ascii=False)
        self.say(f"Here it is:\n```json\n{text}\n```\n" if fenced else text)

    def call_tool(self, name: str, arguments: Json) -> None:
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"id": f"call_{len(self.requests)}", "type": "function", "function": function}
        self._queue.append(Scripted(tool_calls=[call], finish_reason="tool_calls"))

    def fail(self, status: int, message: str = "no", *, retry_after: float | None = None) -> None:
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        self._queue.append(Scripted(message, status=status, headers=headers))

    def garbage(self, raw: bytes = b"<html>504 gateway \xff\xfe</html>") -> None:
        self._queue.append(Scripted(raw=raw))

    def hang_up(self) -> None:
        self._queue.append(Scripted(hangs_up=True))

    def answer_with(self, answer: Callable[[Json], str | Json | Scripted]) -> None:
        """For every request that the queue has no answer for. A dict goes out as JSON text."""
        self._default = answer

    def next_for(self, request: Json) -> Scripted:
        kind = (request.get("response_format") or {}).get("type", "")
        if kind in self.refuses:
            return Scripted(f"response_format {kind} is not supported", status=400)
        if self._queue:
            return self._queue.popleft()
        given = self._default(request)
        if isinstance(given, Scripted):
            return given
        return Scripted(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False))

    def wait(self, seconds: float) -> None:
        """A slow answer; the end of the server ends the wait."""
        self._closing.wait(seconds)

    def close(self) -> None:
        self._closing.set()

    def usage(self, request: Json, text: str) -> Json | None:
        if not self.tells_usage:
            return None
        sent = sum(len(str(message.get("content") or "")) for message in request.get("messages") or ())
        prompt, completion = max(1, sent // 4), max(1, len(text) // 4)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class _Exchange(BaseHTTPRequestHandler):
    script: OpenAIServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read ``requests``."""

    def do_GET(self) -> None:
        self._send(200, json.dumps({"object": "list", "data": [{"id": self.script.model, "object": "model"}]}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request: Json = json.loads(body)
        self.script.requests.append(request)
        self.script.arrived.set()
        if self.script.api_key and self.headers.get("Authorization") != f"Bearer {self.script.api_key}":
            self._send_error(401, "invalid api key")
            return
        if not self.path.endswith("/chat/completions"):
            self._send_error(404, f"no such path {self.path}")
            return
        answer = self.script.next_for(request)
        self.script.wait(answer.after_seconds)
        if answer.hangs_up:
            self.close_connection = True
            self.connection.close()
        elif answer.raw is not None:
            self._send(answer.status, answer.raw, {"Content-Type": "text/html"})
        elif answer.status != 200:
            self._send_error(answer.status, answer.text, answer.headers)
        elif request.get("stream"):
            self._stream(request, answer)
        else:
            self._send(200, json.dumps(self._completion(request, answer)).encode(), answer.headers)

    def _completion(self, request: Json, answer: Scripted) -> Json:
        message: Json = {"role": "assistant", "content": answer.text}
        if answer.tool_calls:
            message = {"role": "assistant", "content": None, "tool_calls": answer.tool_calls}
        completion: Json = {
            "id": f"chatcmpl-{len(self.script.requests)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.get("model", self.script.model),
            "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
        }
        if usage := self.script.usage(request, answer.text):
            completion["usage"] = usage
        return completion

    def _stream(self, request: Json, answer: Scripted) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        words = answer.text.split(" ")
        pieces = [word + (" " if index < len(words) - 1 else "") for index, word in enumerate(words)]
        deltas: list[Json] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
        for delta in deltas:
            self._chunk(request, [{"index": 0, "delta": delta, "finish_reason": None}])
        self._chunk(request, [{"index": 0, "delta": {}, "finish_reason": answer.finish_reason}])
        if (request.get("stream_options") or {}).get("include_usage") and (
            usage := self.script.usage(request, answer.text)
        ):
            self._chunk(request, [], usage)
        self.wfile.write(b"data: [DONE]\n\n")

    def _chunk(self, request: Json, choices: list[Json], usage: Json | None = None) -> None:
        chunk: Json = {
            "id": "chatcmpl-s",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": request.get("model"),
            "choices": choices,
        }
        if usage:
            chunk["usage"] = usage
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def _send_error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        error = {"error": {"message": message, "type": "scripted", "param": None, "code": None}}
        self._send(status, json.dumps(error).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # a client that timed out


@contextmanager
def running_openai_server() -> Iterator[OpenAIServer]:
    """On a free port of the loopback, until the block ends."""
    script = OpenAIServer()
    handler = type("Exchange", (_Exchange,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    script.port = server.server_address[1]
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="openai-server", daemon=True
    )
    thread.start()
    try:
        yield script
    finally:
        script.close()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    with running_openai_server() as server:
        yield server
