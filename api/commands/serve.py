"""`opsdesk serve` and `opsdesk executor`: the two processes of the desk."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(executor)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: settings.web.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one and prints it.", min=0, max=65535)] = None,
    no_executor: Annotated[
        bool,
        typer.Option("--no-executor", help="Do not start the executor beside it (run `opsdesk executor` yourself)."),
    ] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only the web face: another process works.")] = False,
) -> None:
    """Run the desk: web face, worker, and an executor process where a cluster's mode is `execute`."""
    import asyncio

    from api.serve import run_server
    from api.settings import Settings

    settings = Settings.load()

    async def serve_and_leave() -> None:
        code = await run_server(
            settings, host=host, port=port, with_executor=not no_executor, with_worker=not no_worker
        )
        _leave(code)

    asyncio.run(serve_and_leave())


def _leave(code: int) -> NoReturn:
    """Ends the process now. All that must be kept is in the ledger, which is closed; a thread that still embeds texts or
    waits for a cluster's answer cannot be cancelled, and is not worth a person's waiting."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def executor(
    once: Annotated[bool, typer.Option("--once", help="Do what waits, then stop.")] = False,
) -> None:
    """Run the executor: the only process with write rights. It executes what the ledger says was approved."""
    import asyncio

    from api.executor import run_executor
    from api.settings import Settings
    from knowledge.errors import MalformedSettings
    from knowledge.vocabulary import Mode

    settings = Settings.load()
    if not any(cluster.mode is Mode.EXECUTE for cluster in settings.clusters):
        raise MalformedSettings(
            "no cluster is in mode `execute`: there is nothing to execute",
            next_step="set mode: execute and executor_kubeconfig for a cluster in the settings file",
        )
    raise typer.Exit(asyncio.run(run_executor(settings, once=once)))
