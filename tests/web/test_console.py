"""The console as a whole: what every page forbids, escapes and says, in both languages; what each role is offered."""

from __future__ import annotations

import re

import pytest

from api.web.console.incident_page import FLOW
from api.web.console.rendering import visible
from api.web.words import WORDS
from knowledge.vocabulary import (
    AlertFate,
    ApprovalStatus,
    CaseKind,
    Decision,
    ExecutionStatus,
    IncidentStatus,
    ReversalKind,
    Role,
    Ruling,
    Scope,
    Severity,
    StepOutcome,
    Verdict,
)
from tests.web.conftest import Rig
from tests.web.pages import drawn, looked, signed_in
from tests.web.story import HOSTILE, finish, whole_story


def paths_of(rig: Rig) -> list[str]:
    """Every page that shows what came from outside, with a whole story in it, hostile wherever the outside may be."""
    story = whole_story(rig.ledger)
    ended = whole_story(rig.ledger, key="ended", service="bge-m3")
    finish(rig.ledger, ended, outcome="same")
    for one in (story, ended):
        rig.ledger.incidents.update(one.incident.id, title=HOSTILE)
    return [
        f"/incidents/{story.incident.id}",
        f"/incidents/{ended.incident.id}",
        f"/evidence/{story.evidence[2].id}",
        "/incidents?status=",
        "/approvals",
    ]


async def test_every_page_forbids_foreign_requests_frames_and_scripts_that_the_server_did_not_write(rig: Rig) -> None:
    browser = await signed_in(rig, "rui")
    for path in [*paths_of(rig), "/tickets/new", "/knowledge", "/sign-in", "/nowhere"]:
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        scripts = re.search(r"script-src ([^;]+);", policy)
        assert "default-src 'none'" in policy
        assert scripts
        assert "unsafe-inline" not in scripts[1]
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        page = drawn(answer)
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page), path
        assert "<script>" not in page
        assert " style=" not in page
        assert not re.findall(r" on\w+=", page)
        nonce = re.search(r"'nonce-([^']+)'", policy)
        written = re.findall(r"<script([^>]*)>", answer.text) if nonce else []
        assert all(f'nonce="{nonce[1]}"' in one for one in written if nonce), path


async def test_hostile_text_is_escaped_and_its_tricks_are_made_visible(rig: Rig) -> None:
    paths = paths_of(rig)
    browser = await signed_in(rig, "rui")
    for path in paths:
        answer = await browser.get(path)
        text = drawn(answer)
        assert "&lt;script&gt;" in text, path
        assert "<script>alert" not in text
        assert "⟨ESC⟩[31m" in text
        assert "⟨U+202E⟩gnp.exe⟨U+200B⟩" in text
        assert not set(answer.text) & {"\x1b", "\u202e", "\u200b"}
        assert "<script>alert" not in answer.text


async def test_hostile_words_in_the_address_are_escaped_too(rig: Rig) -> None:
    browser = await signed_in(rig, "rui")
    words = '"><script>x`${y}'
    for path in ("/incidents", "/knowledge", "/sign-in", "/tickets/new"):
        given = dict.fromkeys(("text", "q", "service", "cluster", "namespace"), words) | {"next": f"/{words}"}
        answer = await browser.get(path, params=given)
        assert "<script>x" not in answer.text
        assert "${y}" not in answer.text


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


async def test_viewer_is_offered_nothing_to_press_and_refused_what_they_post(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    ended = whole_story(rig.ledger, key="ended", service="bge-m3")
    finish(rig.ledger, ended, outcome="same")
    vera = await signed_in(rig, "vera")
    for path in ("/approvals", f"/incidents/{story.incident.id}", f"/incidents/{ended.incident.id}"):
        page = await looked(vera, path)
        assert page.buttons_outside("chat-place") == [], f"{path}: asking is a reader's right, nothing else is offered"
        assert set(re.findall(r'action="([^"]+)"', page.html)) <= {"/sign-out", "/incidents"}
    refused = await vera.get("/tickets/new")
    assert (refused.status_code, "lacks the role responder" in refused.text) == (403, True)
    async with rig.client("vera") as api:
        vote = {"decision": "approve", "digest": story.review.digest}
        answers = [
            await api.post(f"/api/v1/approvals/{story.approval.id}", json=vote),
            await api.post(f"/api/v1/incidents/{story.incident.id}/close", json={"reason": "x"}),
        ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "lacks the role" in answers[0].json()["detail"]
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


async def test_page_outside_the_scope_is_not_found(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.person("ola", Role.VIEWER, scope=Scope(namespaces=("training",)))
    ola = await signed_in(rig, "ola")
    for path in (f"/incidents/{story.incident.id}", f"/evidence/{story.evidence[0].id}", "/incidents/inc-none"):
        answer = await ola.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert story.incident.title not in answer.text


async def test_empty_list_teaches_what_to_do_first(rig: Rig) -> None:
    rui = await signed_in(rig, "rui")
    page = drawn(await rui.get("/incidents"))
    assert "opsdesk source add alertmanager" in page
    assert "make demo" in page


@pytest.mark.parametrize(
    ("accepted", "words"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "事件"), ("en-GB", "Incidents"), ("fr, zh;q=0.5", "事件"), ("", "Incidents")],
)
async def test_language_follows_the_browser_until_it_is_chosen(rig: Rig, accepted: str, words: str) -> None:
    vera = await signed_in(rig, "vera")
    vera.headers["Accept-Language"] = accepted
    assert f">{words}</h1>" in drawn(await vera.get("/incidents"))
    chosen = await vera.get("/language/zh", params={"next": "/incidents"})
    assert chosen.headers["location"] == "/incidents"
    assert ">事件</h1>" in drawn(await vera.get("/incidents"))


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_renders_in_both_languages_and_says_what_is_frozen(rig: Rig, language: str) -> None:
    rig.ledger.switches.freeze("*", "ada", "release day")
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    ana = await signed_in(rig, "ana")
    await ana.get(f"/language/{language}")
    for path in ("/incidents", f"/incidents/{story.incident.id}", "/approvals", "/knowledge?q=oom"):
        answer = await ana.get(path)
        assert answer.status_code == 200, answer.text
        assert "release day" in drawn(answer)


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
        "case_kind": CaseKind,
        "stage": FLOW,
    }
    missing = [f"{group}.{one}" for group, values in closed.items() for one in values if f"{group}.{one}" not in WORDS]
    assert missing == []
    assert [key for key, text in WORDS.items() if not text.en.strip() or not text.zh.strip()] == []
    for key, text in WORDS.items():
        assert sorted(re.findall(r"\{\w+\}", text.en)) == sorted(re.findall(r"\{\w+\}", text.zh)), key


def test_templates_name_only_words_that_there_are() -> None:
    from api.web.console.rendering import HERE

    for template in (HERE / "templates").glob("*.html"):
        for key in re.findall(r"'(\w+\.\w+)' \| word", template.read_text(encoding="utf-8")):
            assert key in WORDS, f"{template.name}: {key}"
