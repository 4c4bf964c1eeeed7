"""A person with a real browser: signs in, reads, approves, and watches the page follow. Nothing leaves this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from knowledge.vocabulary import ApprovalStatus, IncidentStatus, Role, Text
from tests.peers.programs import chromium_program
from tests.web.conftest import Rig
from tests.web.serving import served
from tests.web.story import finish, incident_of, whole_story

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium_program()), args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """One browser context that notes every address it asks for and every complaint of a page."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.asked: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def sign_in(self, token: str) -> Page:
        self.go("/sign-in")
        self.page.get_by_text(re.compile("With a personal token|使用个人令牌")).click()
        self.page.get_by_label(re.compile("^(Personal token|个人令牌)$")).fill(token)
        self.page.get_by_role("button", name=re.compile("^(Sign in with the token|使用令牌登录)$")).click()
        self.page.wait_for_url("**/incidents")
        return self.page

    def check(self) -> None:
        """No request left the host, nothing was blocked or thrown."""
        own = urlsplit(self.address).netloc
        assert [url for url in self.asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc != own] == []
        assert self.complaints == []


def incident_with_an_end(rig: Rig) -> str:
    """A second story beside the one that waits: executed, verified and learned."""
    ended = whole_story(rig.ledger, key="ended", service="bge-m3")
    finish(rig.ledger, ended, outcome="same")
    return ended.incident.id


@pytest.fixture
def address(rig: Rig) -> Iterator[str]:
    with served(rig.app) as url:
        yield url


def test_approver_signs_in_finds_the_incident_and_approves_it(
    rig: Rig, chromium: Browser, address: str, tmp_path: Path
) -> None:
    story = whole_story(rig.ledger)
    incident_of(
        rig.ledger, "other", namespace="training", service="finetune", summary="finetune has stopped logging steps"
    )
    context = chromium.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="Asia/Shanghai", color_scheme="light")  # type: ignore[arg-type]
    visitor = Visitor(context, address)
    page = visitor.sign_in(rig.tokens["ana"])
    page.screenshot(path=tmp_path / "list-light-en.png", full_page=True)
    page.get_by_role("link", name=story.incident.title).click()
    expect(page.get_by_role("heading", name=story.incident.title)).to_be_visible()
    expect(page.locator(".livemark")).to_have_text("live")
    expect(page.locator("time .abs").first).to_contain_text("GMT+8")
    page.screenshot(path=tmp_path / "incident-light-en.png", full_page=True)

    page.get_by_role("link", name=story.evidence[0].id[3:11]).first.click()
    expect(page.get_by_text("x12 over 3m")).to_be_visible()
    page.get_by_label("Reason").fill("the tag is a typo")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Your approval is counted")).to_be_visible()
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.APPROVED
    assert rig.ledger.approvals.get(story.approval.id).votes[0].reason == "the tag is a typo"

    rig.ledger.timeline.add(story.incident.id, "execute", "executor", Text(en="Executed: 1 of 1 steps", zh="已执行"))
    rig.ledger.incidents.set_status(story.incident.id, IncidentStatus.VERIFYING, "done; watching the recovery")
    rig.ledger.timeline.add(story.incident.id, "verify", "opsdesk", Text(en="Watching", zh="观察中"))
    expect(page.get_by_text("Executed: 1 of 1 steps")).to_be_visible()
    expect(page.get_by_text("done; watching the recovery")).to_be_visible()
    visitor.check()
    context.close()


@pytest.mark.parametrize(
    ("name", "scheme", "locale", "size"),
    [
        ("dark-en", "dark", "en-GB", DESKTOP),
        ("light-zh", "light", "zh-CN", DESKTOP),
        ("phone-dark-zh", "dark", "zh-CN", PHONE),
        ("phone-light-en", "light", "en-GB", PHONE),
    ],
)
def test_pages_fit_the_reader_in_every_scheme_language_and_width(
    rig: Rig, chromium: Browser, address: str, tmp_path: Path, name: str, scheme: str, locale: str, size: dict[str, int]
) -> None:
    rig.person("max", Role.VIEWER, Role.RESPONDER, Role.APPROVER)
    story = whole_story(rig.ledger)
    incident_of(
        rig.ledger, "other", namespace="training", service="finetune", summary="finetune has stopped logging steps"
    )
    context = chromium.new_context(viewport=size, locale=locale, color_scheme=scheme, timezone_id="UTC")  # type: ignore[arg-type]
    visitor = Visitor(context, address)
    visitor.go("/sign-in").screenshot(path=tmp_path / f"sign-in-{name}.png")
    visitor.sign_in(rig.tokens["max"])
    paths = {
        "list": "/incidents",
        "incident": f"/incidents/{story.incident.id}",
        "approvals": "/approvals",
        "ticket": "/tickets/new",
        "knowledge": "/knowledge",
        "none": "/incidents?severity=low",
    }
    finished = incident_with_an_end(rig)
    paths["finished"] = f"/incidents/{finished}"
    for what, path in paths.items():
        page = visitor.go(path)
        if what == "incident":
            expect(page.locator(".livemark")).to_have_attribute("data-state", "live")
        page.screenshot(path=tmp_path / f"{what}-{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], f"{path} scrolls sideways"
    assert page.locator("html").get_attribute("lang") == ("zh-Hans" if locale == "zh-CN" else "en")
    visitor.check()
    context.close()


def test_pages_work_without_javascript(rig: Rig, chromium: Browser, address: str) -> None:
    story = whole_story(rig.ledger)
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    visitor = Visitor(context, address)
    visitor.sign_in(rig.tokens["ana"])
    page = visitor.go(f"/incidents/{story.incident.id}")
    expect(page.locator("time .abs").first).to_contain_text("UTC")
    page.get_by_label("Reason").fill("wrong tag")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Your rejection is counted")).to_be_visible()
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.REJECTED
    context.close()


def test_a_form_being_filled_is_not_taken_away_when_the_page_follows(rig: Rig, chromium: Browser, address: str) -> None:
    story = whole_story(rig.ledger)
    context = chromium.new_context(viewport=DESKTOP, locale="en-GB")  # type: ignore[arg-type]
    visitor = Visitor(context, address)
    visitor.sign_in(rig.tokens["ana"])
    page = visitor.go(f"/incidents/{story.incident.id}")
    expect(page.locator(".livemark")).to_have_text("live")
    page.get_by_label("Reason").fill("I am still writing")
    rig.ledger.timeline.add(story.incident.id, "collect", "opsdesk", Text(en="Something new", zh="新内容"))
    expect(page.get_by_text("Something new")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("I am still writing")
    visitor.check()
    context.close()


def test_list_shows_an_incident_that_opens_while_somebody_looks(
    rig: Rig, chromium: Browser, address: str, tmp_path: Path
) -> None:
    context = chromium.new_context(viewport=DESKTOP, locale="en-GB")  # type: ignore[arg-type]
    visitor = Visitor(context, address)
    page = visitor.sign_in(rig.tokens["rui"])
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    page.screenshot(path=tmp_path / "empty.png", full_page=True)
    one = incident_of(rig.ledger)
    expect(page.get_by_role("link", name=one.title)).to_be_visible(timeout=15_000)
    visitor.check()
    context.close()
