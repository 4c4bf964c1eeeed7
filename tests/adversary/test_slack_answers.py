"""Answers before other people's eyes, offers that are pressed again, and notices to who may not see what they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.chat.reply import Answered, Offer, Offers, Said
from api.messengers.reach import among
from api.notices.composing import Composer
from api.notices.routing import persons_of
from knowledge.vocabulary import Role, Scope
from tests.adversary.test_slack_channels import SERVING
from tests.fakes.slack_server import FakeSlack
from tests.fakes.slack_workspace import mention
from tests.slack.conftest import OPS, Engine, SlackRig, _in_haste, ledger_template, rig, slack, slack_rig
from tests.web.story import incident_of

__all__ = ["_in_haste", "ledger_template", "rig", "slack"]


async def test_mention_in_a_channel_of_one_namespace_is_answered_within_it(
    slack: FakeSlack, ledger_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes: list[Scope] = []
    said = Engine.say

    def heard(self: Engine, principal: object, text: str, **more: object) -> object:
        scopes.append(principal.scope)  # type: ignore[attr-defined]
        return said(self, principal, text, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "say", heard)
    async with slack_rig(slack, ledger_template, tmp_path, channels=SERVING) as rig:
        rig.person("rui", Role.VIEWER, Role.RESPONDER, account="U1RUI")
        rig.start()
        ts = rig.slack.write(OPS, "U1RUI", "list pods")
        await rig.send(mention("U1RUI", OPS, "list pods in vault", ts=ts))
        await rig.slack.until(lambda: "You said" in rig.slack.read(OPS, ts))
    assert [one.namespaces for one in scopes] == [("serving",)]


@pytest.mark.parametrize(
    ("mine", "theirs", "seen", "unseen"),
    [
        (("*",), ("serving",), "serving", "vault"),
        (("serving", "vault"), ("serv*",), "serving", "vault"),
        (("se*",), ("serving", "vault"), "serving", "vault"),
        (("vault",), ("serving",), "", "serving"),
        (("vault",), ("serving",), "", "vault"),
        (("pro*",), ("*od",), "", "prod"),
    ],
)
def test_scope_before_others_is_what_both_may_see(
    rig: SlackRig, mine: tuple[str, ...], theirs: tuple[str, ...], seen: str, unseen: str
) -> None:
    person = rig.person("sam", Role.VIEWER, scope=Scope(namespaces=mine))
    scope = among(person, Scope(namespaces=theirs)).scope
    assert not seen or scope.allows(namespace=seen)
    assert not scope.allows(namespace=unseen)


async def test_offer_pressed_twice_in_a_thread_opens_one_incident(rig: SlackRig) -> None:
    from tests.fakes.slack_blocks import buttons
    from tests.fakes.slack_workspace import press

    offer = Offer(label="Open an incident", does="open", text="restart it please")
    rig.engine.answers = lambda text: [Answered(answer=Said(text="ok")), Answered(answer=Offers(offers=(offer,)))]
    rig.start()
    ts = rig.slack.write(OPS, "U1RUI", "restart")
    await rig.send(mention("U1RUI", OPS, "restart it", ts=ts))
    await rig.slack.until(lambda: "Open an incident" in rig.slack.read(OPS, ts))
    (message,) = rig.slack.said(OPS, ts)
    for _ in range(2):
        await rig.send(press("U1RUI", OPS, message, buttons(message)[0], trigger=rig.slack.trigger()))
    everything = Scope()
    await rig.slack.until(lambda: len(rig.slack.said(OPS, ts)) >= 3)
    await rig.slack.until(lambda: "inc-" in str(rig.slack.said(OPS, ts)[-1]))
    assert len(rig.ledger.incidents.list(everything)) == 1


def test_assignee_who_may_not_see_the_incident_is_sent_nothing(rig: SlackRig) -> None:
    incident = incident_of(rig.ledger)
    rig.person("otto", Role.VIEWER, scope=Scope(namespaces=("billing",)))
    rig.person("vera", Role.VIEWER)
    rig.ledger.incidents.assign(incident.id, "otto", "rui")
    notice = Composer(rig.ledger, "").executor_silent(incident.id, "exe-1", "e", "n1")
    assert notice is not None
    assert list(persons_of("@assignee", notice, rig.ledger)) == []
    rig.ledger.incidents.assign(incident.id, "vera", "rui")
    assert list(persons_of("@assignee", notice, rig.ledger)) == ["vera"]
    rig.ledger.principals.disable("vera")
    assert list(persons_of("@assignee", notice, rig.ledger)) == []
