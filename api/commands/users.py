"""`opsdesk user`: who may act. Works on the ledger of this machine: whoever may write that file may do this."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands import user_access

if TYPE_CHECKING:
    from knowledge.vocabulary import Role

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
user_access.register(app)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Roles = Annotated[
    list[str], typer.Option("--role", "-r", help="viewer, responder, approver or admin; repeat for several.")
]
Patterns = Annotated[
    list[str] | None, typer.Option(help="Shell-style pattern; repeat for several. Default: everything.")
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name people know; unique.")],
    role: Roles,
    namespace: Patterns = None,
    service: Patterns = None,
    cluster: Patterns = None,
    person: Annotated[
        str, typer.Option(help="Links several identities of one human: they count once as approver.")
    ] = "",
    machine: Annotated[bool, typer.Option("--machine", help="A program, not a person: never an approver.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a user. They get in with a password (`opsdesk user invite NAME`) or a token (`opsdesk user token NAME`)."""
    from api.bootstrap import open_ledger
    from api.commands.output import console, print_json
    from api.settings import Settings
    from knowledge.errors import BadInput
    from knowledge.vocabulary import Role, Scope

    roles = known_roles(role)
    if machine and Role.APPROVER in roles:
        raise BadInput("a machine cannot be an approver", next_step="give the role to a person")
    scope = Scope(
        clusters=tuple(cluster or ("*",)), namespaces=tuple(namespace or ("*",)), services=tuple(service or ("*",))
    )
    with open_ledger(Settings.load()) as ledger:
        principal = ledger.principals.add(
            name, roles, scope, kind="machine" if machine else "person", person=person, actor=local_actor()
        )
    if as_json:
        print_json(principal)
    else:
        console().print(f"added {principal.name} ({', '.join(sorted(principal.roles))})")
        ways = f"opsdesk user token {principal.name}"
        if not machine:
            ways = f"opsdesk user invite {principal.name} (a link that sets a password), or {ways}"
        console().print(f"next: {ways}", soft_wrap=True)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="The user's name.")],
    label: Annotated[str, typer.Option(help="What the token is for.")] = "cli",
    days: Annotated[int | None, typer.Option(help="Days until it expires; default: never.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Make a personal token. It is shown once and stored only as a hash."""
    from api.bootstrap import open_ledger
    from api.commands.output import console, print_json
    from api.settings import Settings

    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with open_ledger(Settings.load()) as ledger:
        principal = ledger.principals.by_name(name)
        secret = ledger.principals.issue_token(principal.id, label, expires, actor=local_actor())
    if as_json:
        print_json({"user": principal.name, "token": secret, "expires_at": expires})
        return
    console().print(secret, soft_wrap=True)
    console(to_stderr=True).print("Shown once. Use it as OPSDESK_TOKEN, or to sign in on the web page.")


@app.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List users with their roles and scopes."""
    from api.bootstrap import open_ledger
    from api.commands.output import print_json, print_table
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        principals = ledger.principals.list()
    if as_json:
        print_json(principals)
        return
    rows = [
        (
            p.name,
            ", ".join(sorted(p.roles)),
            ", ".join(p.scope.namespaces),
            ", ".join(p.scope.services),
            p.kind,
        )
        for p in principals
    ]
    empty = "No users yet. Add the first: opsdesk user add alice --role admin --role responder"
    columns = ("name", "roles", "namespaces", "services", "kind")
    folding = ("roles", "namespaces", "services")
    print_table("Users", columns, rows, empty=empty, folding=folding, dropping=("kind", "services"))


@app.command()
def tokens(name: str, as_json: AsJson = False) -> None:
    """List a user's tokens by label; the tokens themselves are kept by nobody."""
    from api.bootstrap import open_ledger
    from api.commands.output import local_time, print_json, print_table
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        found = ledger.principals.tokens(ledger.principals.by_name(name).id)
    if as_json:
        print_json(found)
        return
    rows = [(t.label, local_time(t.created_at), local_time(t.expires_at) if t.expires_at else "never") for t in found]
    print_table(f"Tokens of {name}", ("label", "made", "expires"), rows, empty=f"None yet: opsdesk user token {name}")


@app.command()
def roles(name: str, role: Roles) -> None:
    """Set a user's roles."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    wanted = known_roles(role)
    with open_ledger(Settings.load()) as ledger:
        ledger.principals.set_roles(ledger.principals.by_name(name).id, wanted, actor=local_actor())
    console().print(f"{name}: {', '.join(sorted(wanted))}")


@app.command()
def revoke(name: str, label: Annotated[str, typer.Option(help="The token's label.")] = "cli") -> None:
    """Revoke a token by its label."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        ledger.principals.revoke_token(ledger.principals.by_name(name).id, label, actor=local_actor())
    console().print(f"revoked {name}'s token {label!r}")


@app.command()
def disable(name: str) -> None:
    """Disable a user: no token, password or session of theirs works any more. Their past acts stay in the audit."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        ledger.principals.disable(ledger.principals.by_name(name).id, actor=local_actor())
    console().print(f"disabled {name}")


def known_roles(given: list[str]) -> frozenset[Role]:
    from knowledge.errors import BadInput
    from knowledge.vocabulary import Role

    unknown = [name for name in given if name not in list(Role)]
    if unknown:
        raise BadInput(f"there is no role {unknown[0]!r}", next_step=f"the roles are {', '.join(Role)}")
    return frozenset(map(Role, given))


def local_actor() -> str:
    import getpass

    return f"local:{getpass.getuser()}"
