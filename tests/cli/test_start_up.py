"""`--help` is there before a person wonders: nothing heavy is imported to say what a command does."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from api.cli import app

HEAVY = ("torch", "kubernetes", "sqlalchemy", "langgraph", "langchain_core", "fastapi", "chromadb", "httpx", "jieba")
ALLOWED_SECONDS = 0.6
"""0.3 s on a machine that has time; tests run on loaded ones."""


def every_command(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from every_command(below, (*words, name))


COMMANDS = sorted(every_command(typer.main.get_command(app)))


def help_seconds(words: tuple[str, ...]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *words, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout.lower()
    return time.perf_counter() - began


def test_there_are_commands_to_measure() -> None:
    assert ("kb", "import") in COMMANDS
    assert len(COMMANDS) > 35


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_comes_at_once(words: tuple[str, ...]) -> None:
    first = help_seconds(words)
    if first > ALLOWED_SECONDS:  # one slow start is the machine's; the median of three is the command's
        assert statistics.median([first, help_seconds(words), help_seconds(words)]) <= ALLOWED_SECONDS


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    asked = f"import sys, api.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
