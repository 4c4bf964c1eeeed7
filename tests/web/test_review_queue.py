"""The review queue: what waits for whom, in one look, and why it does not wait for me."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from api.bootstrap import utc_now
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Decision, Role, Ruling, Scope
from tests.web.conftest import Rig
from tests.web.pages import drawn, signed_in
from tests.web.story import incident_of, whole_story

MINE, OTHERS = "For you to decide", "For others"


async def queue_of(rig: Rig, name: str) -> str:
    return drawn(await (await signed_in(rig, name)).get("/approvals"))


async def test_request_shows_its_ruling_its_change_and_the_time_that_is_left(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    page = await queue_of(rig, "ana")
    row = page.split(MINE)[1].split("</tr>")[1]
    assert f'href="/incidents/{story.incident.id}#review"' in row
    assert "ruling-one" in row
    assert '<div class="removed">' in row
    assert "v0.9.0-cu124" in row
    assert "2 pods" in row
    left = re.search(r'<time datetime="([^"]+)" data-when data-until', row)
    assert left
    assert left[1].startswith(f"{story.approval.expires_at:%Y-%m-%dT%H:%M:%S}")
    assert OTHERS not in page


async def test_request_of_ones_own_stands_below_with_why_one_may_not(rig: Rig) -> None:
    rig.person("lin", Role.RESPONDER, Role.APPROVER)
    whole_story(rig.ledger, requester="lin")
    page = await queue_of(rig, "lin")
    assert MINE not in page
    assert "another person has to approve it" in page.split(OTHERS)[1]


async def test_second_approver_is_waited_for_and_the_first_is_told_so(rig: Rig) -> None:
    rig.person("ben", Role.APPROVER)
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    ana = rig.ledger.principals.by_id("ana")
    rig.ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "", story.review.digest)
    assert "you have voted already" in (await queue_of(rig, "ana")).split(OTHERS)[1]
    assert "1 of 2 approvals" in (await queue_of(rig, "ben")).split(MINE)[1]


async def test_viewer_sees_what_waits_and_that_it_is_not_theirs(rig: Rig) -> None:
    whole_story(rig.ledger)
    page = await queue_of(rig, "vera")
    assert "your roles do not include approver" in page
    assert MINE not in page


async def test_request_outside_the_scope_is_not_in_the_queue(rig: Rig) -> None:
    rig.person("ola", Role.APPROVER, scope=Scope(namespaces=("training",)))
    story = whole_story(rig.ledger)
    page = await queue_of(rig, "ola")
    assert story.incident.id not in page
    assert "Nothing waits for approval" in page


async def test_empty_queue_teaches_what_comes_here(rig: Rig) -> None:
    incident_of(rig.ledger)
    page = await queue_of(rig, "ana")
    assert "Nothing waits for approval" in page
    assert "silence is a no" in page


async def test_request_that_ran_out_waits_for_nobody(rig: Rig, tmp_path: Path) -> None:
    story = whole_story(rig.ledger)
    assert story.incident.id in await queue_of(rig, "ana")
    late = utc_now() + timedelta(hours=5)
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", lambda: late) as later:
        later.approvals.expire_due()
    assert "Nothing waits for approval" in await queue_of(rig, "ana")


async def test_queue_keeps_its_order_by_whom_it_waits_for_and_is_read_in_chinese(rig: Rig) -> None:
    rig.person("lin", Role.RESPONDER, Role.APPROVER)
    whole_story(rig.ledger, requester="lin")
    whole_story(rig.ledger, key="d2", service="bge-m3")
    lin = await signed_in(rig, "lin")
    await lin.get("/language/zh")
    page = drawn(await lin.get("/approvals"))
    assert page.index("待您决定") < page.index("待他人决定")
    assert "您是申请人" in page
