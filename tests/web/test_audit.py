"""Checkpoints of the audit over HTTP, for a keeper on another machine."""

from __future__ import annotations

from pathlib import Path

from knowledge.ledger.checkpoints import open_audit_key, read_checkpoints
from knowledge.vocabulary import Role, Scope
from tests.web.conftest import Rig

PATH = "/api/v1/audit/checkpoints"


async def test_keeper_fetches_the_checkpoints_that_it_lacks(rig: Rig, tmp_path: Path) -> None:
    key = open_audit_key(tmp_path / "audit.key", make=True)
    first = rig.ledger.audit.sign(key)
    rig.ledger.audit.append("ada", "read", "inc-1")
    second = rig.ledger.audit.sign(key)
    assert first is not None
    assert second is not None
    async with rig.client("ada") as ada:
        answer = await ada.get(PATH)
        later = await ada.get(PATH, params={"after": first.sequence})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert read_checkpoints(answer.text.splitlines(), "fetched") == [first, second]
    assert read_checkpoints(later.text.splitlines(), "fetched") == [second]
    assert rig.ledger.audit.check([second], [key.public]).is_whole


async def test_checkpoints_are_an_admins_to_read(rig: Rig) -> None:
    async with rig.client("ana") as ana, rig.client() as nobody:
        assert (await ana.get(PATH)).status_code == 403
        assert (await nobody.get(PATH)).status_code == 401


async def test_audit_is_an_admins_to_read_page_by_page_and_by_stretches_of_time(rig: Rig) -> None:
    for number in range(5):
        rig.ledger.switches.freeze("prod", "ada", f"night {number}")
    path = "/api/v1/audit"
    rig.person("lim", Role.ADMIN, scope=Scope(namespaces=("serving",)))
    async with rig.client("ada") as ada, rig.client("rui") as rui, rig.client("lim") as limited:
        assert (await rui.get(path)).status_code == (await limited.get(path)).status_code == 403
        seen, after, pages = [], 0, 0
        while True:
            page = (await ada.get(path, params={"after": after, "limit": 3})).json()
            seen += [one["sequence"] for one in page["items"]]
            pages += 1
            if page["next"] is None:
                break
            after = page["next"]
        assert seen == list(range(1, len(seen) + 1))
        assert pages == -(-len(seen) // 3)
        assert (await ada.get(path, params={"until": "2020-01-01T00:00:00Z"})).json()["items"] == []
        assert (await ada.get(path, params={"since": "2999-01-01T00:00:00Z"})).json() == {"items": [], "next": None}
        assert (await ada.get(path, params={"since": "yesterday"})).status_code == 422
