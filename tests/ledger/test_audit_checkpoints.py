"""The audit held against signed checkpoints: what whoever owns the database could still hide, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from knowledge.errors import BadInput, MalformedSettings
from knowledge.ledger.audit import GENESIS, _digest
from knowledge.ledger.checkpoints import AuditKey, open_audit_key, read_checkpoints
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import AuditEntry
from tests.ledger.conftest import TestClock
from tests.ledger.tampering import without_guard


@pytest.fixture
def key(tmp_path: Path) -> AuditKey:
    return open_audit_key(tmp_path / "audit.key", make=True)


def write_entries(ledger: Ledger, count: int) -> None:
    for number in range(count):
        ledger.audit.append("wei", "read", f"inc-{number}", {"n": number})


def tamper(ledger: Ledger, *statements: str) -> None:
    with ledger._store.write() as writing:
        without_guard(writing)
        for statement in statements:
            writing.session.execute(text(statement))


def rewrite(ledger: Ledger, entries: list[AuditEntry]) -> None:
    """A forger with the database writes the whole chain anew, each link right."""
    previous = GENESIS
    with ledger._store.write() as writing:
        without_guard(writing)
        for entry in entries:
            forged = entry.model_copy(update={"previous": previous, "actor": "nobody"})
            previous = _digest(forged)
            writing.session.execute(
                text("UPDATE audit SET actor = 'nobody', previous = :previous, digest = :digest WHERE sequence = :n"),
                {"previous": forged.previous, "digest": previous, "n": entry.sequence},
            )


@pytest.mark.parametrize("deed", ["UPDATE audit SET actor = 'li'", "DELETE FROM audit WHERE sequence = 1"])
def test_audit_refuses_to_be_changed_by_the_database_itself(ledger: Ledger, deed: str) -> None:
    write_entries(ledger, 2)
    with pytest.raises(DBAPIError, match="append-only"), ledger._store.write() as writing:
        writing.session.execute(text(deed))
    assert ledger.audit.verify() == (2, None)


def test_checkpoint_vouches_for_the_chain_and_is_made_only_when_it_grew(ledger: Ledger, key: AuditKey) -> None:
    assert ledger.audit.sign(key) is None
    write_entries(ledger, 3)
    first = ledger.audit.sign(key)
    assert first is not None
    assert first.sequence == 3
    assert first.is_signed()
    assert ledger.audit.sign(key) is None
    write_entries(ledger, 1)
    check = ledger.audit.check([first], [key.public])
    assert (check.is_whole, check.entries, check.proven_to) == (True, 4, 3)
    assert ledger.audit.checkpoints() == [first] == read_checkpoints([first.line, ""], "kept")


@pytest.mark.parametrize(
    ("deeds", "flaw"),
    [
        (["DELETE FROM audit WHERE sequence > 3"], ("truncated", 5)),
        (["DELETE FROM audit"], ("truncated", 5)),
        (["DELETE FROM audit WHERE sequence = 2"], ("missing", 2)),
        (["UPDATE audit SET actor = 'li' WHERE sequence = 2"], ("edited", 2)),
        (
            [
                "UPDATE audit SET sequence = 99 WHERE sequence = 2",
                "UPDATE audit SET sequence = 2 WHERE sequence = 3",
                "UPDATE audit SET sequence = 3 WHERE sequence = 99",
            ],
            ("edited", 2),
        ),
    ],
)
def test_check_finds_the_deed_when_a_checkpoint_was_kept_elsewhere(
    ledger: Ledger, key: AuditKey, deeds: list[str], flaw: tuple[str, int]
) -> None:
    write_entries(ledger, 5)
    kept = ledger.audit.sign(key)
    assert kept is not None
    tamper(ledger, *deeds, "DELETE FROM audit_checkpoint")
    check = ledger.audit.check([kept], [key.public])
    assert flaw in [(one.kind, one.sequence) for one in check.flaws]


def test_check_finds_a_chain_written_anew_only_with_a_kept_checkpoint(ledger: Ledger, key: AuditKey) -> None:
    write_entries(ledger, 5)
    kept = ledger.audit.sign(key)
    assert kept is not None
    rewrite(ledger, ledger.audit.entries())
    tamper(ledger, "DELETE FROM audit_checkpoint")
    assert ledger.audit.check().is_whole
    check = ledger.audit.check([kept], [key.public])
    assert [(one.kind, one.sequence) for one in check.flaws] == [("rewritten", 5)]
    assert check.proven_to == 0


def test_check_finds_a_chain_that_was_cut_and_grew_again(ledger: Ledger, key: AuditKey) -> None:
    write_entries(ledger, 5)
    kept = ledger.audit.sign(key)
    assert kept is not None
    tamper(ledger, "DELETE FROM audit WHERE sequence > 3", "DELETE FROM audit_checkpoint")
    write_entries(ledger, 4)
    assert ledger.audit.verify() == (7, None)
    assert [one.kind for one in ledger.audit.check([kept], [key.public]).flaws] == ["rewritten"]


def test_check_refuses_a_checkpoint_that_was_edited_or_signed_by_another(
    ledger: Ledger, key: AuditKey, tmp_path: Path
) -> None:
    write_entries(ledger, 2)
    kept = ledger.audit.sign(key)
    assert kept is not None
    edited = kept.model_copy(update={"digest": GENESIS})
    other = open_audit_key(tmp_path / "other.key", make=True)
    foreign = other.sign(kept.sequence, kept.digest, kept.at)
    assert [one.kind for one in ledger.audit.check([edited], [key.public]).flaws] == ["unsigned"]
    assert [one.kind for one in ledger.audit.check([foreign], [key.public]).flaws] == ["foreign_key"]
    assert ledger.audit.check([foreign], [key.public, other.public]).is_whole


def test_audit_key_is_its_owners_alone_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    key = open_audit_key(path, make=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_audit_key(path, make=True).public == key.public
    assert list(tmp_path.iterdir()) == [path]


def test_audit_key_is_refused_when_everyone_may_read_it_or_it_is_none(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    open_audit_key(path, make=True)
    path.chmod(0o644)
    with pytest.raises(MalformedSettings, match="everyone may read") as refused:
        open_audit_key(path, make=False)
    assert "chmod 600" in refused.value.next_step
    (tmp_path / "prose").write_text("not a key")
    (tmp_path / "prose").chmod(0o600)
    with pytest.raises(MalformedSettings, match="no private key"):
        open_audit_key(tmp_path / "prose", make=False)
    with pytest.raises(MalformedSettings, match="cannot be read"):
        open_audit_key(tmp_path / "nowhere", make=False)


def test_kept_checkpoints_are_refused_with_the_line_that_is_none() -> None:
    with pytest.raises(BadInput) as refused:
        read_checkpoints(['{"sequence": 1}'], "kept.jsonl")
    assert (refused.value.source, refused.value.line) == ("kept.jsonl", 1)


def test_export_begins_where_it_is_asked_to(ledger: Ledger, clock: TestClock) -> None:
    write_entries(ledger, 2)
    later = clock.advance(hours=1)
    write_entries(ledger, 1)
    assert [entry.sequence for entry in ledger.audit.export()] == [1, 2, 3]
    assert [entry.sequence for entry in ledger.audit.export(later)] == [3]
