"""The README is true: its graph is the code's, its commands are the Makefile's, its files are there."""

from __future__ import annotations

import re

import pytest

from evals.readme_graph import README, with_graph

ROOT = README.parent


def test_the_graph_in_the_readme_is_that_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_graph(text) == text


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_readme_s_commands_are_targets_of_the_makefile(name: str) -> None:
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- command: {name} -->\n```\n(.+?)\n```", text)
    assert found is not None
    assert found[1] == f"make {name}"
    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_command_that_the_readme_names_exists() -> None:
    from typer.main import get_command

    from api.cli import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"^opsdesk ([a-z]+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    named |= set(re.findall(r"`opsdesk ([a-z]+)", README.read_text(encoding="utf-8")))
    assert named
    assert named <= known, named - known


def test_the_top_level_is_the_house() -> None:
    allowed = {"pyproject.toml", "README.md", "agent", "tools", "knowledge", "api", "tests", "evals", "Makefile"}
    allowed |= {"CHANGELOG.md", "constraints.txt", "deploy", ".ci", ".gitignore"}
    made = {".git", ".venv", "opsdesk.egg-info", "build", "dist", "var"}
    found = {path.name for path in ROOT.iterdir() if not (path.name.startswith(".") and path.name.endswith("_cache"))}
    assert found - made <= allowed | {".hypothesis"}


def test_nothing_reads_the_environment_but_the_settings() -> None:
    reads = re.compile(r"os\.environ|os\.getenv|getenv\(")
    paths = [
        path for folder in ("knowledge", "tools", "agent", "api") for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    readers = [str(path.relative_to(ROOT)) for path in paths if reads.search(path.read_text(encoding="utf-8"))]
    assert readers == ["api/settings.py"]
