"""`opsdesk doctor`: every connection and permission, one line each, and what to do about what is wrong."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    settings_only: Annotated[
        bool, typer.Option("--settings", help="Print every setting with its meaning, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check settings, ledger, index, clusters, permissions, metrics, model and server. Exit code 1 when something is broken."""
    import asyncio

    from api.commands.output import clean, console, print_json
    from api.health import check_everything, described_settings
    from api.settings import Settings

    if settings_only:
        for name, meaning in described_settings(Settings):
            console().print(f"{name:<36} {meaning}", markup=False, soft_wrap=True)
        return
    checks = asyncio.run(check_everything(Settings.load()))
    if as_json:
        print_json([{"name": c.name, "state": c.state, "detail": c.detail, "next_step": c.next_step} for c in checks])
    else:
        style = {"ok": "green", "warning": "yellow", "broken": "red", "off": "dim"}
        for check in checks:
            console().print(f"{check.state:<8}", style=style[check.state], end="")
            console().print(f"{check.name}: {clean(check.detail)}", markup=False, soft_wrap=True)
            if check.next_step and check.state != "ok":
                console().print(f"        next: {clean(check.next_step)}", markup=False, soft_wrap=True)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)
