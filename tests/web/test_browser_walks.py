"""The main paths from end to end in a real browser: getting in, finding, deciding, asking, teaching, stopping, coming back.

One walk goes over a practice cluster with the desk as a real process, which is killed and started again under an open page; the
others over a desk in this process that has seen everything once.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from api.web.words import word
from evals.demo.story import alert_of
from knowledge.vocabulary import Language, Scope
from tests.end_to_end.desks import Office, office
from tests.web.gallery import settle
from tests.web.serving import served
from tests.web.showroom import Showroom, showroom
from tests.web.story import incident_of
from tests.web.test_browser import DESKTOP, PHONE, Visitor, chromium

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]
__all__ = ["chromium"]

UNMOUNTED = "reading 'dispose'"
"""NiceGUI's chart complains when it is taken away before its library has come; nothing is lost by it."""
LOST = re.compile("Failed to load resource|WebSocket connection|net::ERR")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    with showroom(tmp_path_factory.mktemp("walks")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(room: Showroom) -> Iterator[str]:
    with served(room.rig.app) as url:
        yield url


class Guests:
    """Browsers of a walk; each is checked at its end."""

    def __init__(self, chromium: Browser, address: str, room: Showroom) -> None:
        self._chromium, self._address, self._room = chromium, address, room
        self._came: list[tuple[Visitor, BrowserContext]] = []

    def enter(self, name: str = "", **options: object) -> Visitor:
        given = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Asia/Shanghai", **options}
        context = self._chromium.new_context(**given)  # type: ignore[arg-type]
        visitor = Visitor(context, self._address)
        self._came.append((visitor, context))
        if name:
            visitor.sign_in(self._room.rig.tokens[name])
        return visitor

    def leave(self) -> None:
        for visitor, context in self._came:
            visitor.complaints = [one for one in visitor.complaints if UNMOUNTED not in one]
            visitor.check()
            context.close()


@pytest.fixture
def guests(chromium: Browser, address: str, room: Showroom) -> Iterator[Guests]:
    made = Guests(chromium, address, room)
    yield made
    made.leave()


def test_invited_person_sets_a_password_enters_with_it_and_changes_it(room: Showroom, guests: Guests) -> None:
    visitor = guests.enter()
    page = visitor.go(f"/set-password/{room.invitation}")
    page.get_by_label("New password").fill("walking over wet stones")
    page.get_by_label("Once more").fill("walking over wet stones")
    page.get_by_role("button", name="Set the password").click()
    page.wait_for_url("**/incidents")
    page = visitor.go("/account")
    page.get_by_label("Current password").first.fill("walking over wet stones")
    page.locator("#own-password").get_by_label("New password").fill("stones under running water")
    page.locator("#own-password").get_by_label("Once more").fill("stones under running water")
    page.locator("#own-password").get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("heading", name="vera")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.wait_for_url("**/sign-in*")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("stones under running water")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/incidents")
    elsewhere = guests.enter("vera", locale="zh-CN", viewport=PHONE, color_scheme="dark")
    page = visitor.go("/account")
    expect(page.locator("#sessions tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(elsewhere.go("/desk").get_by_role("button", name="登录", exact=True)).to_be_visible()


def test_list_is_filtered_searched_and_walked_by_keyboard(room: Showroom, guests: Guests) -> None:
    visitor = guests.enter("max")
    page = visitor.page
    rows = page.locator("table.rows tbody tr")
    expect(rows).to_have_count(2)
    page.keyboard.press("j")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link").first).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="By keyboard")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("finetune")
    expect(page.locator("[data-find]")).to_have_value("finetune")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents?*text=finetune*")
    expect(rows).to_have_count(1)
    for letter, path in (("a", "approvals"), ("k", "knowledge"), ("i", "incidents")):
        settle(page)
        page.locator("h1").click()
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**/{path}")


def test_chat_answers_with_a_chart_rows_and_a_script_that_becomes_an_incident(room: Showroom, guests: Guests) -> None:
    visitor = guests.enter("max")
    page = visitor.go("/chat")
    say(page, "plot the request rate of qwen2-7b")
    expect(page.locator(".reply").last.locator("canvas")).to_be_visible()
    say(page, "谁在占用 gpu-07 的显存")
    expect(page.locator(".reply").last.get_by_role("table").first).to_be_visible()
    say(page, "把 bge-m3 扩到 4 个副本")
    reply = page.locator(".reply").last
    expect(reply.get_by_text("--replicas=4")).to_be_visible()
    reply.get_by_role("button").last.click()
    page.get_by_role("dialog").get_by_role("button").last.click()
    page.wait_for_url("**/incidents/inc-*")
    opened = room.rig.ledger.incidents.get(page.url.rsplit("/", 1)[1])
    assert opened.opened_by == "ticket"
    page.go_back()
    settle(page)
    page.locator(".chat-list a").nth(1).click()
    expect(page.locator(".talk").get_by_text("谁在占用 gpu-07 的显存").first).to_be_visible()


def say(page: Page, text: str) -> None:
    settle(page)
    count = page.locator(".reply").count()
    page.locator(".composer textarea").fill(text)
    page.get_by_role("button", name=re.compile("^(Send|发送)$")).click()
    expect(page.locator(".reply")).to_have_count(count + 1)
    expect(page.get_by_role("button", name=re.compile("^(Send|发送)$"))).to_be_enabled(timeout=20_000)


def test_case_is_accepted_files_are_taken_in_and_detectors_searched_in_chinese(room: Showroom, guests: Guests) -> None:
    visitor = guests.enter("max", locale="zh-CN", color_scheme="dark")
    page = visitor.go(f"/knowledge/lessons/{room.lesson}")
    page.get_by_role("button", name="采纳", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="采纳", exact=True).click()
    page.wait_for_url("**/knowledge/cases/gateway-forgets-its-upstream")
    expect(page.get_by_role("heading", name="网关忘记了上游")).to_be_visible()
    page = visitor.go("/knowledge/import")
    settle(page)
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="选择文件").click()
    choosing.value.set_files(
        [
            FilePayload(
                name="runbook.md", mimeType="text/markdown", buffer=b"# Walks\n\nTurn the gateway's tap twice.\n"
            ),
            FilePayload(name="broken.json", mimeType="application/json", buffer=b'{"id": '),
        ]
    )
    expect(page.get_by_text(word("knowledge.import_chosen", Language.ZH, count=2))).to_be_visible()
    page.get_by_role("button", name="开始导入").click()
    expect(page.get_by_text("runbook.md")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("broken.json")).to_be_visible()
    page = visitor.go("/detectors")
    settle(page)
    page.get_by_label("搜索编号、标题或说明", exact=True).last.fill("container-oomkilled")
    expect(page.locator("main table.rows tbody tr")).to_have_count(1)
    page.locator("main table.rows a").first.click()
    page.wait_for_url("**/detectors/container-oomkilled")


def test_desk_is_frozen_and_thawed_and_the_audit_says_so(room: Showroom, guests: Guests) -> None:
    visitor = guests.enter("max")
    page = visitor.go("/settings")
    page.get_by_role("button", name="Freeze").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("the storage is being moved")
    dialog.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("the storage is being moved")).to_be_visible()
    assert [one.cluster for one in room.rig.ledger.switches.list()] == ["*"]
    page.get_by_role("button", name="Thaw").click()
    page.get_by_role("dialog").get_by_role("button", name="Thaw").click()
    expect(page.get_by_text("the storage is being moved")).to_have_count(0)
    page = visitor.go("/audit")
    page.get_by_role("button", name="Check the chain").click()
    expect(page.get_by_text("The chain is whole")).to_be_visible()
    expect(page.get_by_text("unfreeze").or_(page.get_by_text("thaw")).first).to_be_visible()
    page = visitor.go("/reports")
    expect(page.locator("canvas").first).to_be_visible()
    expect(visitor.go("/desk").get_by_role("heading", level=1)).to_be_visible()


def test_two_tabs_show_the_same_and_one_session_ends_both(room: Showroom, guests: Guests) -> None:
    one = incident_of(room.rig.ledger, "tabs", service="tabbed", summary="tabbed answers nothing")
    visitor = guests.enter("rui")
    first = visitor.go(f"/incidents/{one.id}")
    second = first.context.new_page()
    second.goto(first.url)
    first.get_by_role("button", name="Take it").click()
    expect(second.get_by_text("assigned to rui").first).to_be_visible()
    assert room.rig.ledger.incidents.get(one.id).assignee == "rui"
    second.get_by_role("button", name="Sign out", exact=True).click()
    expect(second).to_have_url(re.compile(r"/sign-in"), timeout=15_000)
    # Nobody presses anything on the first one: it notices by itself, within its next look at the session.
    expect(first).to_have_url(re.compile(r"/sign-in\?"), timeout=30_000)
    assert room.rig.ledger.incidents.list(Scope(), text=one.id)[0].status != "closed"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A real desk on a port that it comes back to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with office(tmp_path_factory.mktemp("walked-office"), extra={"web": {"port": port}}) as opened:
        yield opened


@pytest.mark.timeout(240)
def test_alert_is_diagnosed_approved_and_verified_under_the_eyes_of_an_approver(
    place: Office, chromium: Browser
) -> None:
    context = chromium.new_context(viewport=DESKTOP, locale="zh-CN", color_scheme="dark")  # type: ignore[arg-type]
    visitor = Visitor(context, place.desk.url)
    page = visitor.sign_in(place.tokens["alice"])
    told = place.cluster.call("POST", "/practice/faults/bad_image_rollout")
    incident_id = place.send_alert(alert_of(told))
    page.locator(f"a[href='/incidents/{incident_id}']").first.click(timeout=30_000)
    approve = page.get_by_role("button", name="批准", exact=True)
    expect(approve).to_be_visible(timeout=60_000)
    approve.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("sha256:").first).to_be_visible()
    dialog.get_by_role("button", name="批准", exact=True).click()
    expect(page.locator("[class*=exec-]").first).to_be_visible(timeout=30_000)
    expect(page.locator(".out-done").first).to_be_visible(timeout=30_000)
    place.wait_for_status(incident_id, "resolved")
    expect(page.locator(".status-resolved, .pill", has_text="已解决").first).to_be_visible(timeout=20_000)
    visitor.check()
    context.close()


@pytest.mark.timeout(240)
def test_page_says_that_the_desk_is_gone_and_comes_back_with_what_was_said(place: Office, chromium: Browser) -> None:
    context = chromium.new_context(viewport=PHONE, locale="en-GB", color_scheme="light")  # type: ignore[arg-type]
    visitor = Visitor(context, place.desk.url)
    visitor.sign_in(place.tokens["alice"])
    page = visitor.go("/chat")
    say(page, "what waits for my approval")
    page.locator(".composer textarea").fill("why is the gateway slow")
    page.keyboard.press("Enter")
    expect(page.locator(".talk").get_by_text("why is the gateway slow")).to_be_visible()
    place.kill()
    expect(page.locator("#popup")).to_have_attribute("aria-hidden", "false", timeout=20_000)
    place.restart()
    expect(page.locator("#popup[aria-hidden=false]")).to_have_count(0, timeout=40_000)
    settle(page)
    conversations = place.get("/chat/conversations")
    page.goto(f"{place.desk.url}/chat?c={conversations[0]['id']}")
    expect(page.locator(".talk").get_by_text("what waits for my approval", exact=True)).to_be_visible()
    say(page, "what waits for my approval")
    visitor.complaints = [one for one in visitor.complaints if not LOST.search(one)]  # while nobody listened
    visitor.check()
    context.close()
