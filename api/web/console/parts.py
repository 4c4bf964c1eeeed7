"""What pages are made of. Text goes in as text: whatever is drawn from a template is escaped by it, whatever is an element's
text by the browser; in both, characters that trick an eye are spelled out first.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from markupsafe import escape
from nicegui import ui
from nicegui.element import Element
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from api.web.console.rendering import render, visible
from api.web.console.visit import Visit, sign_in_address, told
from api.web.words import word
from knowledge.errors import BadInput, NotAuthenticated, OpsdeskError

_AGES = re.compile(r'<span class="ago">[^<]*</span>')
Result = TypeVar("Result")
Ordered = TypeVar("Ordered", bound=BaseModel)


def tag(name: str, classes: str = "", *, text: str = "", **attributes: str) -> Element:
    """An HTML element, with text or to be filled (``with tag(...):``); ``aria_label`` is spelled ``aria-label``."""
    element = ui.html(str(escape(visible(text))), sanitize=False, tag=name) if text else ui.element(name)
    if classes:
        element.classes(classes)
    for key, value in attributes.items():
        element.props[key.replace("_", "-")] = visible(value)
    return element


def drawn(visit: Visit, template: str, **values: Any) -> ui.html:
    """A template's part of a page. Nothing in it needs the event loop: draw what is blocking with :class:`Section`."""
    return ui.html(painted(visit, template, values), sanitize=False)


def painted(visit: Visit, template: str, values: dict[str, Any]) -> str:
    return render(template, **visit.shared(), **values)


def known_of(html: str) -> str:
    """What a part shows, apart from ages, which the browser counts itself."""
    return _AGES.sub("", html)


class Section:
    """A part of a page that is drawn again when what it shows has changed. ``values`` is blocking and runs in a thread."""

    def __init__(self, visit: Visit, template: str, values: Callable[[], dict[str, Any]], classes: str = "") -> None:
        self._visit, self._template, self._values = visit, template, values
        self.element = ui.html("", sanitize=False).classes(classes)
        self._known = ""

    async def refresh(self) -> bool:
        """Draws it again; False when it is as it was, apart from ages that the browser counts itself."""
        html = await run_in_threadpool(self._painted)
        known = known_of(html)
        if known == self._known:
            return False
        self._known = known
        self.element.set_content(html)
        return True

    def _painted(self) -> str:
        """For whoever the reader is at this moment: what a page may show is asked with every drawing of it."""
        self._visit.still_signed_in()
        return painted(self._visit, self._template, self._values())


async def attempt(visit: Visit, act: Callable[..., Result], *given: Any, done: str = "") -> Result | None:
    """Does what a person pressed, as whoever they are at this moment: ``act(desk, principal, *given)`` in a thread.

    What is refused is said where it was pressed, and answers None; ``done`` is the key of the words that say it worked.
    """
    try:
        result = await run_in_threadpool(lambda: act(visit.face.desk, visit.still_signed_in(), *given))
    except NotAuthenticated:
        ui.navigate.to(sign_in_address(visit.request))
        return None
    except OpsdeskError as error:
        say(told(error), good=False)
        return None
    if done:
        say(word(done, visit.language))
    return result


def ordered(kind: type[Ordered], **given: Any) -> Ordered:
    """What was typed, as an order. BadInput names the field that does not fit."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{field}: {first['msg'].removeprefix('Value error, ')}") from None


def say(text: str, *, good: bool = True) -> None:
    """A short word at the edge of the page; what went wrong stays until it is closed."""
    ui.notify(
        visible(text)[:800],
        type="positive" if good else "negative",
        position="bottom",
        timeout=4_000 if good else 0,
        close_button=not good,
        multi_line=True,
    )


def named_dialog(title: str) -> ui.dialog:
    """A dialog that says to a screen reader what it is."""
    dialog = ui.dialog()
    dialog.props["aria-label"] = visible(title)
    return dialog


async def confirm(
    visit: Visit, title: str, lead: str, go: str, *, danger: bool = False, reason: str = ""
) -> str | None:
    """Asks before something is done. Answers None when it is not to be; else the reason, empty where none is asked for.

    ``reason`` is the label of a field that has to be filled.
    """
    with named_dialog(title) as dialog, tag("div", "card dialog"):
        tag("h2", text=title)
        if lead:
            tag("p", "dim", text=lead)
        field = ui.input(reason).props("outlined dense autofocus maxlength=2000").classes("wide") if reason else None
        with tag("div", "row ends"):
            button(word("dialog.cancel", visit.language), lambda: dialog.submit(None))
            button(
                go,
                lambda: (
                    dialog.submit(field.value.strip() if field is not None else "")
                    if field is None or field.value.strip()
                    else field.props("error")
                ),
                kind="stop" if danger else "primary",
            )
    answer: str | None = await dialog
    dialog.delete()
    return answer


def button(
    text: str, on_click: Callable[[], Any] | Callable[[], Awaitable[Any]], kind: str = "", **attributes: str
) -> Element:
    """A plain button in the console's own dress; ``kind``: primary, go, stop, small."""
    element = tag("button", f"button {kind}".strip(), text=text, type="button", **attributes)
    element.on("click", lambda _: on_click())
    return element
