"""The filters above a list: what is chosen stands in the address, and draws the list again from its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from nicegui import ui
from nicegui.element import Element

from api.web.console.frame import Page
from api.web.console.parts import Section, tag


def query_of(given: Mapping[str, Any], always: frozenset[str] = frozenset(), **changed: Any) -> str:
    """The address's query of what is chosen, with these changed; what is empty is left out, unless it is one of ``always``."""
    return urlencode({name: value for name, value in {**given, **changed}.items() if value or name in always})


class Filters:
    """``given`` is what the list is made of; ``place`` names the part of it that says how far one has turned the pages.
    ``always`` are the parts that stand in the address even when they are empty."""

    def __init__(
        self,
        frame: Page,
        path: str,
        given: dict[str, Any],
        section: Section,
        *,
        label: str,
        place: str = "at",
        always: frozenset[str] = frozenset(),
    ) -> None:
        self._frame, self._path, self._given, self._section = frame, path, given, section
        self._place, self._always = place, always
        self.form = tag("form", "filters", role="search", aria_label=label)
        self.form.on("submit", js_handler="(event) => event.preventDefault()")

    def field(self, name: str, label: str, *, most: int = 200, grow: bool = False) -> Element:
        """One that is typed into."""
        with self.form:
            field = ui.input(label, value=self._given[name]).classes("grow" if grow else "")
        field.props(f"outlined dense clearable debounce=300 maxlength={most} data-filter={name}")
        field.on_value_change(lambda event: self._changed(name, event.value))
        return field

    def choice(self, name: str, label: str, options: Mapping[str, str]) -> Element:
        """One that is chosen from; the first says that any will do."""
        every = {"": self._frame.word("list.any"), **options}
        with self.form:
            field = ui.select(every, label=label, value=self._given[name] if self._given[name] in every else "")
        field.props(f"outlined dense options-dense data-filter={name}")
        field.on_value_change(lambda event: self._changed(name, event.value))
        return field

    async def _changed(self, name: str, value: Any) -> None:
        self._given[name] = str(value or "").strip()
        self._given[self._place] = type(self._given[self._place])()
        ui.navigate.history.replace(f"{self._path}?{query_of(self._given, self._always)}")
        await self._section.refresh()
