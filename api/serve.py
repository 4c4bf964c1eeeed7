"""One process that is the desk on one machine: web face and worker, and the executor as a child with its own identity."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import structlog
import uvicorn

from agent.graph import build_graph
from api.audit_keeper import keep_checkpoints
from api.bootstrap import Desk, build_deps, open_audit_key, open_checkpointer, open_ledger
from api.identity.welcome import welcome_lines
from api.logs import configure_logging
from api.notices.running import carry_notices
from api.settings import Settings
from api.slack.mounting import carry_slack
from api.worker import Worker
from knowledge.errors import BadInput
from knowledge.vocabulary import Mode

RESTART_SECONDS = 2.0
STOP_SECONDS = 10.0

log = structlog.get_logger("opsdesk.serve")


async def run_server(
    settings: Settings, *, host: str | None, port: int | None, with_executor: bool = True, with_worker: bool = True
) -> int:
    """Serves until a signal; returns the exit code. Prints the address once it listens."""
    from api.web.app import create_app

    configure_logging()
    listener = _listen(host or settings.web.host, settings.web.port if port is None else port)
    with contextlib.closing(listener):
        async with opened_desk(settings) as (desk, worker):
            app = create_app(desk)
            config = uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=5,
                proxy_headers=False,  # whom a proxy speaks for is asked in one place (``api.identity.visitors``)
            )
            server = _Server(config)
            server.stop_on_signals()
            app.state.should_stop = lambda: (
                server.should_exit
            )  # event streams end by themselves, before the patience does
            jobs: list[asyncio.Task[None]] = []
            if with_worker:
                jobs.append(asyncio.create_task(worker.run()))
                jobs.append(asyncio.create_task(_prepare_library(desk)))
                jobs.append(asyncio.create_task(carry_notices(desk)))
                jobs.append(asyncio.create_task(carry_slack(app)))
                jobs.append(
                    asyncio.create_task(keep_checkpoints(desk.ledger, open_audit_key(settings), settings.audit))
                )
            executes = any(cluster.mode is Mode.EXECUTE for cluster in settings.clusters)
            if with_executor and executes:
                jobs.append(asyncio.create_task(_keep_executor()))
            address, bound = listener.getsockname()[:2]
            where = f"http://{f'[{address}]' if ':' in address else address}:{bound}"
            print(f"opsdesk is at {where}", flush=True)  # noqa: T201 - what a person starts it for
            for line in await asyncio.to_thread(welcome_lines, desk.ledger, settings.web.public_url or where):
                print(line, flush=True)  # noqa: T201 - to the terminal alone: a log would keep it
            try:
                await server.serve(sockets=[listener])
            finally:
                await worker.stop()
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
    return 0


class _Server(uvicorn.Server):
    """uvicorn hands a caught signal on when it has stopped, which would end our own stopping half-way; here it is used up."""

    def stop_on_signals(self) -> None:
        """From now on; a second Ctrl-C does not wait for open requests."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # now, not when the desk is ready: of two that start at once the second learns it here
    except (OSError, UnicodeError) as error:
        listener.close()
        said = getattr(error, "strerror", None) or str(error)
        is_port = isinstance(error, OSError) and error.errno in {errno.EADDRINUSE, errno.EACCES}
        option = "--port (0 takes a free one)" if is_port else "--host"
        raise BadInput(f"cannot listen on {host}:{port}: {said}", next_step=f"choose another with {option}") from error
    return listener


@asynccontextmanager
async def opened_desk(settings: Settings) -> AsyncIterator[tuple[Desk, Worker]]:
    """The desk with its ledger, graph and worker; tests and the demo use it too."""
    ledger = open_ledger(settings)
    try:
        deps = build_deps(settings, ledger)
        async with open_checkpointer(settings) as saver:
            worker = Worker(
                build_graph(saver), deps, width=settings.desk.workers, lease_seconds=settings.desk.lease_seconds
            )
            loop = asyncio.get_running_loop()
            desk = Desk(settings, ledger, deps, nudge=_nudging(loop, worker))
            yield desk, worker
    finally:
        ledger.close()


def _nudging(loop: asyncio.AbstractEventLoop, worker: Worker) -> Callable[[], None]:
    """A nudge that may come from any thread (a web request's, say)."""

    def nudge() -> None:
        loop.call_soon_threadsafe(worker.nudge)

    return nudge


async def _prepare_library(desk: Desk) -> None:
    """Bundled cases go in at the first start; a torn index is rebuilt. Beside the work, never before it."""
    from knowledge.errors import OpsdeskError

    try:
        await asyncio.to_thread(desk.library.load_bundled)
        await asyncio.to_thread(desk.library.warm)
    except OpsdeskError as error:
        log.warning("library_not_ready", reason=error.message, next_step=error.next_step)


async def _keep_executor() -> None:
    """Keeps one executor child running. Its standard input is a pipe of ours: when we die, it reads the end and stops."""
    while True:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "api.executor",
            stdin=asyncio.subprocess.PIPE,
            process_group=0,  # a Ctrl-C on the terminal is ours to pass on: the step at hand is finished first
        )
        log.info("executor_started", pid=child.pid)
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), STOP_SECONDS)
            raise
        log.warning("executor_ended", code=code)
        await asyncio.sleep(RESTART_SECONDS)
