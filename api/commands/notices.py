"""`opsdesk notices`: what was told to whom, what could not be, and a trial of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from api.notices.contract import Address, Channel, Notice

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    state: Annotated[
        Literal["waiting", "sent", "given_up", "obsolete"] | None, typer.Option(help="Only those in this state.")
    ] = None,
    incident: Annotated[str, typer.Option(help="Only this incident's.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What was told, is on its way, or did not get through."""
    from api.bootstrap import open_ledger
    from api.commands.output import age, print_json, print_table
    from api.settings import Settings
    from knowledge.ledger.outbox_values import NoticeState

    with open_ledger(Settings.load()) as ledger:
        found = ledger.outbox.list(NoticeState(state) if state else None, incident, limit)
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found)} notices",
        ("id", "when", "state", "kind", "incident", "channel", "to", "route", "tries", "error"),
        [
            (
                one.id,
                age(one.created_at),
                one.state.value,
                one.kind + (" (page)" if one.is_page else ""),
                one.incident_id,
                one.channel,
                one.place.partition(":")[2],
                one.route,
                str(one.attempts),
                one.error,
            )
            for one in found
        ],
        empty="nothing was told yet: `opsdesk doctor --settings` shows the settings under `notices`",
        folding=("error",),
        dropping=("route", "tries", "when"),
    )


@app.command("test")
def try_(
    channel: Annotated[str, typer.Argument(help="email, slack or webhook.")],
    to: Annotated[str, typer.Argument(help="A mail address, a Slack channel's id, a webhook's name.")],
    lang: Annotated[Literal["zh", "en"] | None, typer.Option(help="Only in this language; default: both.")] = None,
    zone: Annotated[str, typer.Option(help="IANA zone of the times in it.")] = "UTC",
) -> None:
    """Send a notice that says it is a test, at once and past every route. Exit code 0: the other side took it."""
    import asyncio

    from api.bootstrap import open_ledger, utc_now
    from api.commands.output import console
    from api.notices.channels import open_channels
    from api.notices.contract import Address
    from api.settings import Settings
    from knowledge.errors import BadInput
    from knowledge.vocabulary import Language

    settings = Settings.load()
    with open_ledger(settings) as ledger:
        channels = open_channels(settings, ledger, utc_now)
        if channel not in channels:
            known = ", ".join(channels) or "none"
            raise BadInput(
                f"no channel {channel!r} is set up (set up: {known})",
                next_step="set it up under `notices` in the settings file",
            )
        address = Address(to=to, language=Language(lang) if lang else None, zone=zone)
        asyncio.run(_send(channels[channel], _test_notice(), address))
    console().print(f"{channel} took it for {to}", markup=False)


@app.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids from `opsdesk notices list --state given_up`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
) -> None:
    """Send again what was given up."""
    import getpass

    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    if bool(ids) == every:
        raise typer.BadParameter("name ids, or say --all")
    with open_ledger(Settings.load()) as ledger:
        count = ledger.outbox.retry(None if every else ids, getpass.getuser())
    console().print(f"{count} wait to be sent again")


async def _send(channel: Channel, notice: Notice, address: Address) -> None:
    await channel.send(notice, address)


def _test_notice() -> Notice:
    import secrets

    from api.bootstrap import utc_now
    from api.notices.contract import Notice, NoticeKind
    from api.web.words import WORDS

    return Notice(
        id=f"test-{secrets.token_hex(8)}",
        kind=NoticeKind.TEST,
        title=WORDS["notices.test"],
        body=WORDS["notices.test_body"],
        at=utc_now(),
    )
