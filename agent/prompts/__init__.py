"""One Markdown file a prompt. A name that a prompt uses and nobody fills is an error, not an empty string."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

FENCES = re.compile(
    r"<(?=\s*/?\s*(?:evidence|material|hypotheses|gaps|complaint|cause|objects|finding)\b)", re.IGNORECASE
)


def _inside(value: Any) -> Any:
    """Text that is filled in cannot end the block of data that it stands in."""
    return FENCES.sub("‹", value) if isinstance(value, str) else value


@cache
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    # Prompts are text for a model, not HTML for a browser: escaping would only disfigure the evidence.
    return Environment(
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        finalize=_inside,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def prompt(name: str, **values: Any) -> tuple[str, str]:
    """``agent/prompts/<name>.md`` filled in: (system, user), parted at the line ``---``."""
    source = files("agent.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")
    system, user = source.split("\n---\n", 1)
    environment = _environment()
    return environment.from_string(system).render(values).strip(), environment.from_string(user).render(values).strip()
