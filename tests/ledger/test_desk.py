"""Who may act, who may post, and the chain that tells who did what."""

from __future__ import annotations

import hashlib
import hmac
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from knowledge.errors import BadInput, MalformedSettings, NotFound, WrongState
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.sources import make_key_file
from knowledge.vocabulary import Role, Scope
from tests.ledger.conftest import TestClock
from tests.ledger.makers import open_incident
from tests.ledger.tampering import without_guard

SECRET = "a-long-enough-webhook-secret"


def stored(ledger: Ledger) -> str:
    """Every table's rows as text: what a thief of the database reads."""
    with ledger._store.read() as session:
        tables = ("principal", "token", "source", "audit")
        return "".join(str(session.execute(text(f"SELECT * FROM {table}")).all()) for table in tables)


def test_principal_is_found_by_any_spelling_of_its_name(ledger: Ledger) -> None:
    scope = Scope(clusters=("prod",), namespaces=("serving*",))
    wei = ledger.principals.add("Wei.Zhang", [Role.APPROVER, Role.VIEWER], scope, person="zhang")
    assert (wei.id, wei.name, wei.scope, wei.person) == ("wei.zhang", "Wei.Zhang", scope, "zhang")
    assert ledger.principals.by_name(" WEI.ZHANG ") == ledger.principals.by_id("wei.zhang") == wei
    with pytest.raises(WrongState):
        ledger.principals.add("WEI.zhang", [], Scope())
    assert ledger.principals.add("张伟", [Role.VIEWER], Scope()).id == "张伟"


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 65, "a\nb", "<b>"])
def test_principal_is_refused_when_its_name_cannot_be_typed(ledger: Ledger, name: str) -> None:
    with pytest.raises(BadInput):
        ledger.principals.add(name, [Role.VIEWER], Scope())


def test_token_opens_its_principal_until_it_is_revoked(ledger: Ledger) -> None:
    wei = ledger.principals.add("wei", [Role.VIEWER], Scope())
    laptop, ci = ledger.principals.issue_token("wei", "laptop"), ledger.principals.issue_token("wei", "ci")
    assert laptop.startswith("ops_")
    assert laptop != ci
    assert ledger.principals.by_token(laptop) == wei
    ledger.principals.revoke_token("wei", "laptop")
    assert ledger.principals.by_token(laptop) is None
    assert ledger.principals.by_token(ci) == wei
    assert [token.label for token in ledger.principals.tokens("wei")] == ["ci"]
    with pytest.raises(NotFound):
        ledger.principals.revoke_token("wei", "laptop")
    with pytest.raises(WrongState):
        ledger.principals.issue_token("wei", "ci")


def test_token_opens_nothing_when_it_has_run_out_or_its_principal_is_disabled(ledger: Ledger, clock: TestClock) -> None:
    ledger.principals.add("wei", [Role.VIEWER], Scope())
    short = ledger.principals.issue_token("wei", "short", clock.at + timedelta(hours=1))
    long = ledger.principals.issue_token("wei", "long")
    clock.advance(hours=1)
    assert ledger.principals.by_token(short) is None
    assert ledger.principals.by_token(long) is not None
    ledger.principals.disable("wei")
    assert ledger.principals.by_token(long) is None
    assert ledger.principals.list() == []
    assert len(ledger.principals.list(with_disabled=True)) == 1


@pytest.mark.parametrize("token", ["", "ops_", "ops_guess", "\x00", "\ud800", "ops_" + "x" * 100_000])
def test_token_that_nobody_issued_opens_nothing(ledger: Ledger, token: str) -> None:
    ledger.principals.add("wei", [Role.VIEWER], Scope())
    ledger.principals.issue_token("wei", "laptop")
    assert ledger.principals.by_token(token) is None


def test_set_roles_takes_effect_for_tokens_at_once(ledger: Ledger) -> None:
    ledger.principals.add("wei", [Role.ADMIN], Scope())
    token = ledger.principals.issue_token("wei", "laptop")
    ledger.principals.set_roles("wei", [Role.VIEWER], Scope(clusters=("test",)))
    now = ledger.principals.by_token(token)
    assert now is not None
    assert (now.roles, now.scope.clusters) == (frozenset({Role.VIEWER}), ("test",))
    with pytest.raises(NotFound):
        ledger.principals.set_roles("nobody", [])


def test_secrets_are_neither_stored_nor_logged(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ledger.principals.add("wei", [Role.VIEWER], Scope())
    token = ledger.principals.issue_token("wei", "laptop")
    ledger.principals.by_token(token)
    source = ledger.sources.add("am", "alertmanager", "bearer", SECRET)
    everything = stored(ledger) + caplog.text + repr(source) + source.model_dump_json()
    assert token not in everything
    assert SECRET not in everything


def test_source_accepts_its_bearer_token_only(ledger: Ledger) -> None:
    ledger.sources.add("am", "alertmanager", "bearer", SECRET)
    source = ledger.sources.get("am")
    assert (source.kind, source.auth) == ("alertmanager", "bearer")
    assert source.accepts_bearer(SECRET)
    for wrong in ("", SECRET + "x", hashlib.sha256(SECRET.encode()).hexdigest(), "\ud800"):
        assert not source.accepts_bearer(wrong)
    assert not source.accepts_signature(b"", hmac.new(SECRET.encode(), b"", hashlib.sha256).hexdigest())


def test_source_accepts_the_hmac_of_the_body_only(ledger: Ledger) -> None:
    ledger.sources.add("gf", "grafana", "hmac", SECRET)
    source, body = ledger.sources.get("gf"), b'{"alerts":[]}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert source.accepts_signature(body, signature)
    assert source.accepts_signature(body, "sha256=" + signature.upper())
    assert not source.accepts_signature(body + b" ", signature)
    for wrong in ("", "sha256=", "中文", "\ud800"):
        assert not source.accepts_signature(body, wrong)
    assert not source.accepts_bearer(SECRET)


def test_source_is_sealed_when_the_desk_has_a_key_file(url: str, clock: TestClock, tmp_path: Path) -> None:
    key, other = tmp_path / "desk.key", tmp_path / "other.key"
    make_key_file(key)
    make_key_file(other)
    assert key.stat().st_mode & 0o077 == 0
    with Ledger.open(url, clock, key_file=key) as ledger:
        ledger.sources.add("gf", "grafana", "hmac", SECRET)
        assert SECRET not in stored(ledger)
        signature = hmac.new(SECRET.encode(), b"x", hashlib.sha256).hexdigest()
        assert ledger.sources.get("gf").accepts_signature(b"x", signature)
    (tmp_path / "broken.key").write_text("no key")
    for wrong in (None, other, tmp_path / "broken.key", tmp_path / "missing.key"):
        with Ledger.open(url, clock, key_file=wrong) as ledger, pytest.raises(MalformedSettings) as refused:
            ledger.sources.get("gf")
        assert refused.value.next_step
    with pytest.raises(BadInput):
        make_key_file(key)


def test_source_is_refused_when_taken_unknown_or_weak(ledger: Ledger) -> None:
    ledger.sources.add("am", "alertmanager", "bearer", SECRET)
    with pytest.raises(WrongState):
        ledger.sources.add("am", "alertmanager", "bearer", SECRET)
    with pytest.raises(BadInput, match="too short"):
        ledger.sources.add("gf", "grafana", "hmac", "secret")
    ledger.sources.remove("am")
    for attempt in (ledger.sources.get, ledger.sources.remove):
        with pytest.raises(NotFound):
            attempt("am")


def test_freeze_of_all_stands_when_one_cluster_is_thawed(ledger: Ledger) -> None:
    ledger.switches.freeze("*", "wei", "incident")
    ledger.switches.freeze("prod", "li", "")
    assert ledger.switches.is_frozen("test") == "incident"
    assert ledger.switches.unfreeze("prod", "li")
    assert not ledger.switches.unfreeze("prod", "li")
    assert ledger.switches.is_frozen("prod") == "incident"
    assert [freeze.cluster for freeze in ledger.switches.list()] == ["*"]
    ledger.switches.unfreeze("*", "wei")
    assert ledger.switches.is_frozen("prod") is None


def test_audit_tells_each_write_in_the_order_of_its_commit(ledger: Ledger) -> None:
    ledger.principals.add("wei", [Role.VIEWER], Scope(), actor="root")
    ledger.switches.freeze("*", "wei", "why")
    ledger.audit.append("wei", "login", "web", {"from": "10.0.0.1", "nul": "\x00", "lone": "\ud800"})
    told = [(entry.sequence, entry.actor, entry.verb, entry.subject) for entry in ledger.audit.entries()]
    assert told == [(1, "root", "principal.add", "wei"), (2, "wei", "freeze", "*"), (3, "wei", "login", "web")]
    assert [entry.sequence for entry in ledger.audit.entries(after=1, limit=1)] == [2]
    assert ledger.audit.verify() == (3, None)


def test_audit_tells_nothing_when_the_write_fails(ledger: Ledger) -> None:
    ledger.principals.add("wei", [Role.VIEWER], Scope())
    with pytest.raises(WrongState):
        ledger.principals.add("wei", [Role.VIEWER], Scope())

    def write_half() -> None:
        with ledger._store.write() as writing:
            writing.audit("wei", "half", "done")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_half()
    assert ledger.audit.verify() == (1, None)


@pytest.mark.parametrize(
    ("edit", "first_bad"),
    [
        ("UPDATE audit SET actor = 'li' WHERE sequence = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE sequence = 3", 3),
        ("UPDATE audit SET digest = previous WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("UPDATE audit SET sequence = 9 WHERE sequence = 5", 5),
    ],
)
def test_audit_finds_the_first_entry_that_was_tampered_with(ledger: Ledger, edit: str, first_bad: int) -> None:
    for number in range(5):
        ledger.audit.append("wei", "read", f"inc-{number}", {"n": number})
    with ledger._store.write() as writing:
        without_guard(writing)
        writing.session.execute(text(edit))
    assert ledger.audit.verify() == (first_bad - 1, first_bad)


def test_audit_is_one_chain_when_many_write_at_once(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: open_incident(ledger, f"tkt-{n}", requester=f"r{n}"), range(24)))
    assert ledger.audit.verify() == (24, None)
