"""What people see of a review on every face, and whether a planted text is more there than data."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from api.review_view import ReviewView
from api.web.reviewed import Proposal, view_of
from knowledge.vocabulary import ApprovalRequest, Diagnosis, Language, Plan, Review, Scope

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TURNING = re.compile(r"[\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_ELEMENT = re.compile(r"<(script|img|form|button|tool_call|/pre)\b", re.IGNORECASE)
_FOREIGN = re.compile(r"<(script|img|form|button|tool_call)\b", re.IGNORECASE)
"""What the console's templates of a review never hold themselves."""
_LINK = re.compile(r"(?<!\\)!?\[[^\]\\]*\]\(")
FACES = (*(f"terminal ({language})" for language in Language), "json", "page", "console", "markdown", "html")
_OWN = (
    "review: ",
    "approval: ",
    "digest: ",
    "you: ",
    "feels it: ",
    "step: ",
    "diagnosis: ",
    "script",
    "评审: ",
    "审批: ",
    "摘要: ",
)
"""How lines of the screen's own begin: each stands there once, or as often as there are steps."""


def shown_everywhere(
    plan: Plan, review: Review, diagnosis: Diagnosis | None = None, approval: ApprovalRequest | None = None
) -> dict[str, str]:
    """The review's one view as every face draws it, by the name of the face."""
    view = view_of(Proposal(plan, review, approval, diagnosis), Scope(), review.reviewed_at)
    drawn = {f"terminal ({language})": _terminal(view, language) for language in Language}
    return {**drawn, "json": _json(view), "page": _page(view), "console": _console(view, plan), **_reports(view)}


def still_dangerous(screens: dict[str, str]) -> Iterable[str]:
    """What on a screen would do something: move a cursor, turn text round, be an element or a link, or pass for a line of the
    screen's own."""
    for name, text in screens.items():
        if (found := _CONTROL.search(text)) is not None:
            yield f"{name}: the control character U+{ord(found[0]):04X}"
        if (found := _TURNING.search(text)) is not None:
            yield f"{name}: the invisible character U+{ord(found[0]):04X}"
        if name in {"page", "html", "markdown"} and (found := _ELEMENT.search(text)) is not None:
            yield f"{name}: the element {found[0]}"
        if name == "console" and (found := _FOREIGN.search(text)) is not None:
            yield f"{name}: the element {found[0]}"
        if name == "markdown" and (found := _LINK.search(text)) is not None:
            yield f"{name}: the link {found[0]}"
        if name.startswith("terminal"):
            yield from (
                f"{name}: a second line {own!r}" for own in _OWN if _times(own, text) > _times("step: ", text, 1)
            )


def _times(own: str, text: str, least: int = 0) -> int:
    return max(least, sum(line.startswith(own) for line in text.split("\n")))


def _terminal(view: ReviewView, language: Language) -> str:
    from api.commands.review_screen import render_review_view

    return _printed(lambda: render_review_view(view, language))


def _json(view: ReviewView) -> str:
    """As `opsdesk review ID --json` prints it; it has to be read back as the very same value."""
    from api.commands.output import print_json

    text = _printed(lambda: print_json(view.model_dump(mode="json")))
    if ReviewView.model_validate(json.loads(text)) != view:
        return text + "\x00"  # a face that changes what it shows is as bad as one that obeys it
    return text


def _printed(draw: Callable[[], None]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        draw()
    return out.getvalue()


_FACTS = "{% for fact in facts %}<p>{{ fact }}</p>{% endfor %}"


def _page(view: ReviewView) -> str:
    """Every fact through the console's own environment: what it does for every template it does for this one."""
    from api.web.console.rendering import templates

    return templates().from_string(_FACTS).render(facts=list(_facts(view.model_dump(mode="json"))))


def _console(view: ReviewView, plan: Plan) -> str:
    """The page's own parts of a review, as a browser gets them."""
    from api.web.console.rendering import templates

    values = {"view": view, "dossier": SimpleNamespace(plan=plan), "now": view.at}
    parts = [templates().get_template(name) for name in ("review.html", "decision.html")]
    return "\n".join(part.render(language=language, **values) for part in parts for language in Language)


def _reports(view: ReviewView) -> dict[str, str]:
    """As a report quotes it."""
    from evals.reports.table import Lines, Report, Table, html, markdown

    facts = tuple(_facts(view.model_dump(mode="json")))
    table = Table("facts", ("fact",), tuple((fact,) for fact in facts))
    report = Report("review", "Review", "As data.", (Lines("Facts", facts), table))
    return {"markdown": markdown(report), "html": html(report)}


def _facts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _facts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _facts(part)
    elif isinstance(value, str) and value:
        yield value
