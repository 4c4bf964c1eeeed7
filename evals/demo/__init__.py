"""`opsdesk demo`: the main job on a practice cluster, before your eyes."""

from __future__ import annotations


def command(arguments: list[str]) -> int:
    """The entry point of the command; everything heavy is imported only now."""
    from evals.demo.story import main

    return main(arguments)
