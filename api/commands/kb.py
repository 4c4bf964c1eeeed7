"""`opsdesk kb`: cases and documents in, search over them, and the health of their index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from knowledge.ingest import ImportReport
    from knowledge.library import Library
    from knowledge.library_answers import Found, IndexHealth

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHOWN_CHARACTERS = 200


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="One case or document.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Add one file: a case (Markdown with front matter, JSON, CSV) or a document (Markdown, text, HTML, PDF)."""
    _take_in(file, as_json=as_json)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A file, or a folder with everything below it.")],
    as_json: AsJson = False,
) -> None:
    """Import a file or a whole folder. Broken files are named with line and reason; the others go in. Exit code 1 when
    a file was broken."""
    _take_in(path, as_json=as_json)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for, in Chinese or English.")],
    kind: Annotated[list[str] | None, typer.Option(help="fault, alert or optimisation; repeatable.")] = None,
    layer: Annotated[list[str] | None, typer.Option(help="Layer of the stack, e.g. gpu; repeatable.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Cases for this service and general ones.")] = None,
    language: Annotated[str | None, typer.Option(help="zh or en: documents of one language.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many to show.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Search cases and documents by words and by meaning."""
    from api.commands.output import print_json

    _check_choices(kind or (), layer or (), language)
    with _library() as library:
        found = library.find(
            text, kinds=kind or (), layers=layer or (), services=service or (), language=language, limit=limit
        )
    if as_json:
        print_json({"hits": [hit.model_dump(mode="json") for hit in found.hits], "notice": found.notice})
        return
    _show_hits(found)


@app.command("list")
def list_entries(
    documents: Annotated[bool, typer.Option("--documents", help="Documents instead of cases.")] = False,
    kind: Annotated[str | None, typer.Option(help="fault, alert or optimisation.")] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the stack, e.g. gpu.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what the library holds."""
    from api.commands.output import print_json, print_table

    _check_choices([kind] if kind else (), [layer] if layer else (), None)
    with _library() as library:
        rows = library.entries("documents" if documents else "cases")
    rows = [row for row in rows if kind in {None, row.kind} and layer in {None, row.layer}]
    if as_json:
        fields = ("kind", "layer", "services", "faults", "alerts", "language", "source", "digest")
        listed = [
            {"id": row.key[1], "title": row.title, **{name: getattr(row, name) for name in fields}} for row in rows
        ]
        print_json(listed)
        return
    shown = [(row.key[1], row.kind or row.language, row.layer, row.title.en, row.title.zh, row.source) for row in rows]
    print_table(
        f"{len(rows)} {'documents' if documents else 'cases'}",
        ("id", "kind", "layer", "title", "标题", "source"),
        shown,
        folding=("title", "标题", "source"),
        dropping=("source", "layer", "kind", "标题"),
        empty="Nothing here yet. Add some: opsdesk kb import FOLDER",
    )


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check the search index in a process of its own. Exit code 1 when it has to be made again."""
    with _library() as library:
        health = library.check()
    _show_health(health, as_json=as_json)
    if not health.is_sound:
        raise typer.Exit(1)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make the search index again from the ledger, and take in the cases that came with this version."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from api.commands.output import console

    columns = (TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with _library() as library, Progress(*columns, console=console(to_stderr=True), disable=as_json) as progress:
        library.load_bundled()
        task = progress.add_task("indexing", total=None)
        health = library.rebuild(lambda done, total: progress.update(task, completed=done, total=total))
    _show_health(health, as_json=as_json)


@contextmanager
def _library() -> Iterator[Library]:
    from api.bootstrap import open_library

    library = open_library()
    try:
        library.load_bundled()  # costs little when all are there, and ends a first time that was broken off
        yield library
    finally:
        library.close()


def _take_in(path: Path, *, as_json: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from api.commands.output import clean, console, print_json

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with _library() as library, Progress(*columns, console=console(to_stderr=True), disable=as_json) as progress:
        task = progress.add_task("reading", total=None)
        report = library.import_path(
            path,
            lambda done, total, last: progress.update(
                task, completed=done, total=total, description=clean(Path(last.path).name)
            ),
        )
    if as_json:
        print_json([file.as_json() for file in report.files])
    else:
        _show_report(report)
    if report.failed or not report.files:
        raise typer.Exit(1)


def _show_report(report: ImportReport) -> None:
    from api.commands.output import console, print_table

    told = [file for file in report.files if file.reason]
    if told:
        rows = [(file.path, str(file.line or ""), file.outcome, file.reason) for file in told]
        print_table("Not taken in", ("file", "line", "", "reason"), rows, empty="", folding=("file", "reason"))
    counts = (
        f"{report.count(outcome)} {outcome}" for outcome in ("added", "updated", "unchanged", "skipped", "failed")
    )
    console().print(", ".join(counts) if report.files else "There are no files here.")


def _show_hits(found: Found) -> None:
    from api.commands.output import clean, console, print_table
    from knowledge.vocabulary import RecalledCase

    rows = []
    for hit in found.hits:
        if isinstance(hit, RecalledCase):
            rows.append((f"{hit.score:.2f}", hit.case_id, f"{hit.title.en}\n{hit.title.zh}", hit.why))
        else:
            text = " ".join(hit.text.split())
            text = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} ..."
            rows.append((f"{hit.score:.2f}", hit.document_id, f"{hit.title}\n{text}", hit.source))
    if found.notice:
        console(to_stderr=True).print(clean(found.notice.en), style="yellow", markup=False)
    print_table(
        "Found",
        ("score", "id", "what", "why"),
        rows,
        empty="Nothing matches. Try other words, or fewer filters.",
        folding=("what", "why"),
        dropping=("why", "score"),
    )


def _show_health(health: IndexHealth, *, as_json: bool) -> None:
    from api.commands.output import clean, console, print_json

    if as_json:
        print_json(health.as_json())
        return
    console().print(
        f"{health.cases} cases, {health.documents} documents; vectors by {clean(health.embedder)}", markup=False
    )
    if health.is_sound:
        console().print(f"the index is sound ({health.generation})")
    else:
        console().print(f"the index is not sound: {clean(health.problem)}", style="red", markup=False)
        console().print("next: opsdesk kb rebuild (or just search: a torn index is made again by itself)", markup=False)


def _check_choices(
    kinds: list[str] | tuple[str, ...], layers: list[str] | tuple[str, ...], language: str | None
) -> None:
    from knowledge.vocabulary import CaseKind, Language, Layer

    for name, given, allowed in (
        ("kind", kinds, CaseKind),
        ("layer", layers, Layer),
        ("language", [language], Language),
    ):
        for value in given:
            if value is not None and value not in list(allowed):
                raise typer.BadParameter(f"{value!r} is not one of {', '.join(allowed)}", param_hint=f"--{name}")
