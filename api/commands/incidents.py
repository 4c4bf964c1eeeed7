"""Tickets, incidents, reviews and approvals from a terminal: the HTTP API with the person's own token."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.commands.client import DeskClient

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WAIT_STAGES = frozenset({"answer", "hand_over", "learn"})
"""Stages after which a person who waits has something to read or to do; review is shown on the way."""

incident = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.command()(ticket)
    app.command()(ask)
    app.command()(incidents)
    app.add_typer(incident, name="incident", help="One incident: show, assign, merge, close, reopen.")
    app.command()(review)
    app.command()(approve)
    app.command()(reject)


def _client() -> DeskClient:
    from api.commands.client import DeskClient
    from api.settings import Settings

    return DeskClient(Settings.load())


Cluster = Annotated[str, typer.Option(help="The cluster; default: the only one configured at the server.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Where to look first.")]
Service = Annotated[str, typer.Option(help="The service it is about.")]


def ticket(
    text: Annotated[
        str, typer.Argument(help="What is wrong, or what you want done; Chinese or English. `-` reads stdin.")
    ],
    cluster: Cluster = "",
    namespace: Namespace = "",
    service: Service = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each stage as it happens.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open a ticket."""
    from api.commands.output import console, print_json

    words = sys.stdin.read() if text == "-" else text
    with _client() as client:
        body = {"text": words, "cluster": cluster, "namespace": namespace, "service": service, "channel": "cli"}
        opened = client.post("/tickets", body)
        if follow:
            _follow(client, opened["id"], as_json=as_json)
            return
    if as_json:
        print_json(opened)
        return
    console().print(f"incident {opened['id']} opened", markup=False)
    console().print(f"next: opsdesk incident show {opened['id']} --follow", markup=False)


def ask(
    question: Annotated[str, typer.Argument(help="A question, in Chinese or English.")],
    cluster: Cluster = "",
    namespace: Namespace = "",
    service: Service = "",
    as_json: AsJson = False,
) -> None:
    """Ask, wait, and read the answer with its citations."""
    from api.commands.output import clean, console, print_json

    with _client() as client:
        body = {"text": question, "cluster": cluster, "namespace": namespace, "service": service, "channel": "cli"}
        opened = client.post("/tickets", body)
        for entry in client.events(f"/incidents/{opened['id']}/events"):
            stage = entry.get("stage", "")
            if not as_json and stage not in WAIT_STAGES:
                console(to_stderr=True).print(clean(entry["summary"]["en"]), style="dim", markup=False)
            if stage in WAIT_STAGES:
                if as_json:
                    print_json({"incident_id": opened["id"], **(entry.get("data") or {"text": entry["summary"]["en"]})})
                else:
                    console().print(
                        clean((entry.get("data") or {}).get("text") or entry["summary"]["en"]), markup=False
                    )
                return


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

    with _client() as client:
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
    print_table("Incidents", columns, rows, empty='No incidents. Open one: opsdesk ticket "qwen2-7b is slow" --follow')
    if page.get("next"):
        console().print(f"more: --before {page['next']}", markup=False)


@incident.command("show")
def show(
    incident_id: str,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what happens.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one incident: diagnosis, script, review, execution, timeline."""
    from api.commands.output import print_json
    from api.commands.render import render_incident

    with _client() as client:
        if follow:
            _follow(client, incident_id, as_json=as_json)
            return
        found = client.get(f"/incidents/{incident_id}")
        timeline = client.get(f"/incidents/{incident_id}/timeline")
    if as_json:
        print_json({**found, "timeline": timeline["items"]})
    else:
        render_incident(found, timeline["items"])


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

    with _client() as client:
        client.post(f"/incidents/{incident_id}/{verb}", body)
    console().print(done, markup=False)


def _follow(client: DeskClient, incident_id: str, *, as_json: bool) -> None:
    """Prints each timeline entry as it comes, until the incident rests."""
    import json

    from api.commands.render import print_entry

    for entry in client.events(f"/incidents/{incident_id}/events"):
        if as_json:
            sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            print_entry(entry)
        if entry.get("stage") in {"hand_over", "learn", "close"}:
            return
        if (
            entry.get("stage") == "answer"
            and client.get(f"/incidents/{incident_id}")["incident"]["status"] == "answered"
        ):
            return


def review(
    what: Annotated[str, typer.Argument(help="A script file, `-` for stdin, or an incident id.")],
    as_json: AsJson = False,
) -> None:
    """Review a script offline (file or stdin), or show the review of an incident's plan.

    Exit code 0: automatic or approvable; 3: forbidden or refused.
    """
    from api.commands.output import print_json
    from api.commands.render import render_offline_verdict, render_review

    path = Path(what)
    if what == "-" or path.exists():
        from api.bootstrap import load_policy
        from api.commands.files import read_script
        from api.settings import Settings
        from tools.safety.offline import judge_script

        text = read_script(sys.stdin.buffer.read() if what == "-" else path.read_bytes(), what)
        verdict = judge_script(text, load_policy(Settings.load()))
        if as_json:
            print_json(verdict)
        else:
            render_offline_verdict(verdict, text)
        raise typer.Exit(3 if verdict.verdict in {"forbidden", "refused"} else 0)
    with _client() as client:
        found = client.get(f"/incidents/{what}")
    if as_json:
        print_json({"plan": found.get("plan"), "review": found.get("review"), "approval": found.get("approval")})
    else:
        render_review(found)


def approve(
    incident_id: str,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again on the terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Approve the plan that waits. Shows the review first; approves exactly the digest that was shown."""
    _decide(incident_id, "approve", reason, yes=yes, as_json=as_json)


def reject(incident_id: str, reason: Annotated[str, typer.Argument(help="Why not.")], as_json: AsJson = False) -> None:
    """Reject the plan that waits."""
    _decide(incident_id, "reject", reason, yes=True, as_json=as_json)


def _decide(incident_id: str, decision: str, reason: str, *, yes: bool, as_json: bool) -> None:
    from api.commands.output import console, print_json
    from api.commands.render import render_review
    from knowledge.errors import WrongState

    with _client() as client:
        found = client.get(f"/incidents/{incident_id}")
        approval = found.get("approval")
        if not approval or approval["status"] != "waiting":
            raise WrongState(
                f"nothing waits for approval in {incident_id}", next_step=f"opsdesk incident show {incident_id}"
            )
        if not as_json:
            render_review(found)
        if not yes:
            typer.confirm(f"{decision} plan {approval['plan_id']} ({approval['digest'][:19]}...)?", abort=True)
        body = {"decision": decision, "reason": reason, "digest": approval["digest"]}
        decided = client.post(f"/approvals/{approval['id']}", body)
    if as_json:
        print_json(decided)
    else:
        console().print(f"approval is {decided['status']}", markup=False)
