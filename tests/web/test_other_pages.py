"""Knowledge, detectors, desk, reports, audit, health and chat in the console: who sees what, and what is escaped."""

from __future__ import annotations

import pytest

from knowledge.vocabulary import Lesson, Role, Scope
from tests.web.conftest import Rig
from tests.web.pages import drawn, looked, signed_in
from tests.web.story import HOSTILE, finish, incident_of, whole_story
from tests.web.test_lessons import CASE

PAGES = (
    "/incidents",
    "/approvals",
    "/chat",
    "/desk",
    "/knowledge",
    "/knowledge?tab=documents",
    "/knowledge?tab=lessons",
    "/knowledge?q=gpu",
    "/knowledge/propose",
    "/knowledge/import",
    "/detectors",
    "/reports",
    "/reports?name=accuracy&since=7d",
    "/audit",
    "/settings",
    "/tickets/new",
)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_stands_in_both_languages_when_nothing_has_happened(rig: Rig, language: str) -> None:
    rig.person("max", *Role)
    browser = await signed_in(rig, "max")
    browser.cookies.set("opsdesk_language", language)
    for path in PAGES:
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in answer.text, path
        page = drawn(answer)
        assert page.count("<h1") == 1, path
        assert 'id="main"' in page


async def test_pages_forbid_scripts_that_the_server_did_not_write(rig: Rig) -> None:
    browser = await signed_in(rig, "rui")
    first, second = [(await browser.get("/desk")).headers["content-security-policy"] for _ in range(2)]
    assert "script-src 'self' 'nonce-" in first
    assert "'unsafe-inline'" not in first.split("script-src")[1].split(";")[0]
    assert first != second
    assert "default-src 'none'" in first
    assert "frame-ancestors 'none'" in first


async def test_hostile_text_is_escaped_and_spelled_out_on_every_page_that_tells_of_it(rig: Rig) -> None:
    rig.person("max", *Role)
    story = whole_story(rig.ledger)
    rig.ledger.incidents.update(story.incident.id, title=HOSTILE)
    rig.ledger.audit.append("mallory", "note.add", HOSTILE, {"said": HOSTILE})
    rig.ledger.switches.freeze("*", "max", HOSTILE)
    markdown = CASE.replace("The reload drops the upstream list.", f"Because {HOSTILE}")
    rig.ledger.lessons.propose(
        Lesson(id="les-1", proposed_by="rui", case_id="x", markdown=markdown, created_at=story.incident.opened_at)
    )
    conversation = rig.ledger.conversations.open("max", HOSTILE, "web")
    rig.ledger.conversations.say(conversation.id, "person", "max", HOSTILE)
    rig.ledger.conversations.say(
        conversation.id, "desk", "max", HOSTILE, {"blocks": [{"block": "said", "text": HOSTILE}]}
    )
    browser = await signed_in(rig, "max")
    for path in ("/desk", "/audit", "/settings", "/knowledge/lessons/les-1", f"/chat?c={conversation.id}"):
        answer = await browser.get(path)
        assert "<script>alert" not in answer.text, path
        page = drawn(answer)
        assert "<script>alert" not in page, path
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert "⟨ESC⟩" in page or "⟨U+001B⟩" in page, path


async def test_audit_and_checks_are_a_site_admins_alone(rig: Rig) -> None:
    rig.person("lim", Role.ADMIN, scope=Scope(clusters=("prod",), namespaces=("serving",)))
    for name, status in (("vera", 403), ("ana", 403), ("lim", 403), ("ada", 200)):
        browser = await signed_in(rig, name)
        assert (await browser.get("/audit")).status_code == status, name
        settings = drawn(await browser.get("/settings"))
        assert ("Every setting" in settings) == (status == 200), name
        assert ('class="button stop"' in settings) == (name in {"lim", "ada"}), name


async def test_audit_is_narrowed_by_what_is_typed_and_its_chain_checked_at_a_press(rig: Rig) -> None:
    rig.ledger.audit.append("mallory", "note.add", "elsewhere", {})
    page = await looked(await signed_in(rig, "ada"), "/audit")
    assert "mallory" in page.html
    page.fill("Who", "ada")
    await page.settled()
    await page.press("Check the chain")
    assert "The chain is whole" in page.html


async def test_freeze_asks_for_its_reason_and_thaws_again(rig: Rig) -> None:
    page = await looked(await signed_in(rig, "ada"), "/settings")
    await page.press("Freeze", "Freeze")
    assert rig.ledger.switches.list() == []
    page.fill("Reason", "the storage is being moved")
    await page.press("Freeze")
    assert [one.reason for one in rig.ledger.switches.list()] == ["the storage is being moved"]
    assert "the storage is being moved" in page.html
    await page.press("Thaw", "Thaw")
    assert rig.ledger.switches.list() == []


async def test_case_is_proposed_by_one_and_accepted_by_another_on_the_page(rig: Rig) -> None:
    rig.person("rob", Role.RESPONDER)
    page = await looked(await signed_in(rig, "rui"), "/knowledge/propose")
    page.fill("The case", "no case at all")
    await page.press("Propose it")
    assert "front matter" in page.said[-1]
    page.fill("The case", CASE)
    await page.press("Propose it")
    assert page.said[-1] == "-> /knowledge?tab=lessons"
    (lesson,) = rig.ledger.lessons.list()
    own = await looked(await signed_in(rig, "rui"), f"/knowledge/lessons/{lesson.id}")
    await own.press("Accept", "Accept")
    assert "your own proposal" in own.said[-1]
    other = await looked(await signed_in(rig, "rob"), f"/knowledge/lessons/{lesson.id}")
    await other.press("Accept", "Accept")
    assert other.said[-1] == "-> /knowledge/cases/gateway-forgets-its-upstream"
    assert rig.desk.library.case_markdown("gateway-forgets-its-upstream") is not None


async def test_viewer_reads_a_proposal_and_is_offered_nothing(rig: Rig) -> None:
    rig.ledger.lessons.propose(
        Lesson(id="les-1", proposed_by="rui", case_id="x", markdown=CASE, created_at=incident_of(rig.ledger).opened_at)
    )
    browser = await signed_in(rig, "vera")
    page = await looked(browser, "/knowledge/lessons/les-1")
    assert page.buttons == []
    assert "drops the upstream list" in page.html
    assert (await browser.get("/knowledge/propose")).status_code == 403
    assert (await browser.get("/knowledge/import")).status_code == 403


async def test_desk_shows_mine_nobodys_and_what_is_late(rig: Rig) -> None:
    mine = incident_of(rig.ledger, "mine", service="bge-m3", summary="bge-m3 is slow")
    incident_of(rig.ledger, "far", namespace="training", service="finetune", summary="finetune stands still")
    rig.ledger.incidents.assign(mine.id, "rui", "rui")
    page = drawn(await (await signed_in(rig, "rui")).get("/desk"))
    own, nobodys = page.split("Nobody&#39;s")[0], page.split("Nobody&#39;s")[1]
    assert "bge-m3 is slow" in own
    assert "finetune stands still" in nobodys
    rig.person("near", Role.RESPONDER, scope=Scope(namespaces=("serving",)))
    assert "finetune" not in drawn(await (await signed_in(rig, "near")).get("/desk"))


async def test_conversation_of_somebody_else_is_not_found(rig: Rig) -> None:
    conversation = rig.ledger.conversations.open("rui", "is it slow", "web")
    assert (await (await signed_in(rig, "rui")).get(f"/chat?c={conversation.id}")).status_code == 200
    assert (await (await signed_in(rig, "vera")).get(f"/chat?c={conversation.id}")).status_code == 404
    assert (await (await signed_in(rig, "vera")).get("/chat?c=no%20id")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/knowledge/cases/none", "/knowledge/documents/none", "/knowledge/lessons/none", "/detectors/none", "/x"]
)
async def test_page_that_is_not_there_says_so_with_its_status(rig: Rig, path: str) -> None:
    answer = await (await signed_in(rig, "rui")).get(path)
    assert answer.status_code == 404
    assert "That did not work" in answer.text


async def test_stale_address_still_shows_its_page(rig: Rig) -> None:
    finish(rig.ledger, whole_story(rig.ledger), outcome="same")
    browser = await signed_in(rig, "rui")
    for path in (
        "/incidents?severity=dreadful&status=odd&before=garbage",
        "/knowledge?tab=odd&kind=odd&layer=odd",
        "/detectors?layer=odd&kind=odd",
        "/reports?name=odd&since=odd",
    ):
        assert (await browser.get(path)).status_code == 200, path
