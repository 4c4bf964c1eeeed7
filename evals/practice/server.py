"""The practice cluster as a running server: in this process, in a thread, or on its own (see `__main__`)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn
import yaml

from evals.practice.admission.chain import install_admission
from evals.practice.bootstrap_objects import create_bootstrap_objects
from evals.practice.clock import Clock, RealClock
from evals.practice.cluster import Cluster, new_cluster
from evals.practice.garbage import GarbageCollector
from evals.practice.hooks import Controllers
from evals.practice.http.app import PracticeApp
from evals.practice.http.protocol import DroppableProtocol
from evals.practice.namespaces import NamespaceController
from evals.practice.store import Contents, Store

StartControllers = Callable[[Store, Clock], Controllers]


def default_controllers() -> StartControllers | None:
    """`evals.practice.controllers.start`, or None where that package has nothing to start."""
    if importlib.util.find_spec("evals.practice.controllers") is None:
        return None
    module = importlib.import_module("evals.practice.controllers")
    found: StartControllers | None = getattr(module, "start", None)
    return found


class _EmbeddedServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever started the process."""
        yield


@dataclass(slots=True)
class PracticeServer:
    """`async with PracticeServer() as server:` serves until the block ends; `running_in_thread` is for tests that block.

    `url`, `admin_token` and `kubeconfig()` say how to reach it; `cluster` and `app` let a test look inside (from the
    server's loop only).
    """

    port: int = 0
    host: str = "127.0.0.1"
    with_controllers: bool = True
    clock: Clock | None = None
    start_controllers: StartControllers | None = None
    contents: Contents | None = None
    """What the store holds from the start, bootstrap objects included; None: a new cluster."""
    cluster: Cluster = field(init=False)
    app: PracticeApp = field(init=False)
    _server: uvicorn.Server = field(init=False)
    _task: asyncio.Task[None] | None = field(init=False, default=None)
    _running: list[Any] = field(init=False, default_factory=list)
    _socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.clock = self.clock or RealClock()
        self.cluster = new_cluster(self.clock)
        self.app = PracticeApp(self.cluster)
        # with the protocol named, asyncio sends small answers at once; without, each waits 40 ms for a delayed ACK
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self.host, self.port))
        self.port = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def admin_token(self) -> str:
        return self.cluster.tokens.admin

    def kubeconfig(self, *, token: str | None = None, namespace: str = "default") -> str:
        """A kubeconfig for this server as YAML; the admin's unless another token is given."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "practice", "cluster": {"server": self.url}}],
            "users": [{"name": "practice", "user": {"token": token or self.admin_token}}],
            "contexts": [
                {"name": "practice", "context": {"cluster": "practice", "user": "practice", "namespace": namespace}}
            ],
            "current-context": "practice",
        }
        return yaml.safe_dump(config, sort_keys=False)

    async def __aenter__(self) -> Self:
        try:
            self._start_parts()
        except BaseException:
            self._socket.close()
            raise
        config = uvicorn.Config(
            self.app, log_level="warning", lifespan="off", http=DroppableProtocol, timeout_graceful_shutdown=1
        )
        self._server = _EmbeddedServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.005)
        return self

    def _start_parts(self) -> None:
        store, clock = self.cluster.store, self.cluster.clock
        if self.contents is not None:
            store.fill(self.contents)
        install_admission(store)
        if self.contents is None:
            create_bootstrap_objects(store)
        self._running += [NamespaceController(store, clock), GarbageCollector(store, clock)]
        start = self.start_controllers or (default_controllers() if self.with_controllers else None)
        if start is not None:
            controllers = start(store, clock)
            self._running.append(controllers)
            self.cluster.logs = getattr(controllers, "logs", None)
            self.cluster.metrics = getattr(controllers, "metrics", None)
            self.cluster.faults = getattr(controllers, "faults", None)
            self.cluster.exposition = getattr(controllers, "metrics_text", None)

    async def __aexit__(self, *error: object) -> None:
        for part in reversed(self._running):
            part.stop()
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        with contextlib.suppress(OSError):
            self._socket.close()


@contextlib.contextmanager
def running_in_thread(**options: Any) -> Iterator[PracticeServer]:
    """Serve from a thread with its own loop, for tests and tools that are not asynchronous."""
    started = threading.Event()
    holder: list[tuple[PracticeServer, asyncio.AbstractEventLoop, asyncio.Event]] = []
    failure: list[BaseException] = []

    async def serve() -> None:
        async with PracticeServer(**options) as server:
            stop_asked = asyncio.Event()
            holder.append((server, asyncio.get_running_loop(), stop_asked))
            started.set()
            await stop_asked.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            failure.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="practice-server", daemon=True)
    thread.start()
    started.wait()
    if failure:
        raise failure[0]
    server, loop, stop_asked = holder[0]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop_asked.set)
        thread.join(timeout=10)
