"""What the desk draws fits Slack's limits, and nothing in it is ever read by Slack as its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.messengers.chat_message import Reply
from api.messengers.incident_message import Found, catch_up_message, diagnosis_message, incident_message, story_message
from api.messengers.links import Links
from api.messengers.message import (
    Button,
    Buttons,
    Code,
    Entry,
    Fact,
    Facts,
    Form,
    Heading,
    Message,
    Note,
    Paragraph,
    Piece,
    Rule,
)
from api.messengers.review_message import confirmation_pieces, review_message
from api.slack.drawing import message_body, view_body
from api.slack.escaping import fitted
from api.web.reviewed import Proposal, view_of
from evals.safety.injection import instructions
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Language, Scope, Text, TimelineEntry
from tests.fakes.slack_blocks import controls, flaws, seen, text_objects, view_flaws
from tests.slack.conftest import ledger_url
from tests.web.story import HOSTILE, whole_story

LINKS = Links("https://desk.test")
TRICKS = (
    "<!everyone> <!channel> <!here> @channel @here @everyone",
    "<@U1RUI> <#C0OPS> <!subteam^S1>",
    "<https://evil.example|the console>",
    "*Approved* by _ana_ ~no~ `x` ```y```",
    "&lt;!channel&gt; &amp;",
    "\x1b[31mred\x1b[0m \u202egnp.exe\u202c \u200b\u2066",
    "```\n*out of the box*",
    "<!date^1^{date}|x>",
    HOSTILE,
    *(one.text for one in instructions()),
)


def is_harmless(payload: dict[str, Any]) -> None:
    """No control sequence in any text object, none in the text, and no raw trick of characters anywhere."""
    for one in text_objects(payload.get("blocks", [])):
        assert one["type"] == "plain_text"
        assert controls(one["text"]) == []
        assert one.get("emoji") is False
    assert controls(payload.get("text", "")) == []
    for word in ("@channel", "@here", "@everyone"):
        assert word not in payload.get("text", "")
    told = json.dumps(_shown(payload), ensure_ascii=False)
    assert not set(told) & set("\x1b\u202e\u202c\u2066\u200b\u2028")
    for block in payload.get("blocks", []):
        for part in block.get("elements", []) if block["type"] == "rich_text" else []:
            for element in part["elements"]:
                assert element["type"] in {"text", "link", "date"}
                if element["type"] == "link":
                    assert element["url"].startswith("https://desk.test/")


def _shown(value: Any) -> Any:
    """Without what buttons and forms carry: nobody sees it, it comes back as it was."""
    if isinstance(value, dict):
        return {key: _shown(part) for key, part in value.items() if key not in {"value", "private_metadata"}}
    return [_shown(part) for part in value] if isinstance(value, list) else value


def everything_says(text: str) -> Message:
    pieces: tuple[Piece, ...] = (
        Heading(text=text),
        Paragraph(text=text, tone="bad"),
        Facts(facts=(Fact(label=text, value=text), Fact(label=text, value=text, link=LINKS.home))),
        Code(title=text, text=text),
        Note(text=text),
        Buttons(buttons=(Button(label=text, does="say", value=text), Button(label=text, does="look", link=LINKS.home))),
    )
    return Message(pieces=pieces, plain=text, link=LINKS.home, more="{count} more: {link}")


@pytest.mark.parametrize("text", TRICKS)
def test_planted_text_stays_text_wherever_it_stands(text: str) -> None:
    body = message_body(everything_says(text))
    assert flaws(body["blocks"], "message") == []
    is_harmless(body)
    form = Form(title=text, pieces=everything_says(text).pieces[:-1], close=text, submit=text, link=LINKS.home)
    view = view_body(form)
    assert view_flaws(view) == []
    is_harmless(view)


@pytest.mark.parametrize("text", TRICKS)
def test_planted_text_stays_text_in_everything_about_an_incident(
    text: str, ledger_template: Path, tmp_path: Path
) -> None:
    with Ledger.open(ledger_url(ledger_template, tmp_path), lambda: datetime.now(UTC)) as ledger:
        story = whole_story(ledger, summary=text or "x")
        incident = ledger.incidents.get(story.incident.id).model_copy(update={"reason": text, "assignee": text})
        diagnosis = ledger.diagnoses.latest(incident.id)
        assert diagnosis is not None
        diagnosis = diagnosis.model_copy(update={"summary": Text(en=text, zh=text)})
        evidence = [one.model_copy(update={"text": text, "source": text}) for one in story.evidence]
        plan = story.plan.model_copy(update={"script": text, "reason": text, "requester": text})
        view = view_of(Proposal(plan, story.review, story.approval, diagnosis), Scope(), datetime.now(UTC))
    found = Found(incident, diagnosis, approval=story.approval)
    entry = TimelineEntry(
        sequence=1, incident_id=incident.id, at=datetime.now(UTC), stage="x", actor=text, summary=Text(en=text, zh=text)
    )
    for language in Language:
        detail = diagnosis_message(found, evidence, language, LINKS)
        assert detail is not None
        for message in (
            incident_message(found, language, LINKS),
            detail,
            story_message([entry], language, LINKS),
            catch_up_message([incident], language, LINKS),
            review_message(view, language, LINKS),
        ):
            body = message_body(message)
            assert flaws(body["blocks"], "message") == []
            is_harmless(body)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400).filter(lambda text: text.strip() != ""))
def test_any_text_is_drawn_within_the_limits_and_harmless(text: str) -> None:
    body = message_body(everything_says(text))
    assert flaws(body["blocks"], "message") == []
    for one in text_objects(body["blocks"]):
        assert controls(one["text"]) == []


@given(st.text(alphabet="<>&ab", max_size=60), st.integers(min_value=2, max_value=40))
def test_cutting_tears_no_entity(text: str, most: int) -> None:
    cut = fitted(text, most)
    assert len(cut) <= most
    rest = cut.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(rest) & set("&<>")


def long_message(pieces: int) -> Message:
    return Message(
        pieces=(
            *(Paragraph(text=f"line {number}") for number in range(pieces)),
            Buttons(buttons=(Button(label="ok", does="look"),)),
        ),
        plain="x",
        link=LINKS.home,
        more="{count} more, in the console: {link}",
    )


def test_message_of_too_many_blocks_says_how_many_more_before_its_buttons() -> None:
    body = message_body(long_message(120))
    assert len(body["blocks"]) <= 50
    assert flaws(body["blocks"], "message") == []
    lines = seen(body).split("\n")
    assert lines[-1] == "[ok]"
    assert lines[-2] == "… 72 more, in the console: https://desk.test/"


def test_message_that_fits_says_nothing_of_more() -> None:
    body = message_body(long_message(48))
    assert "more" not in seen(body)
    assert len(body["blocks"]) == 49


def test_long_code_goes_on_in_the_next_block_without_losing_a_line() -> None:
    text = "\n".join(f"kubectl line {number}" for number in range(400))
    body = message_body(Message(pieces=(Code(text=text),), plain="x"))
    assert flaws(body["blocks"], "message") == []
    assert seen(body) == text


def test_text_of_a_hundred_thousand_characters_is_cut_and_said() -> None:
    body = message_body(Message(pieces=(Paragraph(text="字" * 100_000),), plain="字" * 100_000, link=LINKS.home))
    assert flaws(body["blocks"], "message") == []
    assert len(json.dumps(body, ensure_ascii=False)) < 20_000
    assert "more" in seen(body)


def test_review_of_a_huge_plan_fits_message_and_form(ledger_template: Path, tmp_path: Path) -> None:
    with Ledger.open(ledger_url(ledger_template, tmp_path), lambda: datetime.now(UTC)) as ledger:
        story = whole_story(ledger)
    huge = story.review.steps[0].model_copy(update={"diff": "\n".join(f"+{'x' * 200}{n}" for n in range(2_000))})
    steps = tuple(huge.model_copy(update={"step": huge.step.model_copy(update={"index": n})}) for n in range(40))
    review = story.review.model_copy(update={"steps": steps, "verdicts": story.review.verdicts * 200})
    view = view_of(Proposal(story.plan, review, story.approval, None), Scope(), datetime.now(UTC))
    body = message_body(review_message(view, Language.ZH, LINKS))
    assert flaws(body["blocks"], "message") == []
    assert "[批准…] [拒绝…]" in seen(body)
    assert "还有" in seen(body)
    pieces = confirmation_pieces(view, Language.EN)
    entry = Entry(key="reason", label="Reason")
    form = view_body(
        Form(title="Approve?", pieces=pieces, entries=(entry,), close="Cancel", submit="Approve", link=LINKS.home)
    )
    assert view_flaws(form) == []
    assert "more" in seen(form)


def test_moments_are_drawn_in_the_readers_zone() -> None:
    at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    body = message_body(Message(pieces=(Facts(facts=(Fact(label="Opened", value=at),)),), plain="x"))
    (date,) = [one for one in body["blocks"][0]["elements"][0]["elements"] if one["type"] == "date"]
    assert date["timestamp"] == int(at.timestamp())
    assert date["fallback"] == "2026-11-21 09:00:00 UTC"


def test_every_piece_is_drawn() -> None:
    body = message_body(Message(pieces=(Rule(), Heading(text="h"), Note(text="n")), plain="x"))
    assert seen(body) == "---\nh\nn"


def test_empty_reply_is_still_a_message() -> None:
    reply = Reply(Language.EN, LINKS)
    reply.is_over = True
    assert flaws(message_body(reply.message())["blocks"], "message") == []
