"""The command `opsdesk`. Errors of the desk end in one line, the next step, and an exit code; never in a traceback.

Exit codes: 0 done, 1 a Permanent error or a no, 2 the command line itself is wrong, 3 refused, 75 temporary (try again).
"""

from __future__ import annotations

import io
import os
import sys
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution

import typer

from api.commands import (
    audit,
    chat,
    desk,
    detectors,
    diagnose,
    doctor,
    incidents,
    kb,
    lessons,
    notices,
    rbac,
    report,
    reviews,
    serve,
    slack,
    users,
)

app = typer.Typer(
    name="opsdesk",
    help="The AI service desk for clusters that serve AI models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
serve.register(app)
diagnose.register(app)
incidents.register(app)
chat.register(app)
reviews.register(app)
doctor.register(app)
desk.register(app)
report.register(app)
lessons.register(kb.app)
app.add_typer(
    rbac.app, name="rbac", help="Least privilege: the roles and the admission policy of opsdesk's identities."
)
app.add_typer(users.app, name="user", help="People and machines that act: add, list, give tokens.")
app.add_typer(audit.app, name="audit", help="Who did what: verify the chain, export it, sign checkpoints of it.")
app.add_typer(slack.app, name="slack", help="Slack as a face of the desk: the manifest of its app.")
app.add_typer(detectors.app, name="detectors", help="What is watched for: list, show, and test a folder of your own.")
app.add_typer(notices.app, name="notices", help="Who was told what, what did not get through, and trials of a channel.")
app.add_typer(kb.app, name="kb", help="The knowledge base: add, import, search, list, check, rebuild.")


def _contributed() -> list[EntryPoint]:
    """Commands that outer layers bring along (``demo``, ``eval``), by entry point, so that nothing here imports them."""
    try:
        entry_points = distribution("opsdesk").entry_points
    except PackageNotFoundError:
        return []
    return [point for point in entry_points if point.group == "opsdesk.commands"]


def _add_contributed(point: EntryPoint) -> None:
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

    @app.command(point.name, help=f"See `opsdesk {point.name} --help`.", context_settings=settings)
    def run(context: typer.Context) -> None:
        code = point.load()(list(context.args))
        raise typer.Exit(int(code or 0))


for _point in _contributed():
    _add_contributed(_point)


def main() -> None:
    """The entry of the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese still shows the rest
    try:
        app()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except Exception as error:
        from knowledge.errors import OpsdeskError

        if not isinstance(error, OpsdeskError):
            raise
        raise SystemExit(_told(error)) from None


def _told(error: Exception) -> int:
    from api.commands.output import tell_error
    from knowledge.errors import OpsdeskError

    assert isinstance(error, OpsdeskError)
    return tell_error(error)


if __name__ == "__main__":
    main()
