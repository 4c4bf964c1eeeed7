"""How an audit chain is found not to be what it was: against itself, and against signed checkpoints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from knowledge.ledger.checkpoints import Checkpoint
from knowledge.vocabulary import AuditEntry, Noun, Text


class AuditFlaw(Noun):
    """Where the chain is not what it was. ``sequence`` is the entry (or the checkpoint's) that does not fit."""

    kind: Literal["missing", "edited", "reordered", "truncated", "rewritten", "unsigned", "foreign_key"]
    sequence: int
    message: Text


class AuditCheck(Noun):
    """What a check found. ``proven_to`` is the last entry that a checkpoint in hand vouches for: what was cut off or
    rewritten behind it, nobody can tell."""

    entries: int
    digest: str
    checkpoints: int
    proven_to: int
    flaws: tuple[AuditFlaw, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.flaws


def flaw_of_entry(entry: AuditEntry, digest: str, previous: str, expected: int) -> AuditFlaw | None:
    """How an entry does not fit its place, None when it does. ``digest`` is what it comes to now."""
    number = entry.sequence
    if number > expected:
        gone = f"{expected}" if number == expected + 1 else f"{expected} to {number - 1}"
        message = Text(en=f"entries are missing: {gone}", zh=f"缺少条目：{gone}")
        return AuditFlaw(kind="missing", sequence=expected, message=message)
    if entry.digest != digest:
        message = Text(en=f"entry {number} was edited", zh=f"条目 {number} 被修改过")
        return AuditFlaw(kind="edited", sequence=number, message=message)
    if number < expected or entry.previous != previous:
        message = Text(
            en=f"entry {number} does not follow the one before it: one of them was replaced or moved",
            zh=f"条目 {number} 与前一条不衔接：其中之一被替换或移动过",
        )
        return AuditFlaw(kind="reordered", sequence=number, message=message)
    return None


def flaw_of_checkpoint(
    one: Checkpoint, digests: Mapping[int, str], last: int, keys: Collection[str]
) -> AuditFlaw | None:
    """How a chain that ends at ``last`` does not fit a checkpoint, None when it does. ``digests`` are what its entries come
    to now; signatures of other keys than ``keys`` do not count (none given: any key's do)."""
    number, at = one.sequence, one.at.isoformat()
    if not one.is_signed():
        message = Text(
            en=f"the signature of checkpoint {number} is wrong: the checkpoint was edited or made up",
            zh=f"检查点 {number} 的签名不正确：检查点被修改或伪造",
        )
        return AuditFlaw(kind="unsigned", sequence=number, message=message)
    if keys and one.key not in keys:
        message = Text(
            en=f"checkpoint {number} is signed by another key, {one.key}: name it too if it was once this desk's",
            zh=f"检查点 {number} 由另一密钥 {one.key} 签名：若曾为本服务台的密钥，请一并给出",
        )
        return AuditFlaw(kind="foreign_key", sequence=number, message=message)
    if number > last:
        message = Text(
            en=f"the chain ends at {last}, but at {at} it had {number} entries: its end was cut off",
            zh=f"审计链止于 {last}，但在 {at} 已有 {number} 条：末尾被截断",
        )
        return AuditFlaw(kind="truncated", sequence=number, message=message)
    if digests.get(number) != one.digest:
        message = Text(
            en=f"up to entry {number} the chain is not the one that was signed at {at}: it was rewritten",
            zh=f"截至条目 {number}，审计链与 {at} 签名时不一致：被改写过",
        )
        return AuditFlaw(kind="rewritten", sequence=number, message=message)
    return None
