"""Every page of the console, by name: what the walks of the screenshots and of the accessibility checks go through.

``OPSDESK_SCREENSHOTS=<folder>`` keeps the pictures of a test run there; by default they lie in the run's own folder for temporary
files. Each is called ``page-language-theme-width.png``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from api.web.words import word
from knowledge.vocabulary import Language
from tests.web.showroom import Showroom

KEPT_IN = "OPSDESK_SCREENSHOTS"
SETTLED_MILLISECONDS = 15_000
UNDER_WAY = [
    word(key, language) for key in ("reports.adding_up", "settings.checking") for language in (Language.EN, Language.ZH)
]


@dataclass(frozen=True)
class Look:
    """How a reader sees the console."""

    language: str
    theme: str
    width: str

    @property
    def name(self) -> str:
        return f"{self.language}-{self.theme}-{self.width}"

    @property
    def context(self) -> dict[str, Any]:
        """What Playwright is told of the browser."""
        size = {"width": 390, "height": 844} if self.width == "phone" else {"width": 1440, "height": 900}
        return {
            "viewport": size,
            "locale": "zh-CN" if self.language == "zh" else "en-GB",
            "color_scheme": self.theme,
            "timezone_id": "Asia/Shanghai",
        }


LOOKS = (
    Look("en", "light", "desktop"),
    Look("zh", "dark", "desktop"),
    Look("zh", "light", "phone"),
    Look("en", "dark", "phone"),
)


def open_pages(room: Showroom) -> dict[str, str]:
    """Those that nobody need be signed in for."""
    return {
        "sign-in": "/sign-in",
        "welcome": f"/welcome/{room.welcome}",
        "set-password": f"/set-password/{room.invitation}",
    }


def pages(room: Showroom) -> dict[str, str]:
    """Those of somebody who may do everything."""
    return {
        "incidents": "/incidents",
        "incidents-none": "/incidents?severity=low",
        "incident": f"/incidents/{room.waiting.incident.id}",
        "incident-ended": f"/incidents/{room.ended.incident.id}",
        "evidence": f"/evidence/{room.waiting.evidence[0].id}",
        "evidence-hostile": f"/evidence/{room.waiting.evidence[2].id}",
        "approvals": "/approvals",
        "ticket": "/tickets/new",
        "chat": "/chat",
        "conversation": f"/chat?c={room.conversation}",
        "knowledge": "/knowledge",
        "documents": "/knowledge?tab=documents",
        "lessons": "/knowledge?tab=lessons",
        "search": "/knowledge?q=gpu",
        "case": f"/knowledge/cases/{room.case}",
        "document": f"/knowledge/documents/{room.document}",
        "propose": "/knowledge/propose",
        "lesson": f"/knowledge/lessons/{room.lesson}",
        "import": "/knowledge/import",
        "detectors": "/detectors",
        "detector": "/detectors/container-oomkilled",
        "desk": "/desk",
        "report-times": "/reports",
        "report-recurrence": "/reports?name=recurrence",
        "report-accuracy": "/reports?name=accuracy",
        "report-approvals": "/reports?name=approvals",
        "report-model": "/reports?name=model",
        "report-detectors": "/reports?name=detectors",
        "audit": "/audit",
        "settings": "/settings",
        "account": "/account",
        "not-found": "/incidents/inc-nowhere",
    }


def album(folder: Path) -> Path:
    """Where this run's pictures go."""
    kept = os.environ.get(KEPT_IN, "")
    made = Path(kept) if kept else folder / "screenshots"
    made.mkdir(parents=True, exist_ok=True)
    return made


def settle(page: Page) -> None:
    """Until everything that is drawn after the page has come: its parts, its charts, its times."""
    page.wait_for_load_state("load")
    page.locator("main h1").first.wait_for(state="attached", timeout=SETTLED_MILLISECONDS)
    page.wait_for_function("() => document.fonts.status === 'loaded'")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.chat-chart')].every((one) => one.querySelector('canvas'))"
    )
    for words in UNDER_WAY:
        page.get_by_text(words, exact=True).wait_for(state="detached", timeout=SETTLED_MILLISECONDS)


def keep(page: Page, folder: Path, name: str, look: Look) -> None:
    page.screenshot(path=folder / f"{name}-{look.name}.png", full_page=True)


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways; empty when it fits."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
          .slice(0, 5).map((one) => `${one.tagName.toLowerCase()}.${one.className}`)"""
    )
    return found
