"""`opsdesk eval`: how right opsdesk is, over scenarios of our own and over folders that are given."""

from __future__ import annotations


def command(arguments: list[str]) -> int:
    """The entry point of the command; everything heavy is imported only now."""
    from evals.measure.command_line import main

    return main(arguments)
