"""The chat, by who would learn through it what they may not see, or open something else than was shown."""

from __future__ import annotations

import pytest
from nicegui import ui

from agent.chat.reply import Offer, Offers, ProposedScript, Said
from api.chat import Chat
from knowledge.errors import BadInput, NotFound
from knowledge.ledger.conversations import Message
from knowledge.vocabulary import Role, Ruling, Scope
from tests.web.conftest import Rig
from tests.web.pages import Looked, looked, signed_in
from tests.web.story import incident_of

SCRIPT = "kubectl -n vault scale deployment/keeper --replicas=0"
SERVING = Scope(namespaces=("serving",))


def chat_of(rig: Rig) -> Chat:
    found: Chat = rig.app.state.chat
    return found


def offered(rig: Rig, who: str, *, incident_id: str = "", places: list[str] | None = None) -> Message:
    """An answer with a script, and the offer to open an incident with it, as the engine keeps it."""
    conversations = rig.ledger.conversations
    conversation = conversations.open(who, "stop the keeper of the vault", "web", incident_id)
    conversations.say(conversation.id, "person", who, "stop the keeper of the vault: Deployment/vault/keeper")
    blocks = [
        Said(text="It has one replica."),
        ProposedScript(script=SCRIPT, ruling=Ruling.ONE, reasons=()),
        Offers(offers=(Offer(label="Open an incident", does="open", text=f"stop it\n{SCRIPT}"),)),
    ]
    payload = {
        "blocks": [one.model_dump(mode="json") for one in blocks],
        "understood": {},
        "places": places or [],
        "cluster": "prod",
    }
    return conversations.say(conversation.id, "desk", who, f"I would run {SCRIPT}", payload)


async def test_answer_that_is_hidden_from_somebody_does_not_become_their_incident(rig: Rig) -> None:
    incident = incident_of(rig.ledger)
    sam = rig.person("sam", Role.VIEWER, Role.RESPONDER, scope=SERVING)
    answer = offered(rig, "rui", incident_id=incident.id, places=["vault"])
    shown = chat_of(rig).history(sam, answer.conversation_id)
    assert "keeper" not in str([one.model_dump() for one in shown])
    with pytest.raises(NotFound):
        await chat_of(rig).open_incident(sam, answer.conversation_id, answer.id)
    assert len(rig.ledger.incidents.list(Scope())) == 1


async def test_words_and_titles_of_others_that_lie_outside_are_not_shown(rig: Rig) -> None:
    incident = incident_of(rig.ledger)
    sam = rig.person("sam", Role.VIEWER, Role.RESPONDER, scope=SERVING)
    offered(rig, "rui", incident_id=incident.id, places=["vault"])
    async with rig.client("sam") as client:
        listed = await client.get("/api/v1/chat/conversations", params={"incident_id": incident.id})
    assert listed.status_code == 200
    assert len(listed.json()) == 1
    assert "vault" not in listed.text
    assert [one.title for one in chat_of(rig).about(sam, incident.id)] != ["stop the keeper of the vault"]
    vera = rig.ledger.principals.by_id("vera")
    assert chat_of(rig).about(vera, incident.id)[0].title == "stop the keeper of the vault"


async def test_offer_pressed_twice_opens_one_incident_with_the_script_shown(rig: Rig) -> None:
    answer = offered(rig, "rui")
    browser = await signed_in(rig, "rui")
    page = await looked(browser, f"/chat?c={answer.conversation_id}")
    assert SCRIPT in page.html
    for _ in range(2):
        await pressed(page, "Open an incident")
    found = rig.ledger.incidents.list(Scope())
    assert len(found) == 1
    (ticket,) = rig.ledger.tickets.for_incident(found[0].id)
    assert ticket.text.endswith(SCRIPT)
    assert ticket.cluster == "prod"
    assert rig.ledger.conversations.get(answer.conversation_id).incident_id == found[0].id


async def pressed(page: Looked, text: str) -> None:
    """The offer, and yes in its dialog."""
    await page.press(text)
    dialog = [one for one in page.client.elements.values() if isinstance(one, ui.dialog)]
    if dialog:
        dialog[-1].submit("")
    await page.settled()


async def test_offer_too_long_for_a_ticket_is_refused_and_not_a_bug(rig: Rig) -> None:
    rui = rig.ledger.principals.by_id("rui")
    conversation = rig.ledger.conversations.open("rui", "long", "web", "")
    offers = Offers(offers=(Offer(label="Open", does="open", text="why is it slow? " * 3_000),))
    payload = {"blocks": [offers.model_dump(mode="json")], "understood": {}}
    answer = rig.ledger.conversations.say(conversation.id, "desk", "rui", "I do not know", payload)
    with pytest.raises(BadInput):
        await chat_of(rig).open_incident(rui, conversation.id, answer.id)
