"""What the desk knows grows by two people: one proposes, another accepts."""

from __future__ import annotations

import pytest

from api.web import lore
from knowledge.case_file import parse_case
from knowledge.errors import NotAuthorised
from knowledge.vocabulary import Lesson, Role, Scope
from tests.web.conftest import Rig
from tests.web.story import incident_of
from tools.script.placeholders import validate_template

CASE = """---
id: gateway-forgets-its-upstream
kind: fault
layer: gateway
services: []
faults: []
alerts: []
ask_for: []
sources:
- where this was learned
title:
  en: The gateway forgets its upstream
  zh: 网关忘记了上游
---

## Symptoms / 症状

en: Every call answers 503 after a reload. The key is sk-abcdefghijklmnopqrstuvwxyz012345.

zh: 重载后所有请求返回 503。

## Cause / 原因

en: The reload drops the upstream list.

zh: 重载时丢失上游列表。

## Remedy / 处置

```kubectl
kubectl -n <namespace> rollout restart deployment/<deployment>
```

1. en: Tell the gateway's owner.
   zh: 通知网关负责人。

## Verification / 验证

en: Calls answer 200 again.

zh: 请求恢复 200。
"""


async def test_proposal_becomes_a_case_when_somebody_else_accepts_it(rig: Rig) -> None:
    rig.person("rob", Role.RESPONDER)
    async with rig.client("rui") as rui, rig.client("rob") as rob:
        proposed = await rui.post("/api/v1/lessons", json={"markdown": CASE})
        assert proposed.status_code == 201
        lesson = proposed.json()
        assert lesson["proposed_by"] == "rui"
        assert (await rob.get("/api/v1/cases/gateway-forgets-its-upstream")).status_code == 404
        own = await rui.post(f"/api/v1/lessons/{lesson['id']}", json={"decision": "accept"})
        assert own.status_code == 403
        assert (await rob.post(f"/api/v1/lessons/{lesson['id']}", json={"decision": "accept"})).status_code == 200
        held = (await rui.get("/api/v1/cases/gateway-forgets-its-upstream")).json()["markdown"]
        assert "drops the upstream list" in held
        assert "sk-abcdefghijklmnopqrstuvwxyz012345" not in held
        found = (await rui.get("/api/v1/kb/search", params={"q": "gateway forgets upstream 503"})).json()["cases"]
        assert "gateway-forgets-its-upstream" in [one["case_id"] for one in found]
        again = await rob.post(f"/api/v1/lessons/{lesson['id']}", json={"decision": "reject"})
        assert again.status_code == 409
    verbs = [(one.actor, one.verb) for one in rig.ledger.audit.entries(limit=1000)]
    assert ("rui", "lesson.propose") in verbs
    assert ("rob", "lesson.decide") in verbs


@pytest.mark.parametrize(
    ("markdown", "told"),
    [
        ("", "the proposal"),
        ("no front matter at all", "the proposal"),
        (CASE.replace("kind: fault", "kind: rumour"), "kind"),
        (CASE.replace("rollout restart", "exec -it sh"), "exec"),
    ],
)
async def test_proposal_that_is_no_case_is_refused_saying_what_is_wrong(rig: Rig, markdown: str, told: str) -> None:
    async with rig.client("rui") as rui:
        answer = await rui.post("/api/v1/lessons", json={"markdown": markdown})
    assert answer.status_code == 422
    assert told in answer.text
    assert rig.ledger.lessons.list() == []


async def test_viewer_neither_proposes_nor_accepts(rig: Rig) -> None:
    async with rig.client("rui") as rui, rig.client("vera") as vera:
        lesson = (await rui.post("/api/v1/lessons", json={"markdown": CASE})).json()
        assert (await vera.post("/api/v1/lessons", json={"markdown": CASE})).status_code == 403
        answer = await vera.post(f"/api/v1/lessons/{lesson['id']}", json={"decision": "accept"})
        assert answer.status_code == 403
        assert [one["status"] for one in (await vera.get("/api/v1/lessons")).json()] == ["proposed"]


async def test_lesson_of_an_incident_outside_the_scope_is_not_found(rig: Rig) -> None:
    incident = incident_of(rig.ledger, "far", namespace="training", service="finetune")
    rig.ledger.lessons.propose(
        Lesson(id="les-far", incident_id=incident.id, case_id="far", markdown=CASE, created_at=incident.opened_at)
    )
    rig.person("near", Role.RESPONDER, scope=Scope(namespaces=("serving",)))
    async with rig.client("near") as near, rig.client("rui") as rui:
        assert (await near.get("/api/v1/lessons")).json() == []
        assert (await near.post("/api/v1/lessons/les-far", json={"decision": "accept"})).status_code == 404
        assert [one["id"] for one in (await rui.get("/api/v1/lessons")).json()] == ["les-far"]


def test_uploaded_files_go_in_and_the_broken_one_is_named(rig: Rig) -> None:
    admin = rig.ledger.principals.by_id("ada")
    files = [
        lore.Upload("../../etc/gateway.md", CASE.encode()),
        lore.Upload("half.md", CASE.replace("kind: fault", "kind: rumour").encode()),
        lore.Upload("notes.txt", b"How we drain a rack: one node at a time."),
        lore.Upload("photo.exe", b"MZ"),
        lore.Upload("", b""),
    ]
    told: list[tuple[int, int]] = []
    report = lore.take_in(rig.desk, admin, files, lambda done, of, last: told.append((done, of)))
    assert [one.outcome for one in report.files] == ["added", "failed", "added", "failed", "failed"]
    assert told == [(number, 5) for number in range(1, 6)]
    assert "/tmp" not in "".join(one.reason for one in report.files)
    documents = rig.desk.library.entries("documents")
    assert [row.source for row in documents if "notes" in row.title.en] == ["ada: notes.txt"]
    with pytest.raises(NotAuthorised):
        lore.take_in(rig.desk, rig.ledger.principals.by_id("rui"), files)


def test_form_that_the_page_offers_is_a_case() -> None:
    from api.web.console.pages.knowledge import CASE_FORM

    assert parse_case(CASE_FORM, validate_template).kind == "fault"
