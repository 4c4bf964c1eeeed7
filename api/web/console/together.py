"""Parts of a page that show one thing from several sides: it is read once a round, and only what changed is drawn again.

What a reader may press stands beside the parts and never within them. It is made anew only when something else may be
pressed than before, so that no button goes away under a finger, and nothing that is being typed is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from nicegui import ui
from nicegui.element import Element
from starlette.concurrency import run_in_threadpool

from api.web.console.parts import known_of, painted
from api.web.console.visit import Visit
from knowledge.vocabulary import Principal

Values = dict[str, Any]
Read = Callable[[Principal], Values]
"""Blocking: what the parts name, for who the reader is at this moment."""

Press = Callable[[], Awaitable[None]]


@dataclass
class _Part:
    template: str
    element: ui.html
    known: str = ""

    def show(self, html: str) -> bool:
        known = known_of(html)
        if known == self.known:
            return False
        self.known = known
        self.element.set_content(html)
        return True


@dataclass
class _Offer:
    """``key``: what may be pressed; ``fill`` makes the buttons for it."""

    place: Element
    key: Callable[[Values], Hashable]
    fill: Callable[[Values], None]
    known: Hashable = None

    def show(self, values: Values) -> bool:
        key = self.key(values)
        if key == self.known:
            return False
        self.known = key
        self.place.clear()
        if key:
            with self.place:
                self.fill(values)
        return True


class Together:
    def __init__(self, visit: Visit, read: Read) -> None:
        self._visit, self._read = visit, read
        self._parts: list[_Part] = []
        self._offers: list[_Offer] = []
        self.values: Values = {}

    def part(self, template: str, classes: str = "") -> None:
        """Drawn from a template. An empty one takes no room."""
        self._parts.append(_Part(template, ui.html("", sanitize=False).classes(f"part {classes}".strip())))

    def offer(
        self, key: Callable[[Values], Hashable], fill: Callable[[Values], None], classes: str = "row offers"
    ) -> None:
        """Buttons. ``key`` says which; nothing truthy: none at all."""
        self._offers.append(_Offer(ui.element("div").classes(classes), key, fill))

    async def refresh(self) -> bool:
        values, drawn = await run_in_threadpool(self._look)
        self.values = values
        changes = [part.show(html) for part, html in zip(self._parts, drawn, strict=True)]
        changes += [offer.show(values) for offer in self._offers]
        return any(changes)

    def _look(self) -> tuple[Values, list[str]]:
        values = self._read(self._visit.still_signed_in())
        return values, [painted(self._visit, part.template, values).strip() for part in self._parts]


def once(act: Press) -> Press:
    """A second press while the first is still being done does nothing."""
    is_busy = False

    async def pressed() -> None:
        nonlocal is_busy
        if is_busy:
            return
        is_busy = True
        try:
            await act()
        finally:
            is_busy = False

    return pressed
