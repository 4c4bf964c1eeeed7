"""Commands over the desk itself: freeze, sources, upgrade, backup. They act on the ledger of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

SourceKind = Literal["alertmanager", "grafana", "generic"]
SourceAuth = Literal["bearer", "hmac", "hmac-timestamp"]

sources = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.command()(freeze)
    app.command()(unfreeze)
    app.command()(upgrade)
    app.command()(backup)
    app.add_typer(sources, name="source", help="Where alerts may come from, and how each proves itself.")


def freeze(
    reason: Annotated[str, typer.Argument(help="Why; shown to everyone.")],
    cluster: Annotated[str, typer.Option(help="One cluster; default: all.")] = "*",
) -> None:
    """Stop every execution at once, between two steps. Diagnoses go on."""
    from api.bootstrap import cluster_settings, open_ledger
    from api.commands.output import console
    from api.settings import Settings

    settings = Settings.load()
    if cluster != "*":
        cluster_settings(settings, cluster)  # a mistyped name would freeze nothing, and say that it had
    with open_ledger(settings) as ledger:
        ledger.switches.freeze(cluster, _local_actor(), reason)
    option = "" if cluster == "*" else f" --cluster {cluster}"
    frozen = "all clusters" if cluster == "*" else cluster
    console().print(f"frozen: {frozen}; lift it with `opsdesk unfreeze{option}`", markup=False)


def unfreeze(cluster: Annotated[str, typer.Option(help="One cluster; default: the freeze of all.")] = "*") -> None:
    """Let executions run again."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        was = ledger.switches.unfreeze(cluster, _local_actor())
        still = [freeze.cluster for freeze in ledger.switches.list()]
    console().print("unfrozen" if was else "it was not frozen")
    for name in still:
        option = "" if name == "*" else f" --cluster {name}"
        console().print(f"still frozen: {name}; lift it with `opsdesk unfreeze{option}`", markup=False)


def upgrade() -> None:
    """Bring the ledger's schema to this version. Back up first: `opsdesk backup FILE`."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    with open_ledger(Settings.load(), upgrade=True):
        console().print("the ledger is up to date")


def backup(target: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Copy the ledger while the desk goes on working. The search index is rebuilt from it, so it needs no copy."""
    from api.commands.output import console
    from api.settings import Settings
    from knowledge.ledger.ledger import Ledger

    Ledger.backup(Settings.load().ledger, target)
    console().print(f"backed up to {target}")


@sources.command("add")
def add_source(
    name: Annotated[str, typer.Argument(help="Its id; the webhook's URL ends with it.")],
    kind: Annotated[SourceKind, typer.Option(help="Whose form its webhooks have.")] = "alertmanager",
    auth: Annotated[SourceAuth, typer.Option(help="How it proves itself.")] = "bearer",
    secret: Annotated[str, typer.Option(help="Its secret; default: a new random one, printed once.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a source of alerts."""
    import re
    import secrets

    from api.bootstrap import open_ledger
    from api.commands.output import console, print_json
    from api.settings import WEAK_SECRETS, Settings
    from knowledge.errors import BadInput

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise BadInput(
            f"{name!r} cannot be a source's id: the webhook's URL ends with it",
            next_step="letters, digits and . _ - (at most 63)",
        )
    if secret and (secret.lower() in WEAK_SECRETS or len(secret) < 16):
        raise BadInput(
            "the secret is a default one or shorter than 16 characters", next_step="leave it out to get one made"
        )
    made = secret or secrets.token_urlsafe(32)
    settings = Settings.load()
    with open_ledger(settings) as ledger:
        ledger.sources.add(name, kind, auth, made, actor=_local_actor())
    url = f"{settings.server_url}/api/v1/webhooks/{name}"
    if as_json:
        print_json({"source": name, "kind": kind, "auth": auth, "secret": made, "url": url})
        return
    console().print(f"webhook: {url}", soft_wrap=True)
    if not secret:
        console().print(f"{auth} secret (shown once): {made}", soft_wrap=True)


@sources.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List the sources of alerts."""
    from api.bootstrap import open_ledger
    from api.commands.output import print_json, print_table
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        listed = [{"id": one.id, "kind": one.kind, "auth": one.auth} for one in ledger.sources.list()]
    if as_json:
        print_json(listed)
        return
    rows = [(one["id"], one["kind"], one["auth"]) for one in listed]
    print_table("Sources", ("id", "kind", "auth"), rows, empty="No sources yet: opsdesk source add alertmanager")


@sources.command("remove")
def remove_source(name: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Remove a source: its webhooks are refused from now on. What it has sent stays."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        ledger.sources.remove(name, actor=_local_actor())
    console().print(f"removed {name}", markup=False)


def _local_actor() -> str:
    import getpass

    return f"local:{getpass.getuser()}"
