"""A person with a real browser: signs in, reads, approves, and watches the page follow. Nothing leaves this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from knowledge.errors import MetricsUnreachable
from knowledge.vocabulary import (
    ApprovalStatus,
    ChainLink,
    Decision,
    ExecutionStatus,
    IncidentStatus,
    Role,
    Scope,
    StepOutcome,
    StepResult,
    Text,
)
from tests.peers.programs import chromium_program
from tests.web.conftest import Rig
from tests.web.serving import served
from tests.web.story import HOSTILE, finish, incident_of, whole_story
from tools.ports import Series

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


def open_at(chromium: Browser, address: str, token: str, **options: Any) -> tuple[Visitor, BrowserContext]:
    """A desktop browser in Shanghai, signed in."""
    given: dict[str, Any] = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Asia/Shanghai"}
    context = chromium.new_context(**{**given, **options})
    visitor = Visitor(context, address)
    visitor.sign_in(token)
    return visitor, context


def test_approver_finds_the_incident_approves_it_and_watches_what_follows(
    rig: Rig, chromium: Browser, address: str, tmp_path: Path
) -> None:
    story = whole_story(rig.ledger)
    incident_of(
        rig.ledger, "other", namespace="training", service="finetune", summary="finetune has stopped logging steps"
    )
    visitor, context = open_at(chromium, address, rig.tokens["ana"], color_scheme="light")
    page = visitor.page
    page.screenshot(path=tmp_path / "list-light-en.png", full_page=True)
    page.get_by_role("link", name=story.incident.title).click()
    expect(page.get_by_role("heading", name=story.incident.title)).to_be_visible()
    expect(page.locator(".livemark")).to_have_text("live", use_inner_text=True)
    expect(page.locator("time .abs").first).to_contain_text("GMT+8")
    page.screenshot(path=tmp_path / "incident-light-en.png", full_page=True)

    page.get_by_role("link", name=story.evidence[0].id[3:11]).first.click()
    expect(page.get_by_text("x12 over 3m")).to_be_visible()
    page.get_by_role("button", name="Approve", exact=True).click()
    dialog = page.get_by_role("dialog", name="Approve exactly this?")
    expect(dialog.get_by_text(story.review.digest)).to_be_visible()
    expect(dialog.get_by_text("v0.9.0-cu124")).to_be_visible()
    page.screenshot(path=tmp_path / "approve-light-en.png")
    dialog.get_by_label("Reason").fill("the tag is a typo")
    dialog.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_text("Your approval is counted")).to_be_visible()
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.APPROVED
    assert rig.ledger.approvals.get(story.approval.id).votes[0].reason == "the tag is a typo"

    rig.ledger.timeline.add(story.incident.id, "execute", "executor", Text(en="Executed: 1 of 1 steps", zh="已执行"))
    rig.ledger.incidents.set_status(story.incident.id, IncidentStatus.VERIFYING, "done; watching the recovery")
    expect(page.get_by_text("Executed: 1 of 1 steps")).to_be_visible()
    expect(page.get_by_text("done; watching the recovery")).to_be_visible()
    visitor.check()
    context.close()


def test_execution_is_watched_step_by_step(rig: Rig, chromium: Browser, address: str) -> None:
    story = whole_story(rig.ledger)
    visitor, context = open_at(chromium, address, rig.tokens["rui"])
    page = visitor.go(f"/incidents/{story.incident.id}")
    expect(page.get_by_text("can be ticked once the plan is approved")).to_be_visible()
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "", story.review.digest)
    expect(page.get_by_role("button", name="Done")).to_be_visible()
    request = rig.ledger.executions.request(story.incident.id, story.plan.id, story.review, story.approval.id)
    expect(page.locator("#execution .exec-requested")).to_be_visible()
    claimed = rig.ledger.executions.claim_next("executor-1", 30.0)
    assert claimed
    rig.ledger.executions.record_intent(request.id, claimed[1], 0, "k0", "sha256:x")
    expect(page.locator(".out-intended")).to_be_visible()
    done = StepResult(step=0, step_key="k0", outcome=StepOutcome.DONE, message="revision 3")
    rig.ledger.executions.record_result(request.id, claimed[1], done)
    expect(page.locator(".out-done")).to_be_visible()
    expect(page.get_by_role("button", name="Stop before the next step")).to_be_visible()
    rig.ledger.executions.finish(request.id, claimed[1], ExecutionStatus.DONE, "")
    expect(page.get_by_role("button", name="Take the change back")).to_be_visible()
    expect(page.get_by_role("button", name="Stop before the next step")).to_have_count(0)
    visitor.check()
    context.close()


class Numbers:
    """Metrics that rose at one moment."""

    def __init__(self, at: datetime) -> None:
        self._at = at.timestamp()

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        if "http" not in query and "vllm" not in query:
            raise MetricsUnreachable("Prometheus does not answer")
        times = range(int(start.timestamp()), int(end.timestamp()), max(15, int(step_seconds)))
        labels = {"namespace": "serving", "service": "qwen2-7b", "pod": HOSTILE}
        return [Series(labels, [(float(at), 4.0 if at > self._at else 0.4) for at in times])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_around_the_onset_are_drawn_and_told_as_a_table(
    rig: Rig, chromium: Browser, address: str, tmp_path: Path, scheme: str
) -> None:
    story = whole_story(rig.ledger)
    rig.desk.deps.clusters["prod"] = SimpleNamespace(metrics=Numbers(story.incident.opened_at))  # type: ignore[index]
    visitor, context = open_at(chromium, address, rig.tokens["vera"], color_scheme=scheme)
    page = visitor.go(f"/incidents/{story.incident.id}")
    charts = page.get_by_role("figure")
    expect(charts.first).to_be_visible()
    expect(charts.first.locator("canvas")).to_have_count(1)
    charts.first.get_by_text("As numbers").click()
    expect(charts.first.get_by_role("table")).to_be_visible()
    expect(charts.first.get_by_role("rowheader").first).not_to_be_empty()
    page.locator(".onset").screenshot(path=tmp_path / f"onset-{scheme}.png")
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
        expect(page.locator("main h1")).to_be_visible()
        if what == "incident":
            expect(page.locator(".livemark")).to_be_visible()
        page.screenshot(path=tmp_path / f"{what}-{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], f"{path} scrolls sideways"
    assert page.locator("html").get_attribute("lang") == ("zh-Hans" if locale == "zh-CN" else "en")
    visitor.check()
    context.close()


def test_what_is_being_typed_is_not_taken_away_when_the_page_follows(rig: Rig, chromium: Browser, address: str) -> None:
    story = whole_story(rig.ledger)
    visitor, context = open_at(chromium, address, rig.tokens["ana"])
    page = visitor.go(f"/incidents/{story.incident.id}")
    page.get_by_role("button", name="Reject").click()
    page.get_by_label("Reason (").fill("I am still writing")
    rig.ledger.timeline.add(story.incident.id, "collect", "opsdesk", Text(en="Something new", zh="新内容"))
    expect(page.get_by_text("Something new")).to_be_attached()
    expect(page.get_by_label("Reason (")).to_have_value("I am still writing")
    visitor.check()
    context.close()


def test_what_was_opened_stays_open_and_the_chain_is_a_picture_when_the_page_follows(
    rig: Rig, chromium: Browser, address: str
) -> None:
    story = whole_story(rig.ledger)
    visitor, context = open_at(chromium, address, rig.tokens["vera"])
    page = visitor.go(f"/incidents/{story.incident.id}")
    page.get_by_text("Why this one").click()
    expect(page.get_by_text("explains 3 of 3 symptoms")).to_be_visible()
    diagnosis = rig.ledger.diagnoses.latest(story.incident.id)
    assert diagnosis
    assert diagnosis.chosen
    root = f"{diagnosis.chosen.fault} @ {diagnosis.chosen.object.key}"
    chain = (ChainLink(cause=root, effect="gateway-503 @ Deployment/gateway/envoy", relation="selects"),)
    chosen = diagnosis.chosen.model_copy(update={"chain": chain})
    rig.ledger.diagnoses.put(story.incident.id, diagnosis.model_copy(update={"chosen": chosen}))
    rig.ledger.timeline.add(story.incident.id, "diagnose", "opsdesk", Text(en="Once more", zh="再次诊断"))
    expect(page.get_by_role("img", name="How the cause leads to the symptoms")).to_be_visible()
    expect(page.get_by_text("explains 3 of 3 symptoms")).to_be_visible()
    visitor.check()
    context.close()


def test_queue_is_walked_and_opened_by_keyboard_and_counts_down(rig: Rig, chromium: Browser, address: str) -> None:
    whole_story(rig.ledger)
    second = whole_story(rig.ledger, key="second", service="bge-m3")
    visitor, context = open_at(chromium, address, rig.tokens["ana"])
    page = visitor.go("/approvals")
    left = page.locator(".queue time[data-until]").first
    expect(left).to_have_text(re.compile(r"^3:59:\d\d$"))
    before = left.text_content()
    expect(left).not_to_have_text(str(before))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/incidents/{second.incident.id}#review")
    visitor.check()
    context.close()


def test_press_after_the_session_has_ended_does_nothing_and_leads_to_the_sign_in(
    rig: Rig, chromium: Browser, address: str
) -> None:
    incident = incident_of(rig.ledger)
    visitor, context = open_at(chromium, address, rig.tokens["rui"])
    page = visitor.go(f"/incidents/{incident.id}")
    take = page.get_by_role("button", name="Take it")
    expect(take).to_be_visible()
    pressed = take.element_handle()
    rig.ledger.principals.revoke_token("rui", "test")
    pressed.evaluate("button => button.click()")  # at once: a little later the page would go to the sign-in by itself
    expect(page).to_have_url(re.compile(rf"/sign-in\?next=/incidents/{incident.id}$"), timeout=15_000)
    assert rig.ledger.incidents.get(incident.id).assignee == ""
    context.close()


def test_reader_whose_scope_was_narrowed_sees_the_page_no_longer(rig: Rig, chromium: Browser, address: str) -> None:
    story = whole_story(rig.ledger)
    visitor, context = open_at(chromium, address, rig.tokens["vera"])
    page = visitor.go(f"/incidents/{story.incident.id}")
    expect(page.get_by_role("heading", name=story.incident.title)).to_be_visible()
    rig.ledger.principals.set_roles("vera", [Role.VIEWER], Scope(namespaces=("training",)))
    rig.ledger.timeline.add(story.incident.id, "collect", "opsdesk", Text(en="A secret", zh="秘密"))
    expect(page.get_by_role("heading", name=story.incident.title)).to_have_count(0)
    expect(page.get_by_text("A secret")).to_have_count(0)
    context.close()


def test_ticket_is_written_pasted_into_and_opened(rig: Rig, chromium: Browser, address: str) -> None:
    visitor, context = open_at(chromium, address, rig.tokens["rui"])
    page = visitor.go("/tickets/new")
    pasted = "invoices are down\n$ kubectl get pods\n" + ("x" * 2_000 + "\n") * 60
    page.get_by_label("What is wrong").fill(pasted)
    page.get_by_label("Namespace").fill("billing")
    page.get_by_role("button", name="Open ticket").dblclick()
    page.wait_for_url("**/incidents/inc-*")
    expect(page.get_by_role("heading", name="invoices are down")).to_be_visible()
    (incident,) = rig.ledger.incidents.list(Scope())
    assert (incident.namespace, incident.title) == ("billing", "invoices are down")
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
