"""`opsdesk rbac print`: what each identity may do, generated from the enabled actions and the collectors; ready to apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.settings import ClusterSettings
    from tools.rbac.manifests import Part, Privileges

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

HEAD = """The rights of opsdesk's identities, printed by `opsdesk rbac print`.
Actions: {actions}
Apply:   kubectl create namespace {namespace}; opsdesk rbac print {flags}| kubectl apply -f -
Take a projected token for each (a pod's volume, or: kubectl create token {executor} -n {namespace}); never a token Secret.
The admission policy needs Kubernetes 1.30; it concerns {user} alone."""


@app.callback()
def rbac() -> None:
    """Least privilege: the roles and the admission policy of opsdesk's identities."""


@app.command("print")
def print_(
    reader: Annotated[bool, typer.Option("--reader", help="Only the reader's account, roles and bindings.")] = False,
    executor: Annotated[bool, typer.Option("--executor", help="Only the executor's.")] = False,
    policy: Annotated[
        bool, typer.Option("--policy", help="Only the admission policy that binds the executor.")
    ] = False,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Act only here; repeat for several. Default: everywhere."),
    ] = None,
    mode: Annotated[str, typer.Option(help="read-only, propose or execute: only the last has an executor.")] = "",
    actions: Annotated[str, typer.Option(help="Enabled actions, separated by commas. Default: all.")] = "",
    custom: Annotated[
        list[str] | None,
        typer.Option(help="API group of custom resources that may be changed too; repeat for several."),
    ] = None,
    cluster: Annotated[
        str, typer.Option(help="Take mode, actions and custom groups from this cluster's settings.")
    ] = "",
    desk_namespace: Annotated[str, typer.Option(help="Where opsdesk's service accounts live.")] = "opsdesk",
    user: Annotated[str, typer.Option(help="The executor's user name, when it is no service account there.")] = "",
    output: Annotated[str, typer.Option("--format", help="yaml or json.")] = "yaml",
) -> None:
    """Print roles, bindings, service accounts and the admission policy that binds the executor."""
    from api.bootstrap import cluster_settings, load_policy
    from api.settings import Settings
    from knowledge.errors import BadInput
    from knowledge.vocabulary import Mode
    from tools.rbac.manifests import PARTS, Privileges, as_json, as_yaml
    from tools.rbac.roles import Accounts

    settings = Settings.load()
    known = cluster_settings(settings, cluster) if cluster else None
    if mode not in {"", *Mode}:
        raise BadInput(f"there is no mode {mode!r}", next_step=f"one of: {', '.join(Mode)}")
    if output not in {"yaml", "json"}:
        raise BadInput(f"there is no format {output!r}", next_step="--format yaml or --format json")
    _check_names([*(namespace or ()), desk_namespace])
    privileges = Privileges(
        load_policy(settings),
        actions=_actions(actions, known),
        mode=Mode(mode) if mode else known.mode if known else Mode.EXECUTE,
        namespaces=tuple(dict.fromkeys(namespace or ())),
        custom=tuple(custom) if custom else ((known.custom_groups or None) if known else None),
        accounts=Accounts(desk_namespace, user),
    )
    chosen = {"reader": reader, "executor": executor, "policy": policy}
    parts = [part for part in PARTS if chosen[part]] or list(PARTS)
    objects = privileges.objects(parts)
    if not objects:
        raise BadInput(f"in mode {privileges.mode} there is no executor to give rights to", next_step="--mode execute")
    typer.echo(as_json(objects) if output == "json" else as_yaml(objects, _head(privileges, parts)), nl=False)


def _actions(named: str, known: ClusterSettings | None) -> tuple[str, ...]:
    if named:
        return tuple(part.strip() for part in named.split(",") if part.strip())
    return known.actions if known is not None else ("*",)


def _check_names(names: Sequence[str]) -> None:
    import re

    from knowledge.errors import BadInput

    for name in names:
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
            raise BadInput(f"{name!r} is no name of a namespace", next_step="lower-case letters, digits and dashes")


def _head(privileges: Privileges, parts: Sequence[Part]) -> str:
    from tools.rbac.grants import enabled_actions

    changing = [action.id for action in enabled_actions(privileges.actions) if not action.is_read]
    accounts = privileges.accounts
    flags = "" if len(parts) == 3 else "".join(f"--{part} " for part in parts)
    return HEAD.format(
        actions=", ".join(changing) if privileges.rights else "none: nothing is executed", namespace=accounts.namespace,
        flags=flags, executor=accounts.executor, user=accounts.executor_user,
    )  # fmt: skip
