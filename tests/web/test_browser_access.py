"""Everybody can use every page: checked by axe in both themes, by the keyboard alone, and by looking at the pictures.

``OPSDESK_SCREENSHOTS=<folder>`` keeps a picture of every page in four looks (``page-language-theme-width.png``); without it two
looks are walked and their pictures lie in the run's folder for temporary files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.web.gallery import KEPT_IN, LOOKS, Look, album, keep, open_pages, pages, settle, too_wide
from tests.web.serving import served
from tests.web.showroom import Showroom, showroom
from tests.web.test_browser import DESKTOP, Visitor, chromium

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]
__all__ = ["chromium"]

WALKED = LOOKS if os.environ.get(KEPT_IN) else (LOOKS[0], LOOKS[3])
BORNE = frozenset({"minor"})
"""What axe calls minor stands: NiceGUI's own <main> around ours has the role presentation."""

FOCUSED = """() => {
  const one = document.activeElement, look = getComputedStyle(one), place = one.closest("a.skip, .topbar, header, nav, main, [role=dialog]");
  const box = one.getBoundingClientRect();
  return { name: (one.getAttribute("aria-label") || one.innerText || one.getAttribute("placeholder") || one.id || one.tagName).trim().slice(0, 40),
           place: place ? (place.matches("a.skip") ? "skip" : place.tagName.toLowerCase()) : one.tagName.toLowerCase(),
           seen: (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0) || look.boxShadow !== "none"
                 || !!one.closest(".q-field--focused, :focus-visible"),
           top: box.top, left: box.left, height: box.height, body: one === document.body };
}"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    with showroom(tmp_path_factory.mktemp("access")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(room: Showroom) -> Iterator[str]:
    with served(room.rig.app) as url:
        yield url


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return album(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def visitor(room: Showroom, chromium: Browser, address: str) -> Iterator[Visitor]:
    """max at a desk."""
    context = chromium.new_context(viewport=DESKTOP, locale="en-GB")  # type: ignore[arg-type]
    made = Visitor(context, address)
    made.sign_in(room.rig.tokens["max"])
    yield made
    made.check()
    context.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", WALKED, ids=lambda look: look.name)
def test_every_page_is_accessible_and_fits(
    room: Showroom, chromium: Browser, address: str, pictures: Path, look: Look
) -> None:
    context = chromium.new_context(**look.context)
    visitor, axe, wrong = Visitor(context, address), Axe(), list[str]()

    def visit(name: str, path: str) -> None:
        page = visitor.go(path)
        settle(page)
        keep(page, pictures, name, look)
        wrong.extend(f"{name}: {one}" for one in violations(axe, page))
        wrong.extend(f"{name} scrolls sideways: {one}" for one in too_wide(page))

    for name, path in open_pages(room).items():
        visit(name, path)
    visitor.sign_in(room.rig.tokens["max"])
    for name, path in pages(room).items():
        visit(name, path)
    assert wrong == []
    visitor.complaints = [one for one in visitor.complaints if "404" not in one]  # the page that is not there
    visitor.check()
    context.close()


def violations(axe: Axe, page: Page) -> list[str]:
    """What axe finds that nobody should have to bear."""
    found: list[dict[str, Any]] = axe.run(page).response["violations"]
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        if one["impact"] not in BORNE
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("path", ["/incidents", "/chat", "/knowledge", "/settings"])
def test_tab_goes_from_the_skip_link_through_the_bar_and_the_sections_into_the_page(
    visitor: Visitor, path: str
) -> None:
    page = visitor.go(path)
    settle(page)
    page.evaluate("document.activeElement && document.activeElement.blur()")
    walked = []
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at["body"]:
            break
        walked.append(at)
        if at["place"] == "main":
            break
    places = [one["place"] for one in walked]
    assert places[0] == "skip", walked[:2]
    assert places[-1] == "main", places
    assert sorted(set(places), key=places.index) == ["skip", "header", "nav", "main"], places
    assert [one["name"] for one in walked if not one["seen"]] == []
    for place in ("header", "nav"):
        boxes = [(round((one["top"] + one["height"] / 2) / 24), one["left"]) for one in walked if one["place"] == place]
        assert boxes == sorted(boxes), f"{place} is not walked in the order in which it is seen: {walked}"


def test_skip_link_leads_past_the_bar_into_the_page(visitor: Visitor) -> None:
    page = visitor.go("/detectors")
    settle(page)
    page.evaluate("document.activeElement && document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["place"] == "main"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dialog_holds_the_focus_and_gives_it_back_when_it_is_left(
    room: Showroom, chromium: Browser, address: str, theme: str
) -> None:
    context = chromium.new_context(viewport=DESKTOP, locale="en-GB", color_scheme=theme)  # type: ignore[arg-type]
    visitor = Visitor(context, address)
    visitor.sign_in(room.rig.tokens["ana"])
    page = visitor.go(f"/incidents/{room.waiting.incident.id}")
    approve = page.get_by_role("button", name="Approve", exact=True)
    approve.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Reason")).to_be_visible()
    page.wait_for_function("() => !!document.activeElement.closest('[role=dialog]')")
    for _ in range(15):
        page.keyboard.press("Tab")
        assert page.evaluate("() => !!document.activeElement.closest('[role=dialog]')"), page.evaluate(FOCUSED)
    page.wait_for_function("() => !document.querySelector('.q-transition--scale-enter-active, [class*=enter-active]')")
    assert violations(Axe(), page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(approve).to_be_focused()
    visitor.check()
    context.close()


def test_what_changes_by_itself_is_told_and_headings_go_down_one_step_at_a_time(
    room: Showroom, visitor: Visitor
) -> None:
    page = visitor.go(f"/incidents/{room.waiting.incident.id}")
    settle(page)
    expect(page.get_by_role("log").first).to_be_attached()
    expect(page.locator(".livemark[role=status]")).to_be_attached()
    for path in pages(room).values():
        if "/incidents/inc-nowhere" in path:
            continue
        page = visitor.go(path)
        settle(page)
        levels = page.evaluate(
            "() => [...document.querySelectorAll('main#main :is(h1,h2,h3,h4,h5,h6)')].map((one) => +one.tagName[1])"
        )
        assert levels, path
        assert levels[0] == 1, (path, levels)
        assert all(after <= before + 1 for before, after in pairwise(levels)), (path, levels)
