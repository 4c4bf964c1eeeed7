"""What a browser may send besides presses: files, whoever sends them, however many and however large."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from nicegui import ui

from api.chat_text import readable
from api.web import lore
from api.web.console.rendering import _markdown
from api.web.console.talk import MOST_FILES
from api.web.scoping import narrowed
from knowledge.vocabulary import Scope
from tests.web.conftest import BODY_BYTES, Rig
from tests.web.pages import Looked, looked, signed_in


def upload_of(page: Looked) -> str:
    found = next(one for one in page.client.elements.values() if isinstance(one, ui.upload))
    return str(found._registered_url)


async def send(browser: httpx.AsyncClient, url: str, name: str = "a.log", body: bytes = b"x" * 10) -> httpx.Response:
    answer = await browser.post(url, files={"file": (name, body)})
    await asyncio.sleep(0.02)  # what a file begins goes on in a task of the page
    return answer


async def test_file_for_anothers_page_is_not_taken(rig: Rig) -> None:
    page = await looked(await signed_in(rig, "ada"), "/knowledge/import")
    url = upload_of(page)
    vera = await signed_in(rig, "vera")
    for stranger in (rig.client(), vera):
        answer = await send(stranger, url)
        assert answer.status_code in {401, 403, 404}, answer.status_code
    assert "1 chosen" not in page.html


async def test_file_is_not_taken_when_the_session_has_ended_or_another_site_sends_it(rig: Rig) -> None:
    browser = await signed_in(rig, "ada")
    page = await looked(browser, "/knowledge/import")
    url = upload_of(page)
    foreign = await browser.post(
        url, files={"file": ("a", b"x")}, headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code in {401, 403}
    rig.ledger.browser_sessions.end_all("ada", actor="test")
    assert (await send(browser, url)).status_code in {401, 403}
    assert "1 chosen" not in page.html


async def test_more_files_than_are_taken_are_not_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lore, "MOST_FILES", 3)
    monkeypatch.setattr(lore, "MOST_UPLOAD_BYTES", BODY_BYTES)
    browser = await signed_in(rig, "ada")
    page = await looked(browser, "/knowledge/import")
    for name in ("../../etc/passwd", "b\x00.md", "c" * 5_000, "d.md", "e.md"):
        assert (await send(browser, upload_of(page), name)).status_code in {200, 400}
    assert "4 chosen" not in page.html
    assert (await send(browser, upload_of(page), body=b"x" * (BODY_BYTES + 1))).status_code == 413


async def test_chat_takes_few_files(rig: Rig) -> None:
    browser = await signed_in(rig, "rui")
    page = await looked(browser, "/chat")
    for number in range(MOST_FILES + 3):
        await send(browser, upload_of(page), f"file-{number}.log")
    assert f"file-{MOST_FILES - 1}.log" in page.html
    assert f"file-{MOST_FILES}.log" not in page.html


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "*a " * 30_000, "`" * 50_000, "> " * 20_000, "- " * 20_000, "![" * 30_000, "_a" * 40_000,
     "<" * 50_000, "[a](" * 20_000, "&" * 50_000, "|a" * 20_000 + "\n" + "|-" * 20_000, "\\" * 50_000],
)  # fmt: skip
def test_markdown_of_whatever_shape_is_drawn_in_bounded_time(text: str) -> None:
    began = time.perf_counter()
    _markdown(text)
    assert time.perf_counter() - began < 3.0


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("[x](javascript:alert(1))", 'href="javascript'),
        ("[x](JaVaScRiPt&#58;alert(1))", 'href="java'),
        ("[x](data:text/html;base64,PHNjcmlwdD4=)", 'href="data'),
        ("<javascript:alert(1)>", 'href="javascript'),
        ("<img src=x onerror=alert(1)>", "<img"),
        ("![x](https://evil.test/p.png)", "<img"),
        ("[x](vbscript:x)", 'href="vbscript'),
        ("[a]: javascript:alert(1)\n\n[a]", 'href="javascript'),
        ('```"><script>\nx\n```', "<script"),
        ('[x](https://a.test "onmouseover=alert(1)")\n<svg/onload=1>', "<svg"),
    ],
)
def test_markdown_runs_nothing(text: str, never: str) -> None:
    assert never not in str(_markdown(text)).lower()


@pytest.mark.parametrize("piece", ["\x1b]", "\x1b[", "\x1b]a\x1b", "A/", "Pod/a", "-n ", "--namespace ", "a-", "a."])
def test_words_of_whatever_shape_are_read_in_bounded_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    began = time.perf_counter()
    readable(text)
    narrowed({"title": text[:60_000] + " x"}, Scope(namespaces=("serving",)), "prod", frozenset({"vault"}))
    assert time.perf_counter() - began < 3.0


async def test_pages_that_nobody_connects_to_go_away(rig: Rig) -> None:
    from nicegui.client import Client

    browser = await signed_in(rig, "vera")
    before = set(Client.instances)
    for _ in range(5):
        await browser.get("/incidents")
    fresh = set(Client.instances) - before
    assert len(fresh) == 5
    Client.prune_instances(client_age_threshold=0.0)
    assert not fresh & set(Client.instances)
