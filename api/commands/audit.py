"""The audit: verified, exported, and signed for keeping elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from knowledge.ledger.audit_flaws import AuditCheck

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

COULD_NOT_CHECK = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command()
def verify(
    checkpoints: Annotated[
        Path | None, typer.Option(help="Checkpoints kept elsewhere, one JSON line each (`opsdesk audit checkpoint`).")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A public key (ed25519:...) whose signatures count; default: this desk's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no entry was edited, moved, taken out or cut off. Exit code 0: whole; 1: not; 2: it could not be checked.

    The chain by itself shows edits in its middle. That its end was cut off, or all of it written anew, is found up to the
    last checkpoint that was kept elsewhere.
    """
    from api.commands.output import print_json, tell_error
    from knowledge.errors import OpsdeskError

    try:
        found = _checked(checkpoints, key or [])
    except OpsdeskError as error:  # whoever watches the code has to tell "not whole" from "nobody could look"
        tell_error(error)
        raise typer.Exit(COULD_NOT_CHECK) from None
    if as_json:
        print_json({"is_whole": found.is_whole, **found.model_dump(mode="json")})
    else:
        _show(found)
    raise typer.Exit(0 if found.is_whole else 1)


def _checked(checkpoints: Path | None, keys: list[str]) -> AuditCheck:
    from api.bootstrap import open_audit_key, open_ledger
    from api.settings import Settings
    from knowledge.ledger.checkpoints import read_checkpoints

    settings = Settings.load()
    kept = read_checkpoints(_lines(checkpoints), str(checkpoints)) if checkpoints else []
    with open_ledger(settings) as ledger:
        return ledger.audit.check(kept, keys or [open_audit_key(settings).public])


@app.command()
def export(
    since: Annotated[str, typer.Option(help="Only from here on: a time (2026-03-01T12:00) or an age (36h, 7d).")] = "",
    until: Annotated[str, typer.Option(help="Only before here: a time or an age.")] = "",
    after: Annotated[
        int, typer.Option(min=0, help="Only what follows this entry: the last one of the page before.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0: all.")] = 0,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line; default: one JSON list.")] = False,
) -> None:
    """Print the audit, oldest first: all of it, a stretch of time, or page by page."""
    import sys

    from api.bootstrap import open_ledger, utc_now
    from api.commands.output import print_json
    from api.settings import Settings
    from knowledge.errors import BadInput

    start, end = (moment_of(words, utc_now()) if words else None for words in (since, until))
    if start and end and end <= start:
        raise BadInput(f"--until {until} is not after --since {since}", next_step="the earlier one is --since")
    with open_ledger(Settings.load()) as ledger:
        entries = ledger.audit.export(start, end, after, limit or None)
        if not jsonl:
            print_json(list(entries))
            return
        for entry in entries:
            sys.stdout.write(entry.model_dump_json() + "\n")


@app.command()
def checkpoint(
    every: Annotated[bool, typer.Option("--all", help="Also print those signed before.")] = False,
) -> None:
    """Sign the audit as it is now, and print the checkpoint as a JSON line: keep it where this machine cannot write.

    The running desk signs one every few minutes by itself (settings under `audit`), into its log and a file of your choice.
    """
    import sys

    from api.audit_keeper import sign_checkpoint
    from api.bootstrap import open_audit_key, open_ledger
    from api.settings import Settings

    settings = Settings.load()
    key = open_audit_key(settings)
    with open_ledger(settings) as ledger:
        sign_checkpoint(ledger, key, settings.audit.checkpoint_file)
        signed = ledger.audit.checkpoints()
    for one in signed if every else signed[-1:]:
        sys.stdout.write(one.line + "\n")


@app.command("key")
def show_key() -> None:
    """Print the public key that checkpoints are verified with. Note it down elsewhere."""
    from api.bootstrap import open_audit_key
    from api.commands.output import console
    from api.settings import Settings

    console().print(open_audit_key(Settings.load()).public, markup=False)


def moment_of(words: str, now: datetime) -> datetime:
    """A time in ISO 8601 (UTC when it names no zone), or an age before ``now`` such as 90m, 36h or 7d. Raises BadInput."""
    import re
    from datetime import UTC, timedelta

    from knowledge.errors import BadInput

    age = re.fullmatch(r"(\d{1,6})([smhd])", words)
    if age:
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[age[2]]
        return now - timedelta(**{unit: int(age[1])})
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise BadInput(f"{words!r} is neither a time nor an age", next_step="2026-03-01T12:00, 36h or 7d") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lines(path: Path) -> list[str]:
    from knowledge.errors import BadInput

    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}", next_step="name the file of kept checkpoints") from error


def _show(found: AuditCheck) -> None:
    from api.commands.output import console

    out = console()
    if found.is_whole:
        out.print(f"whole: {found.entries} entries, {found.checkpoints} checkpoints fit", markup=False)
    for flaw in found.flaws:
        out.print(f"{flaw.kind}: {flaw.message.en}", markup=False)
    if found.proven_to:
        out.print(f"signed checkpoints vouch for entries 1 to {found.proven_to}", markup=False)
    if found.proven_to < found.entries:
        out.print(
            f"nothing signed vouches yet for what follows entry {found.proven_to}: `opsdesk audit checkpoint` signs it",
            markup=False,
        )
