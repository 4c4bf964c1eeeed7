"""One Markdown file a prompt. A name that a prompt uses and nobody fills is an error, not an empty string."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    # Prompts are text for a model, not HTML for a browser: escaping would only disfigure the evidence.
    return Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701


def prompt(name: str, **values: Any) -> tuple[str, str]:
    """``agent/prompts/<name>.md`` filled in: (system, user), parted at the line ``---``."""
    source = files("agent.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")
    system, user = source.split("\n---\n", 1)
    environment = _environment()
    return environment.from_string(system).render(values).strip(), environment.from_string(user).render(values).strip()
