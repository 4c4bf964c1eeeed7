"""Reviews and the decisions about them: a script judged offline, a plan read, approved or rejected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from api.commands.incidents import AsJson, Lang, incident_path, open_client, with_review

if TYPE_CHECKING:
    from knowledge.vocabulary import Language


def register(app: typer.Typer) -> None:
    app.command()(review)
    app.command()(approvals)
    app.command()(approve)
    app.command()(reject)


def review(
    what: Annotated[str, typer.Argument(help="A script file, `-` for stdin, or an incident id.")] = "",
    jsonl: Annotated[
        str, typer.Option("--jsonl", metavar="FILE", help='Many scripts: one {"script": "..."} a line; `-` for stdin.')
    ] = "",
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Review a script offline (file or stdin), or show the review of an incident's plan.

    With --jsonl every line is answered by one line of JSON with verdict, rules, message, line and column, whatever it holds.

    Exit code 0: automatic or approvable, or every line answered; 3: forbidden or refused.
    """
    from api.commands.output import print_json
    from api.commands.render import render_plan
    from knowledge.errors import BadInput

    if bool(what) == bool(jsonl):
        raise BadInput("one thing is reviewed at a time", next_step="give a file, `-`, an incident id, or --jsonl FILE")
    if jsonl:
        _review_lines(jsonl)
        return
    if what == "-" or Path(what).exists() or not _may_be_id(what):
        _review_offline(what, lang, as_json=as_json)
    with open_client() as client:
        found = with_review(client, client.get(incident_path(what)))
    if as_json:
        print_json(found["review_view"])
    else:
        render_plan(found, _language_of(found, lang))


def _review_lines(jsonl: str) -> None:
    from api.bootstrap import load_policy
    from api.commands.reviews_in_bulk import judge_lines, opened
    from api.settings import Settings

    policy = load_policy(Settings.load())
    with opened(jsonl) as source:
        judge_lines(source, typer.get_binary_stream("stdout"), policy)


def _may_be_id(what: str) -> bool:
    return what.startswith("inc-") and "/" not in what and "." not in what


def _language_of(found: dict[str, Any], lang: str | None) -> Language:
    from knowledge.vocabulary import Language

    return Language(lang or found["incident"]["language"])


def _review_offline(what: str, lang: str | None, *, as_json: bool) -> NoReturn:
    from api.bootstrap import load_policy
    from api.commands.files import MOST_SCRIPT_BYTES, read_bounded
    from api.commands.output import print_json
    from api.commands.render import render_offline_verdict
    from api.settings import Settings
    from knowledge.vocabulary import Language
    from tools.safety.offline import judge_bytes

    settings = Settings.load()
    content = read_bounded(what, MOST_SCRIPT_BYTES)[:MOST_SCRIPT_BYTES]
    verdict = judge_bytes(content, load_policy(settings))
    if as_json:
        print_json(verdict)
    else:
        text = content.decode("utf-8", "replace")
        render_offline_verdict(verdict, text, Language(lang or settings.desk.language))
    raise typer.Exit(3 if verdict.verdict in {"forbidden", "refused"} else 0)


def approvals(lang: Lang = None, as_json: AsJson = False) -> None:
    """What waits for approval within your scope: what you may decide first, the oldest first."""
    from datetime import datetime

    from api.commands.output import one_line, print_json, print_table, utc_time
    from knowledge.vocabulary import Language

    with open_client() as client:
        page = client.get("/approvals")
    if as_json:
        print_json(page)
        return
    language = Language(lang or "en")
    rows = []
    for one in page["items"]:
        asked, incident, vote = one["approval"], one["incident"], one["may_decide"]
        agreed = {voted["person"] for voted in asked["votes"] if voted["decision"] == "approve"}
        why_not = (vote["why_not"] or {}).get(language.value, "")
        rows.append((
            incident["id"], one_line(incident["title"]), f"{asked['needed'] - len(agreed)}/{asked['needed']}",
            utc_time(datetime.fromisoformat(asked["expires_at"]), language), "yes" if vote["may"] else f"no: {one_line(why_not)}",
        ))  # fmt: skip
    print_table(
        "Waiting for approval",
        ("incident", "title", "still needed", "a no from", "you may vote"),
        rows,
        empty="Nothing waits for approval. `opsdesk incidents --status awaiting_approval` shows more.",
        folding=("title", "you may vote", "a no from"),
        dropping=("title",),
    )


def approve(
    incident_id: str,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    break_glass: Annotated[
        bool,
        typer.Option("--break-glass", help="Alone, with --reason: only what its undo restores; all approvers see it."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again on the terminal.")] = False,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Approve the plan that waits. Shows the review first; approves exactly the digest that was shown."""
    _decide(incident_id, "approve", reason, lang, yes=yes, as_json=as_json, breaks_glass=break_glass)


def reject(incident_id: str, reason: Annotated[str, typer.Argument(help="Why not.")], as_json: AsJson = False) -> None:
    """Reject the plan that waits."""
    _decide(incident_id, "reject", reason, None, yes=True, as_json=as_json)


def _decide(
    incident_id: str,
    decision: str,
    reason: str,
    lang: str | None,
    *,
    yes: bool,
    as_json: bool,
    breaks_glass: bool = False,
) -> None:
    from api.commands.output import console, print_json
    from api.commands.render import render_plan
    from knowledge.errors import WrongState

    with open_client() as client:
        found = with_review(client, client.get(incident_path(incident_id)))
        approval = found.get("approval")
        if not approval or approval["status"] != "waiting":
            raise WrongState(
                f"nothing waits for approval in {incident_id}", next_step=f"opsdesk incident show {incident_id}"
            )
        if not as_json:
            render_plan(found, _language_of(found, lang))
        if not yes:
            _confirm(f"{decision} plan {approval['plan_id']} ({approval['digest'][:19]}...)?")
        body = {"decision": decision, "reason": reason, "digest": approval["digest"]}
        if breaks_glass:
            body |= {"break_glass": True}
        decided = client.post(f"/approvals/{approval['id']}", body)
    if as_json:
        print_json(decided)
    else:
        console().print(f"approval is {decided['status']}", markup=False)


def _confirm(question: str) -> None:
    import sys

    from knowledge.errors import BadInput

    if not sys.stdin.isatty():
        raise BadInput("nobody is at the terminal to confirm it", next_step="read the review, then give --yes")
    typer.confirm(question, abort=True, err=True)
