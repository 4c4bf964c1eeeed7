"""`opsdesk user passwd | invite | link | unlink | links | sessions | sign-out`: how a user gets in. Works on the ledger of this
machine, as `opsdesk user` does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.settings import Settings
    from knowledge.ledger.ledger import Ledger

Name = Annotated[str, typer.Argument(help="The user's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    app.command()(passwd)
    app.command()(invite)
    app.command()(link)
    app.command()(unlink)
    app.command()(links)
    app.command()(sessions)
    app.command("sign-out")(sign_out)
    app.command("link-code")(link_code)


def passwd(
    name: Name,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from the standard input, one line.")] = False,
) -> None:
    """Set a user's password. Their sessions end. Better: `opsdesk user invite NAME`, then nobody else knows it."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.commands.users import local_actor
    from api.identity.passwords import Passwords, check_new_password
    from api.settings import Settings

    settings = Settings.load()
    with open_ledger(settings) as ledger:
        principal = ledger.principals.by_name(name)
        given = sys.stdin.readline().rstrip("\r\n") if stdin else _asked()
        check_new_password(given, principal.id)
        hashed = Passwords(settings.sign_in).hash(given)
        ledger.credentials.set_password(principal.id, hashed, actor=local_actor())
    console().print(f"{principal.name} has a new password; their sessions have ended")


def _asked() -> str:
    answer: str = typer.prompt("New password", hide_input=True, confirmation_prompt="Once more", err=True)
    return answer


def invite(
    name: Name,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", "-r", help="Add the user with this role when there is none of that name; repeat."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a one-time link with which a user sets a password: for somebody new, or who forgot it. Shown once."""
    from datetime import timedelta

    from api.bootstrap import open_ledger
    from api.commands.output import console, print_json
    from api.commands.users import known_roles, local_actor
    from api.identity.welcome import invitation_address
    from api.settings import Settings
    from knowledge.errors import BadInput, NotFound
    from knowledge.vocabulary import Scope

    settings = Settings.load()
    actor = local_actor()
    with open_ledger(settings) as ledger:
        try:
            principal = ledger.principals.by_name(name)
            if role:
                raise BadInput(f"there is a user {principal.id} already", next_step="opsdesk user roles sets roles")
        except NotFound as error:
            if not role:
                step = f"opsdesk user invite {name} --role viewer adds them"
                raise NotFound(error.message, next_step=step) from None
            principal = ledger.principals.add(name, known_roles(role), Scope(), actor=actor)
        lifetime = timedelta(hours=settings.sign_in.link_hours)
        secret = ledger.credentials.invite(principal.id, lifetime, actor=actor)
    address = invitation_address(settings, secret)
    if as_json:
        print_json({"user": principal.name, "link": address, "hours": settings.sign_in.link_hours})
        return
    console().print(address, soft_wrap=True)
    console(to_stderr=True).print(f"Good once, for {settings.sign_in.link_hours:g} hours. Send it to them alone.")


def link(
    name: Name,
    provider: Annotated[str, typer.Argument(help="A provider's name in the settings, or slack:T0123/U0456 in one.")],
    subject: Annotated[
        str, typer.Argument(help="The account there: the `sub` of OpenID Connect, Slack's member id.")
    ] = "",
) -> None:
    """Let an account of another site be this user."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.commands.users import local_actor
    from api.settings import Settings

    settings = Settings.load()
    if not subject:
        provider, slash, subject = provider.rpartition("/")
        if not slash or not provider or not subject:
            raise typer.BadParameter("name the account too: slack:T0123/U0456, or a provider and a subject")
    with open_ledger(settings) as ledger:
        principal = ledger.principals.by_name(name)
        made = ledger.linked_identities.link(_provider(settings, provider), subject, principal.id, actor=local_actor())
    console().print(f"{made.provider}/{made.subject} is {principal.name}")


def link_code(as_json: AsJson = False) -> None:
    """Make a one-time code for your own account (your OPSDESK_TOKEN says whose): say `link CODE` to opsdesk in Slack."""
    from api.commands.client import DeskClient
    from api.commands.output import console, print_json
    from api.settings import Settings

    with DeskClient(Settings.load()) as client:
        made = client.post("/me/link-code")
    if as_json:
        print_json(made)
        return
    console().print(str(made["code"]), soft_wrap=True)
    console(to_stderr=True).print(
        f"In Slack, in a direct message or with the slash command: link {made['code']}. It holds {made['minutes']} minutes."
    )


def unlink(
    account: Annotated[str, typer.Argument(help="PROVIDER/SUBJECT as `opsdesk user links` shows it.")],
) -> None:
    """Take an account of another site away from the user that it is."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    settings = Settings.load()
    with open_ledger(settings) as ledger:
        _unlink(settings, ledger, account)
    console().print(f"{account} is nobody now")


def _unlink(settings: Settings, ledger: Ledger, account: str) -> None:
    """Both halves may have slashes: the division that is linked is the one that is meant."""
    from api.commands.users import local_actor
    from knowledge.errors import NotFound

    places = [place for place, letter in enumerate(account) if letter == "/"]
    for place in reversed(places):
        provider, subject = _provider(settings, account[:place]), account[place + 1 :]
        try:
            ledger.linked_identities.unlink(provider, subject, actor=local_actor())
        except NotFound:
            continue
        return
    raise NotFound(f"{account} is linked to nobody", next_step="opsdesk user links NAME")


def links(name: Name, as_json: AsJson = False) -> None:
    """List the accounts of other sites that are this user."""
    from api.bootstrap import open_ledger
    from api.commands.output import local_time, print_json, print_table
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        found = ledger.linked_identities.of(ledger.principals.by_name(name).id)
    if as_json:
        print_json(found)
        return
    rows = [(f"{one.provider}/{one.subject}", local_time(one.linked_at), one.linked_by) for one in found]
    empty = f"None yet: opsdesk user link {name} PROVIDER SUBJECT"
    print_table(f"Accounts of {name}", ("account", "linked", "by"), rows, empty=empty, folding=("account",))


def sessions(name: Name, as_json: AsJson = False) -> None:
    """List where a user is signed in."""
    from api.bootstrap import open_ledger
    from api.commands.output import local_time, print_json, print_table
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        found = ledger.browser_sessions.of(ledger.principals.by_name(name).id)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.id,
            f"{one.method} {one.via}".strip(),
            local_time(one.opened_at),
            local_time(one.seen_at),
            one.address,
            one.agent,
        )
        for one in found
    ]
    columns = ("session", "signed in by", "since", "last seen", "from", "browser")
    print_table(
        f"Sessions of {name}", columns, rows, empty="Nowhere.", folding=("browser",), dropping=("browser", "since")
    )


def sign_out(
    name: Name,
    session: Annotated[str, typer.Option("--session", help="Only this one, by its id.")] = "",
) -> None:
    """End a user's browser sessions at once, all or one."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.commands.users import local_actor
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        principal = ledger.principals.by_name(name)
        if session:
            ledger.browser_sessions.end_one(principal.id, session, actor=local_actor())
            count = 1
        else:
            count = ledger.browser_sessions.end_all(principal.id, actor=local_actor())
    console().print(f"{count} session{'' if count == 1 else 's'} of {principal.name} ended")


def _provider(settings: Settings, name: str) -> str:
    return next((one.provider for one in settings.oidc if one.name == name), name)
