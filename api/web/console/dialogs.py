"""A dialog with fields, where one question is not enough for :func:`api.web.console.parts.confirm`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nicegui import ui

from api.web.console.parts import button, named_dialog, tag
from api.web.console.rendering import visible
from api.web.console.visit import Visit
from api.web.words import word

MOST_CHARACTERS = 2_000


@dataclass(frozen=True)
class Choice:
    """A field. With ``options`` (value: words) one is chosen, and where ``is_open`` something else may be typed; without,
    it is typed. ``shortest`` characters are asked for."""

    name: str
    label: str
    options: dict[str, str] | None = None
    value: str = ""
    is_open: bool = False
    shortest: int = 0


async def ask(
    visit: Visit,
    title: str,
    fields: Sequence[Choice],
    go: str,
    *,
    danger: bool = False,
    body: Callable[[], object] | None = None,
    kind: str = "",
) -> dict[str, str] | None:
    """What was filled in, by the fields' names; None when it is not to be. ``body`` draws what is to be read first."""
    with named_dialog(title) as dialog, tag("div", "card dialog"):
        tag("h2", text=title)
        if body is not None:
            with tag("div", "dialog-body", tabindex="0"):
                body()
        made = {field.name: _made(field) for field in fields}

        def submit() -> None:
            given = {name: str(element.value or "").strip() for name, element in made.items()}
            lacking = [field for field in fields if len(given[field.name]) < field.shortest]
            for field in lacking:
                element = made[field.name].props("error")
                element.props["error-message"] = word("dialog.shortest", visit.language, count=field.shortest)
                element.update()
            if not lacking:
                dialog.submit(given)

        with tag("div", "row ends"):
            button(word("dialog.cancel", visit.language), lambda: dialog.submit(None))
            button(go, submit, kind=kind or ("stop" if danger else "primary"))
    answer: dict[str, str] | None = await dialog
    dialog.delete()
    return answer


def _made(field: Choice) -> Any:
    if field.options is None:
        element: Any = ui.textarea(field.label, value=field.value)
        return element.props(f"outlined dense autogrow debounce=200 maxlength={MOST_CHARACTERS}").classes("wide")
    options = {value: visible(said) for value, said in field.options.items()}
    chosen = field.value if field.value in options else None
    mode: Literal["add-unique"] | None = "add-unique" if field.is_open else None
    element = ui.select(options, label=field.label, value=chosen, with_input=True, new_value_mode=mode)
    return element.props("outlined dense options-dense").classes("wide")
