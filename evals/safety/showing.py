"""What people see of a review on the terminal and in the browser, and whether a planted text is more there than data."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable

from api.web.reviewed import Proposal, view_of
from knowledge.vocabulary import Language, Plan, Review, Scope

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TURNING = re.compile(r"[\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_MARKUP = re.compile(r"<(script|img|form|button|tool_call|/pre)\b", re.IGNORECASE)


def shown_everywhere(plan: Plan, review: Review) -> dict[str, str]:
    """The review as the command line prints it and as a page holds it, by the name of the screen."""
    return {"terminal": _terminal(plan, review), "page": _page(plan, review)}


def still_dangerous(screens: dict[str, str]) -> Iterable[str]:
    """What on a screen would do something: move a cursor, turn text round, be an element of the page."""
    for name, text in screens.items():
        if (found := _CONTROL.search(text)) is not None:
            yield f"{name}: the control character U+{ord(found[0]):04X}"
        if (found := _TURNING.search(text)) is not None:
            yield f"{name}: the invisible character U+{ord(found[0]):04X}"
        if name == "page" and (found := _MARKUP.search(text)) is not None:
            yield f"{name}: the element {found[0]}"


def _terminal(plan: Plan, review: Review) -> str:
    from api.commands.review_screen import render_review_view

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for language in Language:
            render_review_view(view_of(Proposal(plan, review), Scope(), review.reviewed_at), language)
    return out.getvalue()


_PAGE = (
    "<p>{{ plan.reason }}</p><p>{{ plan.written_by }}</p><div>{{ plan.script }}</div>{% for v in review.verdicts %}<p>{{ v.message.en }}"
    "</p>{% endfor %}{% for s in review.steps %}<div>{{ s.diff }}</div>{% endfor %}{% for w in review.warnings %}<p>{{ w.en }}</p>{% endfor %}"
)


def _page(plan: Plan, review: Review) -> str:
    """Through the console's own environment: what it does for every template it does for this one."""
    from api.web.console.rendering import templates

    return templates().from_string(_PAGE).render(plan=plan, review=review)
