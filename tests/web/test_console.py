"""The console's pages and forms: escaping, forgery, languages, and what each role is offered."""

from __future__ import annotations

import re

import httpx
import pytest

from api.web.console.rendering import visible
from api.web.words import WORDS
from knowledge.vocabulary import (
    AlertFate,
    ApprovalStatus,
    Decision,
    ExecutionStatus,
    IncidentStatus,
    ReversalKind,
    Role,
    Ruling,
    Severity,
    StepOutcome,
    Verdict,
)
from tests.web.conftest import Rig
from tests.web.story import HOSTILE, finish, incident_of, whole_story
from tests.web.test_authentication import sign_in

PLAIN = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


async def signed_in(rig: Rig, name: str) -> httpx.AsyncClient:
    browser = rig.client()
    browser.headers.update(PLAIN)
    await sign_in(browser, rig.tokens[name])
    return browser


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_every_page_forbids_foreign_requests_and_frames(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    browser = await signed_in(rig, "rui")
    pages = [
        "/incidents",
        f"/incidents/{story.incident.id}",
        "/approvals",
        "/tickets/new",
        "/knowledge",
        "/sign-in",
        "/nowhere",
    ]
    for path in pages:
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', answer.text), path
        assert "<script>" not in answer.text
        assert " style=" not in answer.text
        assert not re.findall(r" on\w+=", answer.text)


async def test_hostile_text_is_escaped_and_its_tricks_are_made_visible(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.ledger.incidents.update(story.incident.id, title=HOSTILE)
    browser = await signed_in(rig, "rui")
    for path in (
        f"/incidents/{story.incident.id}",
        f"/incidents/{story.incident.id}/live",
        "/incidents?status=",
        "/approvals",
    ):
        text = (await browser.get(path)).text
        assert "&lt;script&gt;" in text, path
        assert "<script>alert" not in text
        assert "⟨ESC⟩[31m" in text
        assert "⟨U+202E⟩gnp.exe⟨U+200B⟩" in text
        assert not set(text) & {"\x1b", "\u202e", "\u200b"}


async def test_hostile_words_in_the_address_are_escaped_too(rig: Rig) -> None:
    browser = await signed_in(rig, "vera")
    for path in ("/incidents", "/knowledge", "/sign-in"):
        answer = await browser.get(path, params={"text": '"><script>x', "q": '"><script>x', "next": '/"><script>x'})
        assert "<script>x" not in answer.text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain 文字 é", "plain 文字 é"),
        ("two\r\nlines\tand", "two\nlines\tand"),
        ("\rover", "⟨CR⟩over"),
        ("\x1b[2J", "⟨ESC⟩[2J"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("\ufeff\u00ad\U000e0041", "⟨U+FEFF⟩⟨U+00AD⟩⟨U+E0041⟩"),
    ],
)
def test_visible_spells_out_what_an_eye_cannot_see(given: str, shown: str) -> None:
    assert visible(given) == shown


async def test_form_without_or_with_another_sessions_token_is_refused(rig: Rig) -> None:
    one = incident_of(rig.ledger)
    rui, other = await signed_in(rig, "rui"), await signed_in(rig, "rui")
    foreign = csrf_of((await other.get("/incidents")).text)
    for csrf in ("", "x", foreign):
        answer = await rui.post(f"/incidents/{one.id}/close", data={"reason": "gone", "csrf": csrf})
        assert answer.status_code == 403
    assert rig.ledger.incidents.get(one.id).status == "open"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
    ],
)
async def test_form_from_another_site_is_refused_even_with_the_right_token(rig: Rig, headers: dict[str, str]) -> None:
    one = incident_of(rig.ledger)
    rui = await signed_in(rig, "rui")
    csrf = csrf_of((await rui.get("/incidents")).text)
    answer = await rui.post(f"/incidents/{one.id}/close", data={"reason": "gone", "csrf": csrf}, headers=headers)
    assert answer.status_code == 403
    assert rig.ledger.incidents.get(one.id).status == "open"


async def test_approver_approves_on_the_page_and_the_requester_is_not_offered_it(rig: Rig) -> None:
    rig.person("lin", Role.RESPONDER, Role.APPROVER)
    story = whole_story(rig.ledger, requester="lin")
    path = f"/incidents/{story.incident.id}"
    lin, ana = await signed_in(rig, "lin"), await signed_in(rig, "ana")
    assert "/approve" not in (await lin.get(path)).text
    assert "another person has to approve" in (await lin.get(path)).text
    page = (await ana.get(path)).text
    assert f'name="digest" value="{story.review.digest}"' in page
    form = {"csrf": csrf_of(page), "digest": story.review.digest, "reason": ""}
    refused = await ana.post(f"{path}/approvals/{story.approval.id}/reject", data=form)
    assert "a no needs a reason" in (await ana.get(refused.headers["location"])).text
    approved = await ana.post(f"{path}/approvals/{story.approval.id}/approve", data=form)
    assert (approved.status_code, approved.headers["location"]) == (303, path)
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.APPROVED
    assert "Your approval is counted" in (await ana.get(path)).text
    assert "Your approval is counted" not in (await ana.get(path)).text


async def test_responder_handles_an_incident_with_forms(rig: Rig) -> None:
    rui = await signed_in(rig, "rui")
    csrf = csrf_of((await rui.get("/tickets/new")).text)
    opened = await rui.post("/tickets", data={"csrf": csrf, "text": "qwen2-7b is slow", "cluster": "prod"})
    path = opened.headers["location"]
    assert path.startswith("/incidents/inc-")
    await rui.post(f"{path}/assign", data={"csrf": csrf, "assignee": "rui"})
    await rui.post(f"{path}/close", data={"csrf": csrf, "reason": "false alarm"})
    closed = rig.ledger.incidents.get(path.rpartition("/")[2])
    assert (closed.assignee, closed.status, closed.reason) == ("rui", "closed", "false alarm")
    await rui.post(f"{path}/reopen", data={"csrf": csrf, "reason": "it is back"})
    assert rig.ledger.incidents.get(closed.id).status == "open"
    empty = await rui.post("/tickets", data={"csrf": csrf, "text": " ", "cluster": "prod"})
    assert (empty.status_code, "says nothing" in empty.text) == (422, True)
    lost = await rui.post("/tickets", data={"csrf": csrf, "text": "keep my words", "cluster": "moon"})
    assert "no cluster named" in lost.text
    assert ">keep my words</textarea>" in lost.text


async def test_ticket_form_sent_twice_opens_one_incident(rig: Rig) -> None:
    rui = await signed_in(rig, "rui")
    page = (await rui.get("/tickets/new")).text
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    form = {"csrf": csrf_of(page), "key": key[1], "text": "slow", "cluster": "prod"}
    first, again = await rui.post("/tickets", data=form), await rui.post("/tickets", data=form)
    assert first.headers["location"] == again.headers["location"]


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "application/json", "text/plain"]
)
async def test_form_that_is_no_form_is_refused_with_a_page(rig: Rig, kind: str) -> None:
    rui = await signed_in(rig, "rui")
    answer = await rui.post("/tickets", content=b"--y\r\nnonsense\xff", headers={"Content-Type": kind})
    assert answer.status_code in {400, 403}
    assert "Traceback" not in answer.text


async def test_form_is_taken_under_the_public_address_when_a_proxy_rewrites_the_host(rig: Rig) -> None:
    web = rig.desk.settings.web.model_copy(update={"public_url": "https://desk.example"})
    rig.desk.settings = rig.desk.settings.model_copy(update={"web": web})
    one = incident_of(rig.ledger)
    rui = await signed_in(rig, "rui")
    form = {"reason": "gone", "csrf": csrf_of((await rui.get("/incidents")).text)}
    answer = await rui.post(f"/incidents/{one.id}/close", data=form, headers={"Origin": "https://desk.example"})
    assert answer.status_code == 303
    assert rig.ledger.incidents.get(one.id).status == "closed"


async def test_viewer_is_offered_nothing_to_press(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    vera = await signed_in(rig, "vera")
    page = (await vera.get(f"/incidents/{story.incident.id}")).text
    assert set(re.findall(r'action="([^"]+)"', page)) == {"/sign-out"}
    csrf = csrf_of(page)
    answer = await vera.post(f"/incidents/{story.incident.id}/close", data={"csrf": csrf, "reason": "x"})
    assert "lacks the role responder" in (await vera.get(answer.headers["location"])).text


async def test_page_outside_the_scope_is_not_found(rig: Rig) -> None:
    from knowledge.vocabulary import Scope

    story = whole_story(rig.ledger)
    rig.person("ola", Role.VIEWER, scope=Scope(namespaces=("training",)))
    ola = await signed_in(rig, "ola")
    answer = await ola.get(f"/incidents/{story.incident.id}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert story.incident.title not in answer.text


async def test_empty_list_teaches_what_to_do_first(rig: Rig) -> None:
    rui = await signed_in(rig, "rui")
    page = (await rui.get("/incidents")).text
    assert "opsdesk source add alertmanager" in page
    assert "make demo" in page


@pytest.mark.parametrize(
    ("accepted", "words"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "事件"), ("en-GB", "Incidents"), ("fr, zh;q=0.5", "事件"), ("", "Incidents")],
)
async def test_language_follows_the_browser_until_it_is_chosen(rig: Rig, accepted: str, words: str) -> None:
    vera = await signed_in(rig, "vera")
    vera.headers["Accept-Language"] = accepted
    assert f"<h1>{words}</h1>" in (await vera.get("/incidents")).text
    chosen = await vera.get("/language/zh", params={"next": "/incidents"})
    assert chosen.headers["location"] == "/incidents"
    assert "<h1>事件</h1>" in (await vera.get("/incidents")).text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_renders_in_both_languages_at_every_ruling(rig: Rig, language: str) -> None:
    rig.ledger.switches.freeze("*", "ada", "release day")
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    ana = await signed_in(rig, "ana")
    await ana.get(f"/language/{language}")
    for path in ("/incidents", f"/incidents/{story.incident.id}", "/approvals", "/knowledge?q=oom"):
        answer = await ana.get(path)
        assert answer.status_code == 200, answer.text
    assert "release day" in answer.text


async def test_static_files_are_kept_by_digest_and_nothing_else_is_served(rig: Rig) -> None:
    async with rig.client() as browser:
        page = await browser.get("/sign-in")
        address = re.search(r'href="(/static/console.css\?v=[0-9a-f]+)"', page.text)
        assert address
        style = await browser.get(address[1])
        outside = await browser.get("/static/../words.yaml")
        encoded = await browser.get("/static/%2e%2e/app.py")
    assert "immutable" in style.headers["cache-control"]
    assert (outside.status_code, encoded.status_code) == (404, 404)


def test_words_exist_in_both_languages_for_everything_that_can_be_shown() -> None:
    closed = {
        "status": IncidentStatus,
        "severity": Severity,
        "fate": AlertFate,
        "ruling": Ruling,
        "reversal": ReversalKind,
        "approval_status": ApprovalStatus,
        "decision": Decision,
        "execution_status": ExecutionStatus,
        "outcome": StepOutcome,
        "diagnosis": Verdict,
    }
    missing = [f"{group}.{one}" for group, values in closed.items() for one in values if f"{group}.{one}" not in WORDS]
    assert missing == []
    assert [key for key, text in WORDS.items() if not text.en.strip() or not text.zh.strip()] == []
    for key, text in WORDS.items():
        assert re.findall(r"\{\w+\}", text.en) == re.findall(r"\{\w+\}", text.zh), key


def test_templates_name_only_words_that_there_are() -> None:
    from api.web.console.rendering import HERE

    for template in (HERE / "templates").glob("*.html"):
        for key in re.findall(r"'(\w+\.\w+)' \| word", template.read_text(encoding="utf-8")):
            assert key in WORDS, f"{template.name}: {key}"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("outcome", ["better", "same", "worse", "unknown"])
async def test_finished_story_shows_its_execution_verification_and_lesson(
    rig: Rig, language: str, outcome: str
) -> None:
    story = whole_story(rig.ledger)
    execution = finish(rig.ledger, story, outcome=outcome)  # type: ignore[arg-type]
    rui = await signed_in(rig, "rui")
    await rui.get(f"/language/{language}")
    text = (await rui.get(f"/incidents/{story.incident.id}")).text
    assert f"/executions/{execution.id}/undo" in text
    assert "/cancel" not in text
    assert "image-tag-typo-2" in text
    assert "it was the release tool" in text
    assert {"en": "Taken back by", "zh": "回退方式"}[language] in text
    assert f"verify-{outcome}" in text
    assert "<script>alert" not in text
    assert "\x1b" not in text


async def test_undo_and_the_tick_are_asked_for_with_forms(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    execution = finish(rig.ledger, story, outcome="same")
    rui = await signed_in(rig, "rui")
    path = f"/incidents/{story.incident.id}"
    form = {"csrf": csrf_of((await rui.get(path)).text)}
    await rui.post(f"{path}/executions/{execution.id}/undo", data=form)
    assert rig.ledger.executions.get(execution.id).status is ExecutionStatus.UNDO_REQUESTED
    again = await rui.post(f"{path}/plans/{story.plan.id}/manual-steps/0", data=form)
    assert "was ticked by ana" in (await rui.get(again.headers["location"])).text
    said = await rui.post(f"{path}/feedback", data=form | {"verdict": "right", "text": ""})
    assert "it is counted" in (await rui.get(said.headers["location"])).text
