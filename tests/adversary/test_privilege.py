"""Acts by who may not: through another face of oneself, through pages that were opened when one still might."""

from __future__ import annotations

import asyncio

import pytest

from api.web import lore
from knowledge.errors import NotAuthorised
from knowledge.vocabulary import Role, Scope
from tests.web.conftest import Rig
from tests.web.pages import Looked, looked, signed_in
from tests.web.story import whole_story
from tests.web.test_scopes import render_case_for


@pytest.mark.parametrize(("proposer", "accepter"), [("rui", "rui2"), ("rui2", "rui"), ("rui3", "rui2")])
def test_case_is_not_accepted_by_its_proposer_under_another_name(rig: Rig, proposer: str, accepter: str) -> None:
    for name in ("rui2", "rui3"):
        rig.person(name, Role.VIEWER, Role.RESPONDER, person="rui")
    people = {name: rig.ledger.principals.by_id(name) for name in ("rui", "rui2", "rui3")}
    lesson = lore.propose(rig.desk, people[proposer], lore.CaseOrder(markdown=render_case_for("trainer")))
    with pytest.raises(NotAuthorised):
        lore.decide(rig.desk, people[accepter], lesson.id, lore.LessonDecision(decision="accept"))
    assert rig.ledger.lessons.get(lesson.id).status == "proposed"


def test_case_of_services_outside_is_not_accepted_nor_replaced(rig: Rig) -> None:
    """What the desk knows of a service steers what it proposes for it: a matter of who has that service."""
    rig.person("sue", Role.VIEWER, Role.RESPONDER, scope=Scope(services=("qwen2-*",)))
    sue, rui = rig.ledger.principals.by_id("sue"), rig.ledger.principals.by_id("rui")
    lesson = lore.propose(rig.desk, rui, lore.CaseOrder(markdown=render_case_for("trainer")))
    with pytest.raises(NotAuthorised):
        lore.decide(rig.desk, sue, lesson.id, lore.LessonDecision(decision="accept"))
    mine = lore.propose(rig.desk, rui, lore.CaseOrder(markdown=render_case_for("qwen2-7b")))
    edited = lore.LessonDecision(decision="accept", markdown=render_case_for("trainer"))
    with pytest.raises(NotAuthorised):  # edited into another's on the way
        lore.decide(rig.desk, sue, mine.id, edited)
    admin = rig.ledger.principals.by_id("rui")
    theirs = lore.propose(
        rig.desk, rig.person("rex", Role.VIEWER, Role.RESPONDER), lore.CaseOrder(markdown=render_case_for("trainer"))
    )
    lore.decide(rig.desk, admin, theirs.id, lore.LessonDecision(decision="accept"))
    with pytest.raises(NotAuthorised):  # the same id, for another service
        lore.decide(rig.desk, sue, mine.id, lore.LessonDecision(decision="accept"))


async def test_open_audit_page_shows_nothing_to_who_is_no_admin_of_the_site_any_more(rig: Rig) -> None:
    browser = await signed_in(rig, "ada")
    page = await looked(browser, "/audit")
    rig.ledger.principals.set_roles("ada", [Role.ADMIN], Scope(namespaces=("serving",)), actor="test")
    rig.ledger.audit.append("somebody", "secret.verb", "a-secret-subject", {})
    filter_by(page, "verb", "secret.verb")
    await settle()
    assert "a-secret-subject" not in page.html


async def test_open_list_shows_nothing_beyond_a_scope_that_was_narrowed(rig: Rig) -> None:
    rig.person("sam", Role.VIEWER)
    whole_story(rig.ledger)
    browser = await signed_in(rig, "sam")
    page = await looked(browser, "/incidents")
    assert "qwen2-7b" in page.html
    rig.ledger.principals.set_roles("sam", [Role.VIEWER], Scope(namespaces=("training",)), actor="test")
    filter_by(page, "text", "replica")
    await settle()
    assert "qwen2-7b has no ready" not in page.html


def filter_by(page: Looked, name: str, value: str) -> None:
    found = next(one for one in page.client.elements.values() if one.props.get("data-filter") == name)
    found.set_value(value)  # type: ignore[attr-defined]


async def settle() -> None:
    """What a press began has ended: it goes on in tasks of the page."""
    for _ in range(25):
        await asyncio.sleep(0.02)
