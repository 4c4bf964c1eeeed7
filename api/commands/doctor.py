"""`opsdesk doctor`: every connection and permission, one line each, and what to do about what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.health import Check


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

    from api.commands.output import print_json
    from api.health import check_everything
    from api.settings import Settings

    if settings_only:
        _print_settings(as_json=as_json)
        return
    checks = asyncio.run(check_everything(Settings.load()))
    if as_json:
        print_json([{"name": c.name, "state": c.state, "detail": c.detail, "next_step": c.next_step} for c in checks])
    else:
        _print_checks(checks)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _print_checks(checks: list[Check]) -> None:
    from rich.text import Text

    from api.commands.output import clean, console

    style = {"ok": "green", "warning": "yellow", "broken": "red", "off": "dim"}
    out = console()
    for check in checks:
        lines = [
            Text.assemble(
                (f"{check.state:<8}", style[check.state]), f"{check.name}: {clean(' '.join(check.detail.split()))}"
            )
        ]
        if check.next_step and check.state != "ok":
            lines.append(Text(f"        next: {clean(check.next_step)}"))
        for line in lines:
            out.print(line, soft_wrap=not out.is_terminal)


def _print_settings(*, as_json: bool) -> None:
    """What holds now is shown beside the default; settings that cannot be read are told after the list that helps to mend them."""
    from dataclasses import asdict

    from api.commands.output import clean, console, print_json, tell_error
    from api.health import described_settings
    from api.settings import Settings
    from knowledge.errors import MalformedSettings

    now, trouble = None, None
    try:
        now = Settings.load()
    except MalformedSettings as error:
        trouble = error
    described = list(described_settings(Settings, now=now))
    if as_json:
        print_json([asdict(one) for one in described])
    else:
        out = console()
        for one in described:
            default = f"default: {one.default}" if one.default else "has to be given"
            held = f"; now: {one.value}" if one.value else ""
            out.print(one.name, style="bold", markup=False)
            out.print(
                f"    {clean(one.meaning)} ({clean(default + held)})", markup=False, soft_wrap=not out.is_terminal
            )
    if trouble is not None:
        raise typer.Exit(tell_error(trouble))
