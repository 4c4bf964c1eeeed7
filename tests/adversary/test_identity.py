"""Doors, links, votes and streams, by who would come in another way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from api.web import acts
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Decision, Role, Scope
from tests.web.conftest import Rig
from tests.web.pages import looked, signed_in
from tests.web.story import whole_story

FORMS = (
    "/account/password", "/account/sessions/end", "/account/tokens", "/account/tokens/revoke", "/account/unlink",
    "/account/preferences", "/sign-out", "/sign-in",
)  # fmt: skip


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
async def test_form_without_its_token_or_from_elsewhere_does_nothing(
    rig: Rig, path: str, headers: dict[str, str]
) -> None:
    browser = await signed_in(rig, "vera")
    if headers:
        del browser.headers["Sec-Fetch-Site"]
    answer = await browser.post(path, data={"csrf": "guessed"}, headers=headers)
    assert answer.status_code == 403, answer.text[:200]
    assert len(rig.ledger.browser_sessions.of("vera")) == 1
    assert len(rig.ledger.principals.tokens("vera")) == 1


@pytest.mark.parametrize(
    "after",
    ["//evil.test", "https://evil.test", "/\\evil.test", "\\\\evil.test", "/\t/evil.test", "javascript:alert(1)",
     "/%0d%0aSet-Cookie:%20a=b", "/\r\nSet-Cookie: a=b", "https:evil.test", "///evil.test", "/..//evil.test"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/language/zh", "/theme/dark", "/sign-in"])
async def test_nobody_is_led_to_another_site(rig: Rig, path: str, after: str) -> None:
    browser = await signed_in(rig, "vera")
    answer = await browser.get(path, params={"next": after})
    assert answer.status_code == 303
    where = httpx.URL("http://desk.test").join(answer.headers["location"])
    assert where.host == "desk.test"
    assert "a=b" not in str(answer.headers.get_list("set-cookie"))


async def test_session_reads_the_api_and_changes_nothing_through_it(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    browser = await signed_in(rig, "ana")
    decision = {"decision": "approve", "digest": story.review.digest}
    assert (await browser.post(f"/api/v1/approvals/{story.approval.id}", json=decision)).status_code == 401
    assert (await browser.post("/api/v1/me/link-code")).status_code == 401
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


@pytest.mark.parametrize(("asker", "voter"), [("ana", "ana2"), ("ana2", "ana"), ("ana3", "ana2")])
def test_who_asked_does_not_approve_under_another_name(rig: Rig, asker: str, voter: str) -> None:
    for name in ("ana2", "ana3"):
        rig.person(name, Role.VIEWER, Role.RESPONDER, Role.APPROVER, person="ana")
    story = whole_story(rig.ledger, requester=asker)
    order = acts.DecisionOrder(decision=Decision.APPROVE, digest=story.review.digest)
    with pytest.raises(OpsdeskError):
        acts.decide(rig.desk, rig.ledger.principals.by_id(voter), story.approval.id, order)
    assert rig.ledger.approvals.get(story.approval.id).votes == ()


def test_votes_cast_at_once_by_one_person_with_two_names_count_once(rig: Rig) -> None:
    from knowledge.vocabulary import Ruling

    rig.person("ana2", Role.VIEWER, Role.APPROVER, person="ana")
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    order = acts.DecisionOrder(decision=Decision.APPROVE, digest=story.review.digest)

    def vote(name: str) -> bool:
        try:
            acts.decide(rig.desk, rig.ledger.principals.by_id(name), story.approval.id, order)
        except OpsdeskError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(vote, ["ana", "ana2"] * 4))
    assert sum(counted) == 1
    request = rig.ledger.approvals.get(story.approval.id)
    assert (request.status, len(request.votes)) == ("waiting", 1)


async def test_buttons_of_an_open_page_do_nothing_for_who_lost_the_scope_or_the_role(rig: Rig) -> None:
    story = whole_story(rig.ledger)
    rig.person("abe", Role.VIEWER, Role.APPROVER, Role.RESPONDER)
    browser = await signed_in(rig, "abe")
    page = await looked(browser, f"/incidents/{story.incident.id}")
    rig.ledger.principals.set_roles("abe", [Role.VIEWER, Role.APPROVER, Role.RESPONDER], Scope(namespaces=("x",)))
    await page.press("Approve")
    assert rig.ledger.approvals.get(story.approval.id).votes == ()
    assert any("no incident" in one for one in page.said), page.said


def test_one_time_link_is_used_once_when_many_use_it_at_once(rig: Rig) -> None:
    assert rig.ledger.credentials.make_welcome(timedelta(hours=1)) is None  # somebody may sign in already
    secret = rig.ledger.credentials.invite("vera", timedelta(hours=1), actor="ada")

    def use(number: int) -> bool:
        try:
            rig.ledger.credentials.use_invitation(secret, f"hash-{number}")
        except OpsdeskError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1


async def test_pages_and_streams_end_when_their_reader_is_disabled(rig: Rig) -> None:
    whole_story(rig.ledger)
    rig.person("tom", Role.VIEWER)
    browser = await signed_in(rig, "tom")
    rig.ledger.principals.disable("tom", actor="ada")
    for path in ("/incidents", "/approvals", "/chat", "/account"):
        answer = await browser.get(path)
        assert answer.status_code == 303, path
        assert "/sign-in" in answer.headers["location"]
    assert (await browser.get("/api/v1/incidents")).status_code == 401
    async with rig.client("tom") as client:
        assert (await client.get("/api/v1/incidents")).status_code == 401


@pytest.mark.parametrize("body", [b"[" * 90_000, b'{"a":' * 15_000, b"\xff\xfe", b"null", b"1e999", b'{"text": NaN}'])
async def test_json_of_whatever_shape_is_a_client_error(rig: Rig, body: bytes) -> None:
    async with rig.client("rui") as rui:
        for path in ("/api/v1/tickets", "/api/v1/chat", "/api/v1/review", "/api/v1/diagnose", "/api/v1/lessons"):
            answer = await rui.post(path, content=body, headers={"Content-Type": "application/json"})
            assert 400 <= answer.status_code < 500, (path, answer.status_code)


@pytest.mark.parametrize("name", ["\r\nBcc: evil@evil.test", "a\nb: c", "\u2028x", "=cmd|' /C calc'!A0"])
async def test_title_of_a_ticket_reaches_no_header(rig: Rig, name: str) -> None:
    from email import message_from_bytes
    from email.policy import default

    from api.bootstrap import utc_now
    from api.notices.composing import Composer
    from api.notices.contract import Address
    from api.notices.mail import EmailChannel
    from api.notices.options import EmailSettings
    from knowledge.vocabulary import Language, Severity, Ticket

    ticket = Ticket(
        id="t1", requester="rui", text=name, language=Language.EN, cluster="prod", service=name, opened_at=utc_now()
    )
    incident = rig.ledger.tickets.open(ticket, name, Severity.HIGH)
    notice = Composer(rig.ledger, "https://desk.test").executor_silent(incident.id, f"exe{name}", name, f"n{name}")
    assert notice is not None
    channel = EmailChannel(
        EmailSettings(host="mail.test", sender="opsdesk@desk.test"), (), language=Language.EN, now=utc_now
    )
    mail = channel.message(notice, Address(to="ops@desk.test"))
    again = message_from_bytes(mail.as_bytes(), policy=default)
    assert again["Bcc"] is None
    assert again["b"] is None
    assert again["To"] == "ops@desk.test"
