"""The audit on the command line: verified against what was kept elsewhere, exported, signed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def make_entries(run: Run, count: int) -> None:
    for number in range(count):
        assert run("freeze", f"reason {number} password=hunter2-Zq81").code == 0


def forge(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as connection:
        for table in ("audit", "audit_checkpoint"):
            for deed in ("update", "delete"):
                connection.execute(f"DROP TRIGGER {table}_no_{deed}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_audit_verify_is_whole_and_says_what_nothing_signed_vouches_for(run: Run) -> None:
    make_entries(run, 2)
    done = run("audit", "verify")
    assert done.code == 0
    assert "whole: 2 entries" in done.out
    assert "nothing signed vouches" in done.out


def test_audit_verify_finds_the_cut_end_when_a_checkpoint_was_kept(run: Run, home: Path, tmp_path: Path) -> None:
    make_entries(run, 3)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(run("audit", "checkpoint").out)
    whole = json.loads(run("audit", "verify", "--checkpoints", str(kept), "--json").out)
    assert (whole["is_whole"], whole["proven_to"]) == (True, 3)
    forge(home, "DELETE FROM audit WHERE sequence = 3", "DELETE FROM audit_checkpoint")
    assert run("audit", "verify").code == 0
    cut = run("audit", "verify", "--checkpoints", str(kept), "--json")
    assert cut.code == 1
    assert [flaw["kind"] for flaw in json.loads(cut.out)["flaws"]] == ["truncated"]


def test_audit_verify_counts_only_the_keys_that_it_was_given(run: Run, home: Path, tmp_path: Path) -> None:
    make_entries(run, 1)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(run("audit", "checkpoint").out)
    old_key = run("audit", "key").out.strip()
    (home / "audit.key").unlink()
    refused = run("audit", "verify", "--checkpoints", str(kept))
    assert (refused.code, "signed by another key" in refused.out) == (1, True)
    assert run("audit", "verify", "--checkpoints", str(kept), "--key", old_key).code == 0


def test_audit_verify_says_which_line_is_no_checkpoint(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept.jsonl").write_text("{}\n")
    run("audit", "verify", "--checkpoints", str(tmp_path / "kept.jsonl")).told(2, "no checkpoint", "line 1")
    run("audit", "verify", "--checkpoints", str(tmp_path / "nowhere")).told(2, "cannot read")


def test_audit_verify_tells_not_whole_from_not_to_be_checked_by_its_code(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_entries(run, 3)
    forge(home, "UPDATE audit SET actor = 'somebody' WHERE sequence = 2")
    human = run("audit", "verify")
    assert (human.code, "edited: entry 2 was edited" in human.out) == (1, True)
    machine = run("audit", "verify", "--json")
    told = json.loads(machine.out)
    assert (machine.code, told["is_whole"], [flaw["kind"] for flaw in told["flaws"]]) == (1, False, ["edited"])
    monkeypatch.setenv("OPSDESK_LEDGER_URL", "sqlite:////nowhere/at/all.db")
    assert run("audit", "verify", "--json").code == 2


def test_audit_export_prints_lines_without_secrets_from_a_moment_on(run: Run) -> None:
    make_entries(run, 2)
    lines = [json.loads(line) for line in run("audit", "export", "--jsonl").out.splitlines()]
    assert [line["verb"] for line in lines] == ["freeze", "freeze"]
    assert "hunter2" not in str(lines)
    assert len(json.loads(run("audit", "export", "--since", "1h").out)) == 2
    assert run("audit", "export", "--since", "2999-01-01", "--jsonl").out == ""
    run("audit", "export", "--since", "soon").told(1, "neither a time nor an age")


def test_audit_export_goes_page_by_page_and_by_stretches_of_time(run: Run) -> None:
    make_entries(run, 5)
    pages = [json.loads(run("audit", "export", "--after", str(after), "--limit", "2").out) for after in (0, 2, 4, 5)]
    assert [[one["sequence"] for one in page] for page in pages] == [[1, 2], [3, 4], [5], []]
    assert run("audit", "export", "--until", "1h", "--jsonl").out == ""
    assert len(run("audit", "export", "--since", "1h", "--until", "2999-01-01", "--jsonl").out.splitlines()) == 5
    run("audit", "export", "--since", "1h", "--until", "2h").told(1, "is not after")


def test_audit_checkpoints_fill_the_file_that_missed_some(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_entries(run, 1)
    assert run("audit", "checkpoint").code == 0
    make_entries(run, 1)
    monkeypatch.setenv("OPSDESK_AUDIT__CHECKPOINT_FILE", str(tmp_path / "kept.jsonl"))
    assert run("audit", "checkpoint").code == 0
    lines = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [line["sequence"] for line in lines] == [1, 2]
    assert run("audit", "checkpoint", "--all").out == (tmp_path / "kept.jsonl").read_text()
