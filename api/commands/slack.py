"""`opsdesk slack`: what Slack has to be told to make the app."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def slack() -> None:
    """Slack as a face of the desk."""


@app.command()
def manifest(
    http: Annotated[
        bool, typer.Option("--http", help="For requests over HTTP to web.public_url; default: Socket Mode.")
    ] = False,
) -> None:
    """Print the app manifest: in Slack choose "Create New App", "From a manifest", and paste it."""
    from api.commands.output import print_json
    from api.settings import Settings
    from api.slack.manifest import manifest as made
    from knowledge.errors import BadInput

    url = Settings.load().web.public_url
    if http and not url.startswith("https://"):
        raise BadInput(
            "Slack sends requests to an https address only",
            next_step="set web.public_url to where Slack reaches the desk, or leave --http out (Socket Mode)",
        )
    print_json(made(url, uses_socket=not http))
