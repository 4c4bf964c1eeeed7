"""Asking on the web: nothing typed is lost, nothing is opened twice, and nothing is asked for places of others."""

from __future__ import annotations

from knowledge.vocabulary import Role, Scope
from tests.web.conftest import Rig
from tests.web.pages import drawn, looked, signed_in

WORDS = "What is wrong"


async def test_ticket_opens_its_incident_and_leads_there(rig: Rig) -> None:
    page = await looked(await signed_in(rig, "rui"), "/tickets/new")
    page.fill(WORDS, "qwen2-7b is slow")
    page.fill("Namespace", "serving")
    page.fill("Service", "qwen2-7b")
    await page.press("Open ticket")
    (incident,) = rig.ledger.incidents.list(Scope())
    assert (incident.title, incident.requester, incident.namespace) == ("qwen2-7b is slow", "rui", "serving")
    assert page.said == ["The ticket is open; this page follows what happens.", f"-> /incidents/{incident.id}"]
    assert rig.ledger.tickets.for_incident(incident.id)[0].channel == "web"


async def test_refused_ticket_says_why_and_keeps_every_word(rig: Rig) -> None:
    rig.person("rob", Role.RESPONDER, scope=Scope(namespaces=("dev",)))
    page = await looked(await signed_in(rig, "rob"), "/tickets/new")
    page.fill(WORDS, "restart it, please")
    page.fill("Namespace", "prod")
    await page.press("Open ticket")
    assert "prod/prod is outside your scope" in page.said[0]
    assert "restart it, please" in page.html
    page.fill("Namespace", "dev")
    await page.press("Open ticket")
    assert [one.namespace for one in rig.ledger.incidents.list(Scope())] == ["dev"]


async def test_ticket_that_says_nothing_or_too_much_is_refused_with_what_to_do(rig: Rig) -> None:
    page = await looked(await signed_in(rig, "rui"), "/tickets/new")
    for text, told in (("", "says nothing"), (" \u200b", "says nothing"), ("slow " * 5_000, "hand in the part"), ("a\x00b", "NUL")):  # fmt: skip
        page.fill(WORDS, text)
        await page.press("Open ticket")
        assert told in page.said[-1], text[:20]
    assert rig.ledger.incidents.list(Scope()) == []


async def test_ticket_pressed_twice_opens_one_incident(rig: Rig) -> None:
    page = await looked(await signed_in(rig, "rui"), "/tickets/new")
    page.fill(WORDS, "slow")
    button = next(one for one in page.client.elements.values() if one.props.get("innerHTML") == "Open ticket")
    page.send_press(button)
    page.send_press(button)
    await page.settled()
    await page.press("Open ticket")
    (incident,) = rig.ledger.incidents.list(Scope())
    assert len(rig.ledger.tickets.for_incident(incident.id)) == 1


async def test_secret_in_what_was_pasted_is_not_kept(rig: Rig) -> None:
    page = await looked(await signed_in(rig, "rui"), "/tickets/new")
    pasted = "$ kubectl logs ledger-1 -n billing\npassword=hunter2-is-long-enough\nline\nline\nline"
    page.fill(WORDS, f"invoices are down\n{pasted}\n")
    await page.press("Open ticket")
    (incident,) = rig.ledger.incidents.list(Scope())
    (ticket,) = rig.ledger.tickets.for_incident(incident.id)
    assert "kubectl logs ledger-1" in ticket.text
    assert "hunter2" not in ticket.text


async def test_address_fills_the_form_and_sends_nothing(rig: Rig) -> None:
    rui = await signed_in(rig, "rui")
    page = drawn(await rui.get("/tickets/new", params={"text": "scale it", "cluster": "moon", "service": "bge-m3"}))
    assert "scale it" in page
    assert "bge-m3" in page
    assert "moon" not in page.split("Cluster")[1].split("Namespace")[0]
    assert rig.ledger.incidents.list(Scope()) == []


async def test_viewer_is_told_that_asking_takes_the_role(rig: Rig) -> None:
    answer = await (await signed_in(rig, "vera")).get("/tickets/new")
    assert answer.status_code == 403
    assert "lacks the role responder" in answer.text
