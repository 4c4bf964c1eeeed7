"""The console's pages without a browser: what NiceGUI would draw, as HTML, and fingers that press and type.

NiceGUI sends a page as its elements in JSON. :func:`drawn` puts them together again; :class:`Looked` acts on the page as its
socket would, in this process. What only a browser shows (looks, focus, the socket itself) is tried in ``test_browser*.py``.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

import httpx
from nicegui import background_tasks, ui
from nicegui.client import Client
from nicegui.element import Element

from tests.web.conftest import Rig
from tests.web.test_authentication import sign_in

PLAIN = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
_ELEMENTS = re.compile(r"parseElements\(String\.raw`(.*?)`\)", re.DOTALL)
_CLIENT = re.compile(r"client_id[^0-9a-f]+([0-9a-f]{8}-[0-9a-f-]+)")
_UNSEEN = frozenset({"innerHTML", "sanitize", "tag", "options"})
PATIENCE_SECONDS = 10.0
Parts = dict[str, dict[str, Any]]


async def signed_in(rig: Rig, name: str) -> httpx.AsyncClient:
    """A browser in which ``name`` is signed in."""
    browser = rig.client()
    browser.headers.update(PLAIN)
    await sign_in(browser, rig.tokens[name])
    return browser


def drawn(answer: httpx.Response) -> str:
    """The HTML of everything on a page; what NiceGUI did not make is answered as it is."""
    found = _ELEMENTS.search(answer.text)
    return _whole(json.loads(unescape(found[1]))) if found else answer.text


async def looked(browser: httpx.AsyncClient, path: str) -> Looked:
    """Opens a page and keeps it open."""
    answer = await browser.get(path)
    found = _CLIENT.search(answer.text)
    assert found, f"no page: {answer.status_code} {answer.text[:300]}"
    return Looked(Client.instances[found[1]])


@dataclass
class Looked:
    """A page that somebody looks at."""

    client: Client
    _deeds: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def html(self) -> str:
        """The page as it is now."""
        return _whole({str(key): one._to_dict() for key, one in self.client.elements.items()})

    @property
    def said(self) -> list[str]:
        """What was told at the edge of the page; ``-> /path``: where it was sent."""
        told = []
        for _, kind, data in self.client.outbox.messages:
            if kind == "notify":
                told.append(str(data["message"]))
            elif kind == "open":
                told.append(f"-> {data['path']}")
        return told

    @property
    def buttons(self) -> list[str]:
        return [_text(one) for one in self.client.elements.values() if _is_button(one)]

    def buttons_outside(self, place: str) -> list[str]:
        """Those that stand in no element of the class ``place``."""
        buttons = [one for one in self.client.elements.values() if _is_button(one)]
        return [_text(one) for one in buttons if not any(place in above.classes for above in one.ancestors())]

    def fill(self, label: str, value: object) -> None:
        """Into the field that begins with these words; of an open dialog, where there is one."""
        fields = [one for one in self.client.elements.values() if str(one.props.get("label", "")).startswith(label)]
        assert fields, f"no field {label!r}"
        fields[-1].set_value(value)  # type: ignore[attr-defined]

    async def press(self, *texts: str) -> None:
        """One button after the other, each the last of its name: a dialog's, where one is open."""
        for text in texts:
            buttons = [one for one in self.client.elements.values() if _is_button(one) and _text(one) == text]
            assert buttons, f"no button {text!r} among {self.buttons}"
            self.send_press(buttons[-1])
            await self.settled()

    def send_press(self, button: Element) -> None:
        ear = next(one for one in button._event_listeners.values() if one.type == "click")
        before = set(background_tasks.running_tasks)
        self.client.handle_event({"id": button.id, "listener_id": ear.id, "args": []})
        self._deeds |= background_tasks.running_tasks - before

    async def settled(self) -> None:
        """Until what was pressed has been done, or a dialog asks for something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._deeds and not self._asks():
                done, _ = await asyncio.wait(self._deeds, timeout=0.02)
                self._deeds -= done

    def _asks(self) -> bool:
        dialogs = [one for one in self.client.elements.values() if isinstance(one, ui.dialog)]
        return any(one.value and not one.submitted.is_set() for one in dialogs)


def _whole(parts: Parts) -> str:
    children = {str(child) for one in parts.values() for child in one.get("children", [])}
    return "\n".join(_html(parts, key) for key in parts if key not in children)


def _html(parts: Parts, key: str) -> str:
    one = parts[key]
    props = one.get("props", {})
    name = str(props.get("tag") or one["tag"])
    shown = {prop: value for prop, value in props.items() if prop not in _UNSEEN and isinstance(value, str | int)}
    attributes = "".join(f' {prop}="{escape(str(value))}"' for prop, value in shown.items())
    inner = "".join(_html(parts, str(child)) for child in one.get("children", []))
    content = escape(str(one.get("text", ""))) + str(props.get("innerHTML", ""))
    return f'<{name} class="{escape(" ".join(one.get("class", [])))}"{attributes}>{content}{inner}</{name}>'


def _is_button(one: Element) -> bool:
    is_button = one.props.get("tag", one.tag) == "button"
    return is_button and any(ear.type == "click" for ear in one._event_listeners.values())


def _text(one: Element) -> str:
    return unescape(str(one.props.get("innerHTML", "")))
