"""The running desk signs its audit by itself, and hands each checkpoint to the log and to a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.audit_keeper import keep_checkpoints, sign_checkpoint
from api.settings import AuditSettings
from knowledge.errors import BadInput
from knowledge.ledger.checkpoints import AuditKey, open_audit_key, read_checkpoints
from knowledge.ledger.ledger import Ledger
from tests.agent.small_desk import empty_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "ledger.db").write_bytes(empty_ledger())
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", lambda: datetime.now(UTC)) as opened:
        yield opened


@pytest.fixture
def key(tmp_path: Path) -> AuditKey:
    return open_audit_key(tmp_path / "audit.key", make=True)


async def test_what_the_audit_grew_by_is_signed_into_the_file_and_the_log(
    ledger: Ledger, key: AuditKey, tmp_path: Path
) -> None:
    file = tmp_path / "kept.jsonl"
    settings = AuditSettings(checkpoint_seconds=0.01, checkpoint_file=file)
    with capture_logs() as logged:
        keeper = asyncio.create_task(keep_checkpoints(ledger, key, settings))
        for number in (1, 2):
            ledger.audit.append("wei", "read", f"inc-{number}")
            for _ in range(1000):
                if len(logged) >= number:
                    break
                await asyncio.sleep(0.01)
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
    kept = read_checkpoints(file.read_text().splitlines(), "kept")
    assert ledger.audit.check(kept, [key.public]).is_whole
    assert [one.sequence for one in kept] == [1, 2]
    assert {entry["checkpoint"] for entry in logged if entry["event"] == "audit_checkpoint"} == {
        one.line for one in kept
    }


async def test_a_file_that_cannot_be_written_is_told_and_filled_later(
    ledger: Ledger, key: AuditKey, tmp_path: Path
) -> None:
    ledger.audit.append("wei", "read", "inc-1")
    away = tmp_path / "away" / "kept.jsonl"
    with pytest.raises(BadInput, match="cannot be written"):
        sign_checkpoint(ledger, key, away)
    away.parent.mkdir()
    assert sign_checkpoint(ledger, key, away) is None
    assert len(away.read_text().splitlines()) == 1
