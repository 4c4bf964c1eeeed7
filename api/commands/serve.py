"""`opsdesk serve` and `opsdesk executor`: the two processes of the desk."""

from __future__ import annotations

from typing import Annotated

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
    raise typer.Exit(
        asyncio.run(
            run_server(settings, host=host, port=port, with_executor=not no_executor, with_worker=not no_worker)
        )
    )


def executor(
    once: Annotated[bool, typer.Option("--once", help="Do what waits, then stop.")] = False,
) -> None:
    """Run the executor: the only process with write rights. It executes what the ledger says was approved."""
    import asyncio

    from api.executor import run_executor
    from api.settings import Settings

    raise typer.Exit(asyncio.run(run_executor(Settings.load(), once=once)))
