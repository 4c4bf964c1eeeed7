"""`opsdesk kb lessons|accept|reject`: what resolved incidents propose to remember, and a person's word on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Status = Literal["proposed", "accepted", "rejected"]
Who = Annotated[str, typer.Option("--as", help="The user who decides; a responder, an approver or an admin.")]


def register(app: typer.Typer) -> None:
    app.command()(lessons)
    app.command()(accept)
    app.command()(reject)


def lessons(
    status: Annotated[Status, typer.Option(help="What became of them.")] = "proposed", as_json: AsJson = False
) -> None:
    """List the cases that resolved incidents propose."""
    from api.bootstrap import open_ledger
    from api.commands.output import age, print_json, print_table
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        found = ledger.lessons.list(status)
    if as_json:
        print_json(found)
        return
    rows = [(one.id, one.case_id, one.incident_id, age(one.created_at)) for one in found]
    columns = ("lesson", "case", "incident", "proposed")
    print_table(f"Lessons, {status}", columns, rows, empty="None here: each resolved incident proposes one.")


def accept(
    lesson_id: str,
    who: Who,
    edited: Annotated[
        Path | None, typer.Option(help="The case as you edited it; default: as proposed.", exists=True)
    ] = None,
) -> None:
    """Take a lesson into the knowledge base as a case. Edit it first if names of the one incident should go."""
    from api.bootstrap import open_ledger, open_library
    from api.commands.files import read_text
    from api.commands.output import console
    from api.settings import Settings
    from knowledge.case_file import parse_case
    from tools.script.placeholders import validate_template

    settings = Settings.load()
    with open_ledger(settings) as ledger:
        principal = ledger.principals.by_name(who)
        _check_role(principal.roles, who)
        lesson = ledger.lessons.get(lesson_id)
        markdown = read_text(edited) if edited else lesson.markdown
        case = parse_case(markdown, validate_template, source=str(edited or lesson_id))
        ledger.lessons.decide(lesson_id, "accepted", principal, markdown)
        library = open_library(settings, ledger)
        try:
            library.add_case(case, markdown, source=f"lesson {lesson_id}")
        finally:
            library.close()
    console().print(f"case {case.id} is part of the knowledge base", markup=False)


def reject(lesson_id: str, who: Who) -> None:
    """Say no to a lesson."""
    from api.bootstrap import open_ledger
    from api.commands.output import console
    from api.settings import Settings

    with open_ledger(Settings.load()) as ledger:
        principal = ledger.principals.by_name(who)
        _check_role(principal.roles, who)
        ledger.lessons.decide(lesson_id, "rejected", principal)
    console().print(f"{lesson_id} is rejected", markup=False)


def _check_role(roles: frozenset[str], who: str) -> None:
    from knowledge.errors import NotAuthorised
    from knowledge.vocabulary import Role

    if not roles & {Role.RESPONDER, Role.APPROVER, Role.ADMIN}:
        raise NotAuthorised(f"{who} only views", next_step="ask a responder, an approver or an admin")
