"""Signs checkpoints of the audit while the desk runs, and hands each to what keeps it elsewhere: the log, and a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from api.settings import AuditSettings
from knowledge.errors import BadInput, OpsdeskError
from knowledge.ledger.checkpoints import AuditKey, Checkpoint
from knowledge.ledger.ledger import Ledger

log = structlog.get_logger("opsdesk.audit")


async def keep_checkpoints(ledger: Ledger, key: AuditKey, settings: AuditSettings) -> None:
    """For ever: what the audit has grown by is signed every ``checkpoint_seconds``. A failure is told and tried again."""
    while True:
        try:
            made = await asyncio.to_thread(sign_checkpoint, ledger, key, settings.checkpoint_file)
            if made is not None:
                log.info("audit_checkpoint", checkpoint=made.line)
        except OpsdeskError as error:
            log.warning("audit_not_signed", reason=error.message, next_step=error.next_step)
        await asyncio.sleep(settings.checkpoint_seconds)


def sign_checkpoint(ledger: Ledger, key: AuditKey, file: Path | None) -> Checkpoint | None:
    """One checkpoint, if the audit has grown. Those that the file missed while it was away are appended first."""
    made = ledger.audit.sign(key)
    if file is not None:
        append_missing(ledger, file.expanduser())
    return made


def append_missing(ledger: Ledger, file: Path) -> int:
    """Appends to the file what the ledger has behind the file's last line; how many lines. BadInput when it cannot."""
    from knowledge.ledger.checkpoints import read_checkpoints

    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        last = max((one.sequence for one in read_checkpoints(lines, str(file))), default=0)
        missing = ledger.audit.checkpoints(after=last)
        if missing:
            with file.open("a", encoding="utf-8") as out:
                out.writelines(f"{one.line}\n" for one in missing)
    except OSError as error:
        raise BadInput(
            f"the checkpoint file {file} cannot be written: {error.strerror}",
            next_step="check audit.checkpoint_file in the settings",
        ) from error
    return len(missing)
