"""A storm while somebody looks: the list follows at its own pace, whatever comes in."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import Rig
from tests.web.serving import served
from tests.web.story import incident_of
from tests.web.test_browser import DESKTOP, Visitor, chromium

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]
__all__ = ["chromium"]

INCIDENTS = 100
SECONDS = 6.0
"""Five times as fast as two hundred a minute."""

COUNT_REDRAWS = """() => {
  window.redraws = 0;
  const list = document.querySelector("table.rows") ? document.querySelector("table.rows").closest("main") : document.querySelector("main");
  new MutationObserver((changes) => {
    if (changes.some((one) => [...one.addedNodes].some((node) => node.nodeType === 1 && (node.matches?.("table.rows") || node.querySelector?.("table.rows"))))) window.redraws += 1;
  }).observe(list, { childList: true, subtree: true });
}"""


def test_list_shows_the_newest_of_a_storm_and_is_drawn_once_a_second_at_most(rig: Rig, chromium: Browser) -> None:
    incident_of(rig.ledger, "first", service="first", summary="the first of them")
    with served(rig.app) as address:
        context = chromium.new_context(viewport=DESKTOP, locale="en-GB")  # type: ignore[arg-type]
        visitor = Visitor(context, address)
        page = visitor.sign_in(rig.tokens["rui"])
        expect(page.get_by_role("link", name="the first of them")).to_be_visible()
        page.evaluate(COUNT_REDRAWS)
        began = time.monotonic()
        for number in range(INCIDENTS):
            incident_of(rig.ledger, f"storm-{number}", service=f"svc-{number}", summary=f"storm {number} of many")
            time.sleep(max(0.0, began + (number + 1) * SECONDS / INCIDENTS - time.monotonic()))
        expect(page.get_by_role("link", name=f"storm {INCIDENTS - 1} of many")).to_be_visible(timeout=15_000)
        took = time.monotonic() - began
        assert page.evaluate("window.redraws") <= took + 2
        page.get_by_label("Search id, title or reason").last.fill("the first of them")
        expect(page.get_by_role("link", name="the first of them")).to_be_visible()
        expect(page.locator("table.rows tbody tr")).to_have_count(1)
        visitor.check()
        context.close()
