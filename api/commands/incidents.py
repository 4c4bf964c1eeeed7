"""Tickets, questions and incidents from a terminal: the HTTP API with the person's own token."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from api.commands.client import DeskClient
    from knowledge.vocabulary import Language

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
incident = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.command()(ticket)
    app.command()(incidents)
    app.add_typer(incident, name="incident", help="One incident: show, assign, merge, close, reopen.")


def open_client() -> DeskClient:
    """With the settings of this machine and the token of this person."""
    from api.commands.client import DeskClient
    from api.settings import Settings

    return DeskClient(Settings.load())


Cluster = Annotated[str, typer.Option(help="The cluster; default: the only one configured at the server.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Where to look first.")]
Service = Annotated[str, typer.Option(help="The service it is about.")]
Lang = Annotated[Literal["zh", "en"] | None, typer.Option(help="Language of the words; default: the incident's.")]


def ticket(
    text: Annotated[
        str, typer.Argument(help="What is wrong, or what you want done; Chinese or English. `-` reads stdin.")
    ],
    cluster: Cluster = "",
    namespace: Namespace = "",
    service: Service = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each stage as it happens.")] = False,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Open a ticket."""
    from api.commands.files import decoded, read_bounded
    from api.commands.output import console, print_json
    from knowledge.errors import BadInput

    words = decoded(read_bounded("-"), "-") if text == "-" else text
    if not words.strip():
        raise BadInput("the ticket says nothing", next_step='say what is wrong: opsdesk ticket "qwen2-7b is slow"')
    with open_client() as client:
        body = {"text": words, "cluster": cluster, "namespace": namespace, "service": service, "channel": "cli"}
        opened = client.post("/tickets", body)
        if follow:
            _follow(client, opened["id"], lang, as_json=as_json)
            return
    if as_json:
        print_json(opened)
        return
    console().print(f"incident {opened['id']} opened", markup=False)
    console().print(f"next: opsdesk incident show {opened['id']} --follow", markup=False)


def incidents(
    status: Annotated[str, typer.Option(help="Only this status.")] = "",
    severity: Annotated[str, typer.Option(help="Only this severity.")] = "",
    service: Service = "",
    cluster: Cluster = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 30,
    before: Annotated[str, typer.Option(help="The cursor that the last page printed.")] = "",
    as_json: AsJson = False,
) -> None:
    """List incidents, newest first."""
    from datetime import datetime

    from api.commands.output import age, console, print_json, print_table
    from knowledge.vocabulary import IncidentStatus, Severity

    for name, given, allowed in (("status", status, IncidentStatus), ("severity", severity, Severity)):
        if given and given not in list(allowed):
            raise typer.BadParameter(f"{given!r} is not one of {', '.join(allowed)}", param_hint=f"--{name}")
    with open_client() as client:
        page = client.get(
            "/incidents", status=status, severity=severity, service=service, cluster=cluster, limit=limit, before=before
        )
    if as_json:
        print_json(page)
        return
    rows = [
        (
            one["id"],
            one["severity"],
            one["status"],
            "/".join(part for part in (one["cluster"], one["namespace"], one["service"]) if part),
            one["title"],
            age(datetime.fromisoformat(one["opened_at"])),
            one["assignee"] or "-",
        )
        for one in page["items"]
    ]
    columns = ("id", "severity", "status", "where", "title", "opened", "assignee")
    print_table(
        "Incidents",
        columns,
        rows,
        empty='No incidents. Open one: opsdesk ticket "qwen2-7b is slow" --follow',
        folding=("title", "where"),
        dropping=("assignee", "where", "opened", "severity"),
    )
    if page.get("next"):
        console().print(f"more: --before {page['next']}", markup=False)


@incident.command("show")
def show(
    incident_id: str,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what happens.")] = False,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Show one incident: diagnosis, script, review, execution, timeline."""
    from api.commands.output import print_json
    from api.commands.render import render_incident
    from knowledge.vocabulary import Language

    with open_client() as client:
        if follow:
            _follow(client, incident_id, lang, as_json=as_json)
            return
        path = incident_path(incident_id)
        found = with_review(client, client.get(path))
        timeline = client.get(f"{path}/timeline")
    if as_json:
        print_json({**found, "timeline": timeline["items"]})
    else:
        render_incident(found, timeline["items"], Language(lang) if lang else None)


@incident.command()
def assign(incident_id: str, name: str) -> None:
    """Give an incident to a person."""
    _act(incident_id, "assign", {"assignee": name}, f"{incident_id} is {name}'s")


@incident.command()
def merge(incident_id: str, into: str) -> None:
    """Merge an incident into another: its alerts go with it."""
    _act(incident_id, "merge", {"into": into}, f"{incident_id} is part of {into} now")


@incident.command()
def close(incident_id: str, reason: str) -> None:
    """Close an incident."""
    _act(incident_id, "close", {"reason": reason}, f"{incident_id} is closed")


@incident.command()
def reopen(incident_id: str, reason: str) -> None:
    """Open it again: a new diagnosis begins."""
    _act(incident_id, "reopen", {"reason": reason}, f"{incident_id} is open again")


def _act(incident_id: str, verb: str, body: dict[str, Any], done: str) -> None:
    from api.commands.output import console

    with open_client() as client:
        client.post(f"{incident_path(incident_id)}/{verb}", body)
    console().print(done, markup=False)


def incident_path(incident_id: str) -> str:
    """The path of an incident's resource; what cannot be an id goes to no server."""
    import re

    from knowledge.errors import NotFound

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", incident_id):
        raise NotFound(f"{incident_id!r} is no incident's id", next_step="opsdesk incidents lists them")
    return f"/incidents/{incident_id}"


def with_review(client: DeskClient, found: dict[str, Any]) -> dict[str, Any]:
    """The incident with the one view of its plan's review under ``review_view``; null where nothing is reviewed yet."""
    view = client.get(f"{incident_path(found['incident']['id'])}/review") if found.get("review") else None
    return {**found, "review_view": view}


def _language(client: DeskClient, incident_id: str, lang: str | None) -> Language:
    from knowledge.vocabulary import Language

    return Language(lang or client.get(incident_path(incident_id))["incident"]["language"])


def _follow(client: DeskClient, incident_id: str, lang: str | None, *, as_json: bool) -> None:
    """Prints each timeline entry as it comes, until the incident rests."""
    import json

    from api.commands.render import print_entry

    path = incident_path(incident_id)
    language = _language(client, incident_id, lang)
    for entry in client.events(f"{path}/events"):
        if as_json:
            sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            print_entry(entry, language)
        if entry.get("stage") in {"hand_over", "learn", "close"}:
            return
        if entry.get("stage") == "answer" and client.get(path)["incident"]["status"] == "answered":
            return
